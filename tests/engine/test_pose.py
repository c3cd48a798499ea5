"""Heads turned by known angles."""

import cv2
import numpy as np
import pytest

from engine.pose import HEAD, POINTS, pose_of

SIZE = (640, 360)
FOCAL = 640 / (2 * np.tan(np.radians(25)))
CAMERA = np.array([[FOCAL, 0, 320], [0, FOCAL, 180], [0, 0, 1]])


def turned(yaw=0.0, pitch=0.0, roll=0.0, place=(20.0, 10.0, 600.0)):
    """Landmarks of a head that looks to the picture's right, down, and is tilted clockwise."""
    angles = [(0, -yaw, 0), (pitch, 0, 0), (0, 0, roll)]
    ry, rx, rz = (cv2.Rodrigues(np.radians(np.array(a, float)))[0] for a in angles)
    points = cv2.projectPoints(
        HEAD.astype(float), cv2.Rodrigues(ry @ rx @ rz)[0], np.array(place), CAMERA, None
    )[0]
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[list(POINTS)] = points.reshape(-1, 2)
    return landmarks


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0, 0, 0), (25, 0, 0), (-40, 0, 0), (0, 15, 0), (0, -20, 0)]
)
def test_angles_are_found_again(yaw, pitch, roll):
    pose = pose_of(turned(yaw, pitch, roll), SIZE)
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == pytest.approx((yaw, pitch, roll), abs=1)


def test_a_tilted_head_has_tilted_axes():
    pose = pose_of(turned(roll=30), SIZE)
    assert pose.roll_deg == pytest.approx(30, abs=1)
    across = pose.axes[1] - pose.axes[0]
    assert np.degrees(np.arctan2(across[1], across[0])) == pytest.approx(30, abs=3)


def test_the_axis_out_of_the_face_points_where_it_looks():
    right = pose_of(turned(yaw=35), SIZE)
    assert right.axes[3, 0] > right.axes[0, 0] + 10
    down = pose_of(turned(pitch=35), SIZE)
    assert down.axes[3, 1] > down.axes[0, 1] + 10


@pytest.mark.parametrize("landmarks", [np.full((68, 2), 50), np.tile([[50, 0]], (68, 1))])
def test_points_on_one_spot_are_no_head(landmarks):
    assert pose_of(np.asarray(landmarks, np.float32), SIZE) is None
