"""The 68-point scheme (iBUG order) and the five points that alignment uses."""

from typing import Final

import numpy as np

from engine.types import Floats

JAW: Final = slice(0, 17)  # subject's right ear to left ear, through the chin (8)
BROWS: Final = slice(17, 27)
NOSE: Final = slice(27, 36)
RIGHT_EYE: Final = slice(36, 42)  # the subject's right: smaller x on an upright face
LEFT_EYE: Final = slice(42, 48)
MOUTH: Final = slice(48, 68)
NOSE_TIP: Final = 30
MOUTH_CORNERS: Final = (48, 54)
_NOSE_AND_MOUTH: Final = (NOSE_TIP, *MOUTH_CORNERS)
_EYES: Final = (RIGHT_EYE, LEFT_EYE)
EYE_CORNERS: Final = (36, 45)  # the inter-ocular distance of the field's error measure

# Index of the point that each point becomes when the picture is mirrored.
MIRROR: Final = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *range(27, 31),
        *range(35, 30, -1),
        *(45, 44, 43, 42, 47, 46),
        *(39, 38, 37, 36, 41, 40),
        *range(54, 47, -1),
        *range(59, 54, -1),
        *range(64, 59, -1),
        *(67, 66, 65),
    ],
    dtype=np.intp,
)

# The five points in a unit crop: their mean over the 27,509 FER+ training pictures whose
# teacher landmarks agree with their mirror image within 6 %, made left-right symmetric.
# `python -m training.data.template` prints them again.
TEMPLATE: Final[Floats] = np.array(
    [[0.3212, 0.3823], [0.6788, 0.3823], [0.5, 0.5833], [0.3589, 0.7666], [0.6411, 0.7666]],
    dtype=np.float32,
)
# FER+ pictures end at the chin; a little more keeps an open mouth inside the crop. Chosen on
# FER+ validation: cross-entropy 0.517 at a tenth, 0.510 at a twentieth, 0.516 at nothing.
MARGIN: Final = 0.05


def five_points(landmarks: Floats) -> Floats:
    """Reduce 68 points to eye centres, nose tip and mouth corners.

    Args:
        landmarks: (..., 68, 2).

    Returns:
        (..., 5, 2) float32 in the order of `engine.types.Detection.points`.
    """
    points = np.empty((*landmarks.shape[:-2], 5, 2), np.float32)
    points[..., 0, :], points[..., 1, :] = (eye_centre(landmarks, eye) for eye in _EYES)
    points[..., 2:, :] = landmarks[..., _NOSE_AND_MOUTH, :]
    return points


def eye_centre(landmarks: Floats, eye: slice) -> Floats:
    """Average the points of an eye, `RIGHT_EYE` or `LEFT_EYE`: (..., 2)."""
    # As `mean` does, at a third of the time: this is asked for many times a frame.
    summed: Floats = np.add.reduce(landmarks[..., eye, :], axis=-2)
    return summed / np.float32(eye.stop - eye.start)


def box_of(landmarks: Floats) -> Floats:
    """Give the face box of 68 points: their extent with a forehead added.

    The points end at the brows; detectors frame the whole face, so the side where the forehead is
    moves out by 0.3 of the extent: upwards, unless the face lies.

    Args:
        landmarks: (68, 2).

    Returns:
        (4,) float32, x0 y0 x1 y1.
    """
    box = np.empty(4, np.float32)
    low, high = box[:2], box[2:]
    np.minimum.reduce(landmarks, axis=0, out=low)
    np.maximum.reduce(landmarks, axis=0, out=high)
    across, down = (eye_centre(landmarks, LEFT_EYE) - eye_centre(landmarks, RIGHT_EYE)).tolist()
    axis = int(abs(across) >= abs(down))  # from chin to forehead: down the picture, or across
    outwards = down > 0 if axis == 0 else across < 0  # is the forehead's end the larger one
    box[axis + 2 * outwards] += np.float32(0.3 if outwards else -0.3) * (high[axis] - low[axis])
    return box
