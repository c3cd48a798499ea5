"""A part of the screen as a live source."""

import re
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from types import TracebackType
from typing import Any, Final

import numpy as np

from engine.errors import ConfigError, SourceError
from engine.types import Frame, Image
from engine.video.opening import Frames, SourceInfo

FPS: Final = 15
_REGION: Final = re.compile(r"screen(?::(-?[0-9]+),(-?[0-9]+),([0-9]+),([0-9]+))?")

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


class Screen(Frames):
    """Pictures of the screen, as often as `FPS`; made, read and left on one thread."""

    def __init__(
        self, region: Region | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the first picture.

        Args:
            region: What to look at; None is the first screen.
            clock: Gives seconds.

        Raises:
            SourceError: The screen cannot be seen from here, or the region is not on it.
        """
        self._clock = clock
        self._closing = threading.Event()
        self.warnings: list[str] = []
        self._grabber = _open_grabber()
        try:
            self._area = self._checked(region)
            height, width = self._grab().shape[:2]
        except BaseException:
            self._grabber.close()
            raise
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
        self._count, self._start_s = 0, clock()
        self._next_s = self._start_s

    def _checked(self, region: Region | None) -> dict[str, int]:
        desktop, *screens = self._grabber.monitors
        if region is None:
            return dict(screens[0] if screens else desktop)
        left, top, width, height = region
        inside = (
            desktop["left"] <= left
            and desktop["top"] <= top
            and left + width <= desktop["left"] + desktop["width"]
            and top + height <= desktop["top"] + desktop["height"]
        )
        if not inside:
            raise SourceError(
                f"screen:{left},{top},{width},{height}: not on the desktop, which has "
                f"{desktop['width']} x {desktop['height']} pixels"
            )
        return {"left": left, "top": top, "width": width, "height": height}

    def _grab(self) -> Image:
        try:
            shot = self._grabber.grab(self._area)
        except Exception as error:
            raise SourceError(f"screen: cannot be seen any more: {error}") from error
        pixels = np.frombuffer(shot.raw, np.uint8).reshape(shot.height, shot.width, 4)
        return np.ascontiguousarray(pixels[:, :, :3])

    def read(self) -> Frame | None:
        """Take the next picture when it is due; None after `close`.

        Raises:
            SourceError: The screen cannot be seen any more.
        """
        now = self._clock()
        self._next_s = max(self._next_s + 1 / FPS, now)
        if self._closing.wait(self._next_s - now):
            return None
        self._count += 1
        return Frame(self._count - 1, self._clock() - self._start_s, self._grab())

    def close(self) -> None:
        """Take no more; from any thread, any number of times."""
        self._closing.set()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        self._grabber.close()  # here, because it belongs to the reading thread


def _open_grabber() -> Any:  # noqa: ANN401 - of the library
    """Connect to the screen, once for all pictures.

    Raises:
        SourceError: There is none that can be seen.
    """
    try:
        import mss

        return mss.MSS() if hasattr(mss, "MSS") else mss.mss()  # the older name, before 10.2
    except ModuleNotFoundError as error:
        raise SourceError("screen: mss is missing; run: pip install 'fer-live[app]'") from error
    except Exception as error:
        raise SourceError(
            f"screen: cannot be seen from here: {error}; on Linux it takes an X11 session"
        ) from error
