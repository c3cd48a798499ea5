"""Frames brought to the size of the window, off the window's own thread."""

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.mailbox import Closed, Latest
from engine.types import Analysis, Frame, Image

_LOOK_UP_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Viewport:
    """What pictures are wanted.

    Attributes:
        width: Room for them, device pixels.
        height: Room for them, device pixels.
        mirrored: Swap left and right.
    """

    width: int = 640
    height: int = 360
    mirrored: bool = False


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class ScaledPicture:
    """A frame as it is shown.

    Attributes:
        frame: The frame itself.
        pixels: (h, w, 4) uint8, BGR and an unused byte: what Qt draws fastest.
        mirrored: Left and right are swapped in `pixels`.
        analysis: Of this very frame, where it waited for it.
    """

    frame: Frame
    pixels: NDArray[np.uint8]
    mirrored: bool
    analysis: Analysis | None = None


def fitted(width: int, height: int, room_width: int, room_height: int) -> tuple[int, int]:
    """Give the largest size with a picture's proportions that fits into a room, at least 1 x 1."""
    scale = min(room_width / width, room_height / height)
    return max(1, round(scale * width)), max(1, round(scale * height))


class Canvases:
    """Room for pictures, used again once a picture is gone; any thread may let one go.

    Fresh memory costs as much as drawing into it: with a window of 3840x2160, 26 MB a picture.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._free: deque[NDArray[np.uint8]] = deque(maxlen=4)  # more are never in use

    def take(self, width: int, height: int) -> NDArray[np.uint8]:
        """Give (height, width, 4) uint8 of any content."""
        while self._free:
            canvas = self._free.pop()
            if canvas.shape[:2] == (height, width):
                return canvas
        return np.empty((height, width, 4), np.uint8)

    def return_after(self, picture: ScaledPicture, canvas: NDArray[np.uint8]) -> None:
        """Use `canvas` again once nobody holds the picture."""
        weakref.finalize(picture, self._free.append, canvas).atexit = False


def render(
    frame: Frame,
    target: Viewport,
    analysis: Analysis | None = None,
    canvases: Canvases | None = None,
) -> ScaledPicture:
    """Bring a frame to the wanted size; its analysis only comes along.

    Args:
        frame: The frame.
        target: What is wanted.
        analysis: Of this very frame, where it waited for it.
        canvases: Where room is taken from; None takes fresh memory.
    """
    canvases = canvases or Canvases()
    height, width = frame.image.shape[:2]
    size = fitted(width, height, target.width, target.height)
    canvas = canvases.take(*size)
    image: Image = frame.image
    if size[0] < width:  # the fewer pixels are mirrored and filled up
        how = cv2.INTER_AREA if size[0] < 0.6 * width else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
    if target.mirrored:
        image = np.asarray(cv2.flip(image, 1), np.uint8)
    if image.shape[:2] == canvas.shape[:2]:
        cv2.cvtColor(image, cv2.COLOR_BGR2BGRA, dst=canvas)
    else:
        wide = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
        cv2.resize(wide, size, dst=canvas, interpolation=cv2.INTER_LINEAR)
    pixels = canvas.view()
    pixels.flags.writeable = False
    picture = ScaledPicture(frame, pixels, target.mirrored, analysis)
    canvases.return_after(picture, canvas)
    return picture


class CaptureTimes:
    """When the last frames were captured, by index; any thread may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, keep: int = 512) -> None:
        """Start empty."""
        self._clock, self._keep = clock, keep
        self._lock = threading.Lock()
        self._at: dict[int, float] = {}

    def note(self, index: int) -> None:
        """Remember that a frame arrived now."""
        with self._lock:
            self._at[index] = self._clock()
            while len(self._at) > self._keep:
                del self._at[next(iter(self._at))]

    def age_ms(self, index: int) -> float | None:
        """Give the milliseconds since a frame arrived; None if that is forgotten."""
        with self._lock:
            at = self._at.get(index)
        return None if at is None else 1000 * (self._clock() - at)


class Presenter:
    """Renders the newest frame for a window, on a thread of its own.

    Attributes:
        pictures: Where they lie; its reader is told by `notify`, once for each it takes.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        """Prepare; `start` runs it.

        Args:
            notify: Told that a picture waits and that the one before was taken.
        """
        self.pictures: Latest[ScaledPicture] = Latest()
        self._notify = notify
        self._changed = threading.Condition()
        self._canvases = Canvases()
        self._shown: tuple[Frame, Analysis | None] | None = None
        self._target = Viewport()
        self._due, self._closed = False, False
        self._thread = threading.Thread(target=self._run, name="fer-show", daemon=True)

    def start(self) -> None:
        """Run, once."""
        self._thread.start()

    def show(self, frame: Frame, analysis: Analysis | None = None) -> None:
        """Render this frame next, with its analysis; one that still waits is left out."""
        with self._changed:
            self._shown, self._due = (frame, analysis), True
            self._changed.notify_all()

    def aim(self, target: Viewport) -> None:
        """Render for this size from now on, and the frame that is shown once more."""
        with self._changed:
            if target != self._target:
                self._target, self._due = target, True
                self._changed.notify_all()

    def _run(self) -> None:
        while (due := self._await_due()) is not None:
            (frame, analysis), target = due
            picture = render(frame, target, analysis, self._canvases)
            try:
                told = self.pictures.put(picture)
            except Closed:
                return
            if told:
                self._notify()

    def _await_due(self) -> tuple[tuple[Frame, Analysis | None], Viewport] | None:
        with self._changed:
            while not self._closed:
                if self._due and self._shown is not None:
                    self._due = False
                    return self._shown, self._target
                self._changed.wait(_LOOK_UP_S)
            return None

    def close(self) -> None:
        """End; from any thread, any number of times."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.pictures.close()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; False if it is late."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()
