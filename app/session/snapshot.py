"""One picture of the session as a PNG file."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from app.session.annotated import VideoConfig
from app.session.naming import NAMELESS, NamedFaces
from engine.drawing.overlay import Overlay
from engine.errors import SinkError
from engine.faces.blur import FaceBlur, blur_faces
from engine.files import PartialFile
from engine.types import Analysis, Image


def save_snapshot(
    folder: Path,
    analysis: Analysis,
    look: VideoConfig,
    now: datetime,
    *,
    around: Sequence[Analysis] = (),
    whole: bool = False,
    named: NamedFaces = NAMELESS,
) -> Path:
    """Draw a frame as the recorded video would show it, and save it.

    Takes tens of milliseconds: not for the thread of a window.

    Args:
        folder: Where it goes; made if it is not there.
        analysis: The frame.
        look: Blurred or not, drawn over or not; the timeline strip is left out.
        now: Its name.
        around: Frames before and after it, itself included, in order: they say which faces to blur
            that were not found in it.
        whole: Blur all of it, where faces are blurred.
        named: What the faces are called.

    Returns:
        The file: ``2026-11-27_14-03-21.123.png``.

    Raises:
        SinkError: It cannot be written.
    """
    image = _blurred(analysis, look, around, whole=whole) if look.blur else analysis.frame.image
    if look.annotate:
        height, width = image.shape[:2]
        overlay = Overlay(width, height, replace(look.overlay, timeline=False))
        overlay.name_faces(named.names, named.colours)
        image = overlay.draw(replace(analysis, frame=replace(analysis.frame, picture=image)))
    path = folder / f"{now:%Y-%m-%d_%H-%M-%S}.{now.microsecond // 1000:03d}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"{folder}: cannot be written: {error.strerror or error}") from error
    good, content = cv2.imencode(".png", image)
    if not good:
        raise SinkError(f"{path}: cannot be encoded")
    PartialFile(path, endings=(".png",), overwrite=False).write(content.tobytes())
    return path


def _blurred(
    analysis: Analysis, look: VideoConfig, around: Sequence[Analysis], *, whole: bool
) -> Image:
    image = analysis.frame.image
    if whole:
        return blur_faces(image, [np.array([0, 0, image.shape[1], image.shape[0]], np.float32)])
    blur = FaceBlur(whole=look.blur_whole)
    frames = tuple(around) or (analysis,)
    done = [ready for frame in frames for ready in blur.push(frame)] + blur.flush()
    at = next(place for place, frame in enumerate(frames) if frame is analysis)
    return done[at].frame.image
