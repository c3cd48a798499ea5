"""Where a head points, from its 68 landmarks."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.types import Floats

# Points of a head, millimetres, the nose tip at the origin, x to the picture's right, y down, z
# away from the camera; 90 mm lie between the outer corners of the eyes. The mean of people whose
# landmarks and turns a teacher gives, a little flatter, as landmarks of turned heads come out too
# level: `python -m export.reading.head` fits it again.
POINTS: Final = (30, 8, 27, 28, 29, 31, 33, 35, 36, 39, 42, 45, 48, 54)  # in the iBUG order
HEAD: Final[Floats] = np.array(
    [
        [0, 0, 0],
        [0, 81.2, 32.0],
        [0, -31.9, 22.3],
        [0, -18.1, 12.1],
        [0, -8.2, 4.3],
        [-13.8, 9.9, 17.3],
        [0, 13.3, 12.6],
        [13.8, 9.9, 17.3],
        [-45, -31.1, 45.4],
        [-18, -30.4, 37.6],
        [18, -30.4, 37.6],
        [45, -31.1, 45.4],
        [-25.7, 37.5, 36.1],
        [25.7, 37.5, 36.1],
    ],
    np.float32,
)
AXIS_MM: Final = 60.0
FLATTEST: Final = 0.3  # of a head's longer side in the picture; what is flatter is none


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """A head's rotation against the line on which it is seen, and its axes in the picture.

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


def pose_of(landmarks: Floats) -> Pose | None:
    """Fit a generic head to a face's landmarks.

    No camera is assumed: a cut-out is as good as the picture it is from.

    Args:
        landmarks: (68, 2) float32, pixels of a frame.

    Returns:
        The pose; None where no head fits.

    Source: scaled orthographic projection by least squares, brought to the nearest rotation.
    """
    image = landmarks[list(POINTS)].astype(np.float64)
    if not np.isfinite(image).all() or np.ptp(image, axis=0).min() < 1:  # a point or a line
        return None
    head = HEAD.astype(np.float64)
    fitted = np.linalg.lstsq(head - head.mean(axis=0), image - image.mean(axis=0), rcond=None)[0].T
    left, lengths, right = np.linalg.svd(fitted, full_matrices=False)
    if lengths[1] < FLATTEST * lengths[0]:
        return None
    rows = left @ right
    rotation = np.vstack([rows, np.cross(*rows)])
    out = -rotation[:, 2]  # out of the face
    ends = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -1]], np.float64) * AXIS_MM
    axes = landmarks[POINTS[0]] + lengths.mean() * (ends @ rows.T)
    return Pose(
        yaw_deg=float(np.degrees(np.arctan2(out[0], -out[2]))),
        pitch_deg=float(np.degrees(np.arctan2(out[1], np.hypot(out[0], out[2])))),
        roll_deg=float(np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0]))),
        axes=np.asarray(axes, np.float32),
    )
