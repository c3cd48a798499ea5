"""One picture of the session as a PNG file."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import cv2

from app.session.annotated import VideoConfig
from engine.drawing.overlay import Overlay
from engine.errors import SinkError
from engine.faces.blur import blur_faces
from engine.files import PartialFile
from engine.types import Analysis


def save_snapshot(folder: Path, analysis: Analysis, look: VideoConfig, now: datetime) -> Path:
    """Draw a frame as the recorded video would show it, and save it.

    Takes tens of milliseconds: not for the thread of a window.

    Args:
        folder: Where it goes; made if it is not there.
        analysis: The frame.
        look: Blurred or not, drawn over or not; the timeline strip is left out.
        now: Its name.

    Returns:
        The file: ``2026-11-27_14-03-21.123.png``.

    Raises:
        SinkError: It cannot be written.
    """
    image = analysis.frame.image
    if look.blur:
        image = blur_faces(image, [track.box for track in analysis.tracks])
    if look.annotate:
        height, width = image.shape[:2]
        overlay = Overlay(width, height, replace(look.overlay, timeline=False))
        image = overlay.draw(replace(analysis, frame=replace(analysis.frame, image=image)))
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
