"""From the engine's values to those of the front door."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.types import Analysis, Floats, Image
from fer_live.types import Face, Faces, Moment, Probabilities

T = TypeVar("T", bound=np.generic)


def faces_of(analysis: Analysis, *, rgb: bool) -> Faces:
    """Give the faces of one frame.

    Args:
        analysis: Of the frame.
        rgb: The order of the colours in the crops.
    """
    pairs = zip(analysis.tracks, analysis.predictions, strict=True)
    return Faces(
        Face(
            id=track.id,
            box=_read_only(track.box),
            landmarks=_read_only(track.landmarks),
            score=track.score,
            expression=prediction.expression,
            probabilities=Probabilities(prediction.probabilities.tolist(), prediction.labels),
            valence=prediction.valence,
            arousal=prediction.arousal,
            reliability=prediction.reliability,
            crop=_crop(analysis.frame.image, track.box, rgb=rgb),
            rgb=rgb,
            derived=prediction.derived,
            measures=dict(prediction.measures),
        )
        for track, prediction in pairs
    )


def moment_of(analysis: Analysis, *, rgb: bool) -> Moment:
    """Give one frame with its faces.

    Args:
        analysis: Of the frame.
        rgb: The order of the colours.
    """
    frame = analysis.frame
    image = cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB) if rgb else frame.image
    faces = faces_of(analysis, rgb=rgb)
    return Moment(frame.index, frame.time_s, _read_only(np.asarray(image)), faces, frame.file or "")


def _read_only(array: NDArray[T]) -> NDArray[T]:
    view = array.view()
    view.flags.writeable = False
    return view


def _crop(image: Image, box: Floats, *, rgb: bool) -> Image:
    """Copy what is inside the box, so that a face kept does not keep its whole frame."""
    height, width = image.shape[:2]
    x0, y0 = (int(np.clip(np.floor(box[at]), 0, (width, height)[at] - 1)) for at in (0, 1))
    x1, y1 = (int(np.clip(np.ceil(box[at + 2]) + 1, 1, (width, height)[at])) for at in (0, 1))
    part = image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    crop = cv2.cvtColor(part, cv2.COLOR_BGR2RGB) if rgb else part.copy()
    crop.flags.writeable = False
    return np.asarray(crop, np.uint8)
