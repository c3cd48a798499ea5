"""A part of the screen as a live source."""

import re
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from engine.errors import ConfigError, SourceError
from engine.source import SourceInfo
from engine.types import Frame

FPS: Final = 15
_REGION: Final = re.compile(r"screen(?::(-?\d+),(-?\d+),(\d+),(\d+))?")

Region = tuple[int, int, int, int]


def region_of(name: str) -> Region | None:
    """Read ``screen`` or ``screen:X,Y,W,H``, pixels; None is the whole first screen.

    Raises:
        ConfigError: It is neither.
    """
    found = _REGION.fullmatch(name)
    if found is None:
        raise ConfigError(f"{name}: expected screen or screen:X,Y,W,H in pixels")
    if found.group(1) is None:
        return None
    left, top, width, height = (int(group) for group in found.groups())
    if width < 32 or height < 32:
        raise ConfigError(f"{name}: at least 32 pixels wide and high, got {width}x{height}")
    return left, top, width, height


class Screen:
    """Pictures of the screen, as often as `FPS`."""

    def __init__(
        self, region: Region | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the first picture.

        Raises:
            SourceError: The screen cannot be seen from here.
        """
        self._region, self._clock, self._closed = region, clock, False
        self._count, self._start_s = 0, clock()
        self._next_s = self._start_s
        self.warnings: list[str] = []
        height, width = self._grab().shape[:2]
        self.info = SourceInfo(
            name="screen",
            path=None,
            width=width,
            height=height,
            fps=Fraction(FPS),
            time_base=Fraction(1, 90_000),
            frame_count=None,
            duration_s=None,
            live=True,
            has_audio=False,
        )

    def _grab(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        import mss
        from mss.exception import ScreenShotError

        try:
            with mss.mss() as grabber:
                area: dict[str, int] = grabber.monitors[1]
                if self._region is not None:
                    area = dict(zip(("left", "top", "width", "height"), self._region, strict=True))
                shot = grabber.grab(area)
        except (ScreenShotError, IndexError) as error:
            raise SourceError(f"screen: cannot be seen: {error}; is this a desktop?") from error
        pixels = np.frombuffer(shot.bgra, np.uint8).reshape(shot.height, shot.width, 4)
        return np.ascontiguousarray(pixels[:, :, :3])

    def read(self) -> Frame | None:
        """Take the next picture when it is due; None after `close`."""
        self._next_s = max(self._next_s + 1 / FPS, self._clock())
        while not self._closed and (left := self._next_s - self._clock()) > 0:
            time.sleep(min(left, 0.05))
        if self._closed:
            return None
        self._count += 1
        return Frame(self._count - 1, self._clock() - self._start_s, self._grab())

    def close(self) -> None:
        """Take no more; from any thread, any number of times."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self.read()) is not None:
            yield frame
