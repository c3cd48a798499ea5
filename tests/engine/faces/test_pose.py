import cv2
import numpy as np
import pytest

from engine.faces.pose import HEAD, POINTS, pose_of

WIDTH, HEIGHT = 1280, 720
FOCAL = 640 / np.tan(np.radians(25))


def seen(yaw=0.0, pitch=0.0, roll=0.0, at=(0.0, 0.0, 700.0)):
    """Landmarks of the model's head turned in this order: yaw, pitch, roll; degrees."""
    y, p, r = np.radians([-yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    turn = cv2.Rodrigues(about_z @ about_y @ about_x)[0]
    camera = np.array([[FOCAL, 0, 640], [0, FOCAL, 360], [0, 0, 1]])
    points = cv2.projectPoints(HEAD.astype(np.float64), turn, np.array(at), camera, np.zeros(4))[
        0
    ].reshape(-1, 2)
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[list(POINTS)] = points
    return landmarks


@pytest.mark.parametrize("yaw", [-40, -10, 0, 25])
def test_yaw_is_positive_to_the_right_of_the_picture(yaw):
    pose = pose_of(seen(yaw=yaw), (WIDTH, HEIGHT))
    assert pose.yaw_deg == pytest.approx(yaw, abs=0.5)
    if yaw:
        assert np.sign(pose.axes[3, 0] - pose.axes[0, 0]) == np.sign(yaw)


@pytest.mark.parametrize("pitch", [-20, 15])
def test_pitch_is_positive_downwards(pitch):
    pose = pose_of(seen(pitch=pitch), (WIDTH, HEIGHT))
    assert pose.pitch_deg == pytest.approx(pitch, abs=0.5)
    assert np.sign(pose.axes[3, 1] - pose.axes[0, 1]) == np.sign(pitch)


@pytest.mark.parametrize("roll", [-30, 20])
def test_roll_is_positive_clockwise(roll):
    pose = pose_of(seen(roll=roll), (WIDTH, HEIGHT))
    assert pose.roll_deg == pytest.approx(roll, abs=0.5)
    assert np.sign(pose.axes[1, 1] - pose.axes[0, 1]) == np.sign(roll)


def test_axes_start_at_the_nose_and_are_float32():
    landmarks = seen(yaw=10, at=(80.0, -40.0, 600.0))
    pose = pose_of(landmarks, (WIDTH, HEIGHT))
    assert pose.axes.dtype == np.float32
    assert np.allclose(pose.axes[0], landmarks[30], atol=0.5)


def test_a_pixel_of_noise_turns_a_head_by_few_degrees():
    rng = np.random.default_rng(3)
    off = []
    for _ in range(50):
        landmarks = seen(yaw=15) + rng.normal(0, 1, (68, 2)).astype(np.float32)
        off.append(abs(pose_of(landmarks, (WIDTH, HEIGHT)).yaw_deg - 15))
    assert np.mean(off) < 3


@pytest.mark.parametrize("value", [np.nan, np.inf, 200.0])
def test_points_that_fit_no_head_give_none(value):
    assert pose_of(np.full((68, 2), value, np.float32), (WIDTH, HEIGHT)) is None


def test_head_is_a_generic_adults():
    """Another head would turn every pose; each number in millimetres."""
    wanted = [[0, 0, 0], [0, 66, 13], [-45, -34, 27], [45, -34, 27], [-29, 29, 25], [29, 29, 25]]
    np.testing.assert_array_equal(HEAD, wanted)
    assert POINTS == (30, 8, 36, 45, 48, 54)


@pytest.mark.parametrize("size", [(WIDTH, HEIGHT), (HEIGHT, WIDTH)])
@pytest.mark.parametrize("turn", [(0, 0, 0), (30, -10, 0), (-20, 15, 40)])
def test_angles_and_axes_are_those_of_the_head_that_was_seen(size, turn):
    """The camera sees 50 degrees across the longer side, its centre is the frame's."""
    width, height = size
    yaw, pitch, roll = np.radians([-turn[0], turn[1], turn[2]])
    at = np.array([60.0, -40.0, 650.0])
    about = [
        cv2.Rodrigues(np.array(axis, float) * angle)[0]
        for axis, angle in (((0, 0, 1), roll), ((0, 1, 0), yaw), ((1, 0, 0), pitch))
    ]
    rotation = about[0] @ about[1] @ about[2]

    def project(points):
        placed = points @ rotation.T + at
        return FOCAL * placed[:, :2] / placed[:, 2:] + [width / 2, height / 2]

    landmarks = np.zeros((68, 2), np.float32)
    landmarks[list(POINTS)] = project(HEAD.astype(float))
    pose = pose_of(landmarks, size)
    out = -rotation[:, 2]
    assert pose.yaw_deg == pytest.approx(np.degrees(np.arctan2(out[0], -out[2])), abs=0.1)
    level = np.hypot(out[0], out[2])
    assert pose.pitch_deg == pytest.approx(np.degrees(np.arctan2(out[1], level)), abs=0.1)
    across = np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0]))
    assert pose.roll_deg == pytest.approx(across, abs=0.1)
    ends = 60.0 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -1]])
    np.testing.assert_allclose(pose.axes, project(ends), atol=0.2)


@pytest.mark.parametrize("axis", [0, 1])
def test_points_on_a_line_have_no_pose(axis):
    landmarks = seen()
    landmarks[:, axis] = 200.0 + 0.9 * (landmarks[:, axis] > landmarks[:, axis].mean())
    assert pose_of(landmarks, (WIDTH, HEIGHT)) is None
    landmarks[30, axis] += 300
    assert pose_of(landmarks, (WIDTH, HEIGHT)) is None or np.ptp(landmarks[:, axis]) > 1


@pytest.mark.parametrize(("found", "depth"), [(False, 600.0), (True, -600.0)])
def test_head_that_is_not_found_or_lies_behind_the_camera_is_none(monkeypatch, found, depth):
    answer = found, np.zeros((3, 1)), np.array([[0.0], [0.0], [depth]])
    monkeypatch.setattr(cv2, "solvePnP", lambda *_, **__: answer)
    assert pose_of(seen(), (WIDTH, HEIGHT)) is None
