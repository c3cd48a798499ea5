"""Frames of a folder of pictures."""

import logging
import re
from fractions import Fraction
from pathlib import Path
from typing import Final

import av.error
import cv2
import numpy as np

from engine.errors import SourceError
from engine.types import Frame, Image
from engine.video.container import Limit, open_input, reason, video_stream
from engine.video.conversion import Converter
from engine.video.source import GuardedSource, SourceConfig, SourceInfo

log = logging.getLogger(__name__)

ENDINGS: Final = frozenset(
    {".avif", ".bmp", ".jpeg", ".jpg", ".jxl", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
FPS: Final = Fraction(25)


class Folder(GuardedSource):
    """The pictures of a folder in natural order (2 before 10), as video of 25 frames a second.

    The first readable picture settles the size; others are fitted into it, on black. A picture
    that cannot be read is left out and named in `warnings`; the times of the others stay.
    """

    def __init__(self, path: Path, config: SourceConfig) -> None:
        """List the pictures and read the first.

        Raises:
            SourceError: There is no picture, or none that can be read.
        """
        super().__init__()
        self._name, self._most = path.name or str(path), config.max_megapixels
        found = sorted((p for p in path.iterdir() if _is_picture(p)), key=_natural)
        if not found:
            kinds = ", ".join(sorted(ENDINGS))
            raise SourceError(f"{self._name}: no pictures in this folder; looked for {kinds}")
        last = min(len(found), _position(config.end_s)) if config.duration_s else len(found)
        self._files = found[:last]
        self._position = _position(config.start_s)
        if self._position >= len(found):
            raise SourceError(
                f"{self._name}: ends before the wanted start at {config.start_s:g} s; "
                f"{len(found)} pictures last {len(found) / float(FPS):g} s"
            )
        self._count = 0
        self._unread: list[str] = []
        first = self._first_readable()
        height, width = first.shape[:2]
        remaining = max(last - self._position, 0)
        self.info = SourceInfo(
            name=self._name,
            path=path,
            width=width,
            height=height,
            fps=FPS,
            time_base=1 / FPS,
            frame_count=remaining,
            duration_s=remaining / float(FPS),
            live=False,
            has_audio=False,
            start_s=config.start_s,
            end_s=None if config.duration_s is None else config.end_s,
        )
        log.info("%s: %d pictures, %dx%d", self._name, remaining, width, height)

    def _first_readable(self) -> Image:
        for file in self._files:
            try:
                return read_picture(file, self._most)
            except SourceError:
                continue
        raise SourceError(f"{self._name}: none of its {len(self._files)} pictures can be read")

    def _next(self) -> Frame | None:
        while self._position < len(self._files):
            position, file = self._position, self._files[self._position]
            self._position += 1
            try:
                image = _fit(read_picture(file, self._most), self.info.width, self.info.height)
            except SourceError as error:
                log.debug("%s", error)
                self._unread.append(file.name)
                continue
            self._count += 1
            return Frame(self._count - 1, float(position / FPS), image)
        if self._unread:
            names = ", ".join(self._unread[:3]) + (", ..." if len(self._unread) > 3 else "")
            self.warnings.append(
                f"{self._name}: {len(self._unread)} pictures cannot be read and are left out: "
                f"{names}"
            )
            self._unread = []
        return None

    def _free(self) -> None:
        """Nothing stays open between pictures."""


def read_picture(path: Path, max_megapixels: float | None = None) -> Image:
    """Read one picture file: (H, W, 3) uint8, BGR, upright, read-only.

    Args:
        path: The file.
        max_megapixels: What it may have; None is what `engine.video.container.Limit` says.

    Raises:
        SourceError: It cannot be read, or is too large.
    """
    with open_input(path.name, f"file:{path}", max_megapixels=max_megapixels) as container:
        stream = video_stream(path.name, container, max_megapixels)
        limit = Limit.of(container, max_megapixels)
        try:
            frame = next(container.decode(stream), None)
        except av.error.FFmpegError as error:
            raise SourceError(f"{path.name}: {limit.no_picture(stream, reason(error))}") from error
        if frame is None:
            raise SourceError(f"{path.name}: {limit.no_picture(stream, None)}")
        convert = Converter(frame, stream.sample_aspect_ratio)
        limit.check(path.name, convert.width, convert.height)
        return convert(frame)


def _fit(image: Image, width: int, height: int) -> Image:
    """Scale to fit, aspect kept, centred on black."""
    rows, columns = image.shape[:2]
    if (columns, rows) == (width, height):
        return image
    scale = min(width / columns, height / rows)
    size = max(round(columns * scale), 1), max(round(rows * scale), 1)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.zeros((height, width, 3), np.uint8)
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    canvas[y : y + size[1], x : x + size[0]] = cv2.resize(image, size, interpolation=method)
    canvas.flags.writeable = False
    return canvas


def _position(time_s: float) -> int:
    """The first picture at or after a time."""
    return int(np.ceil(time_s * float(FPS) - 1e-6))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key that reads runs of digits as numbers."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]
