"""Where a head points, from its 68 landmarks."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from engine.types import Floats

# Six points of a generic adult head, millimetres, the nose tip at the origin, x to the picture's
# right, y down, z away from the camera. Order: nose tip, chin, outer eye corners, mouth corners.
HEAD: Final[Floats] = np.array(
    [
        [0, 0, 0],
        [0, 66, 13],
        [-45, -34, 27],
        [45, -34, 27],
        [-29, 29, 25],
        [29, 29, 25],
    ],
    np.float32,
)
POINTS: Final = (30, 8, 36, 45, 48, 54)  # the same in the iBUG order
AXIS_MM: Final = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """A head's rotation, and its three axes as they lie in the picture.

    Attributes:
        yaw_deg: Positive where the face looks to the picture's right.
        pitch_deg: Positive where it looks down.
        roll_deg: Positive where it is tilted clockwise in the picture.
        axes: (4, 2) float32, pixels: nose tip, then the ends of the axes that point to the
            picture's right, down, and out of the face.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    axes: Floats


def pose_of(landmarks: Floats, size: tuple[int, int]) -> Pose | None:
    """Fit a generic head to a face's landmarks.

    Args:
        landmarks: (68, 2) float32, pixels of a frame.
        size: Width and height of the frame, pixels; its camera is taken to see 50 degrees.

    Returns:
        The pose; None where no head fits.

    Source: perspective-n-point, Levenberg-Marquardt (OpenCV `solvePnP`, iterative).
    """
    width, height = size
    focal = max(width, height) / (2 * np.tan(np.radians(25)))
    camera = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]], np.float64)
    image = landmarks[list(POINTS)].astype(np.float64)
    if not np.isfinite(image).all() or np.ptp(image, axis=0).min() < 1:  # a point or a line
        return None
    found, turn, shift = cv2.solvePnP(
        HEAD.astype(np.float64), image, camera, None, flags=cv2.SOLVEPNP_SQPNP
    )
    if not found or shift[2, 0] <= 0:
        return None
    turn, shift = cv2.solvePnPRefineLM(HEAD.astype(np.float64), image, camera, None, turn, shift)
    rotation = cv2.Rodrigues(turn)[0]
    ends = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -1]], np.float64) * AXIS_MM
    axes = cv2.projectPoints(ends, turn, shift, camera, None)[0].reshape(4, 2)
    out = -rotation[:, 2]  # out of the face
    return Pose(
        yaw_deg=float(np.degrees(np.arctan2(out[0], -out[2]))),
        pitch_deg=float(np.degrees(np.arctan2(out[1], np.hypot(out[0], out[2])))),
        roll_deg=float(np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0]))),
        axes=np.asarray(axes, np.float32),
    )
