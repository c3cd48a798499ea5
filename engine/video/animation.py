"""Frames of an animated WebP, which FFmpeg does not read."""

import logging
from fractions import Fraction
from pathlib import Path
from typing import Final

from engine.errors import SourceError
from engine.types import Frame, Image
from engine.video.container import FRAME_MEGAPIXELS, Limit
from engine.video.source import GuardedSource, SourceConfig, SourceInfo
from engine.video.stills import open_by_pillow, pixels, translated

log = logging.getLogger(__name__)

_TICK: Final = Fraction(1, 1000)  # of the format's times, seconds
_FRAME_MS: Final = 100  # of a frame that states no time, as browsers show it


class Animation(GuardedSource):
    """An animated WebP, every frame as a whole picture."""

    def __init__(self, path: Path, config: SourceConfig) -> None:
        """Open it and decode its first frame.

        Raises:
            SourceError: It cannot be opened, or no frame can be decoded.
        """
        super().__init__()
        self._name, self._config = path.name, config
        self._path = path
        self._at = 0  # frames decoded
        self._count = 0  # frames handed out
        self._time_ms = 0  # where the next one begins
        limit = Limit(config.max_megapixels or FRAME_MEGAPIXELS)
        self._picture = open_by_pillow(path, limit)
        self._frames = getattr(self._picture, "n_frames", 1)
        try:
            self._ahead: tuple[int, Image] | None = self._decode()
        except BaseException:
            self.close()
            raise
        height, width = self._ahead[1].shape[:2]
        fps = 1 / (self._time_ms * _TICK)
        self.info = SourceInfo(
            name=self._name,
            path=path,
            width=width,
            height=height,
            fps=fps,
            time_base=_TICK,
            frame_count=self._frames if config == SourceConfig() else None,
            duration_s=None,  # only the last frame tells
            live=False,
            has_audio=False,
            start_s=config.start_s,
            end_s=config.end_s if config.duration_s else None,
        )
        log.info("%s: %dx%d, %d frames", self._name, width, height, self._frames)

    def _decode(self) -> tuple[int, Image]:
        """Give the next frame and when it begins, milliseconds."""
        with translated(self._path):
            self._picture.seek(self._at)
            self._picture.load()
            image = pixels(self._picture)
        begins = self._time_ms
        self._time_ms += round(self._picture.info.get("duration", 0)) or _FRAME_MS
        self._at += 1
        return begins, image

    def _next(self) -> Frame | None:
        while self._ahead is not None or self._at < self._frames:
            try:
                begins, image = self._ahead or self._decode()
            except SourceError as error:
                log.debug("%s", error)
                self._frames = self._at
                self.warnings.append(
                    f"{self._name}: ends early, frame {self._at} cannot be decoded; "
                    "kept what came before"
                )
                break
            self._ahead = None
            time_s = begins / 1000
            if time_s >= self._config.end_s:
                break
            if time_s >= self._config.start_s:
                self._count += 1
                return Frame(self._count - 1, time_s, image)
        return None

    def _free(self) -> None:
        self._ahead = None
        self._picture.close()
