"""Frames of a camera, through OpenCV."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import cv2

from engine.errors import SourceError
from engine.types import Frame, Image
from engine.video.source import GuardedSource, SourceConfig, SourceInfo

log = logging.getLogger(__name__)

TIME_BASE: Final = Fraction(1, 90_000)  # as in MPEG: fine enough for any rate
FAULTY: Final = 30  # pictures in a row that cannot be read before a camera counts as lost
PROBED: Final = 4  # cameras tried for an error message where the system does not list them


class Camera(GuardedSource):
    """A camera by number; its frames carry the time at which they were read.

    It never ends by itself: `SourceError` tells that it was unplugged.
    """

    def __init__(
        self, number: int, config: SourceConfig, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Open camera `number`, 0 being the first.

        Raises:
            SourceError: It is missing, busy, or gives no picture.
        """
        super().__init__()
        self._name, self._config, self._clock = f"camera {number}", config, clock
        self._count = 0
        self._first_s: float | None = None
        if sys.platform == "linux" and number not in _cameras_found():
            raise SourceError(f"{self._name}: not there; cameras found: {_listed()}")
        with _quiet_opencv():
            self._capture = cv2.VideoCapture(number)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(
                f"{self._name}: cannot be opened, perhaps another program has it; "
                f"cameras found: {_listed()}"
            )
        self._ask()
        good, image = self._read()
        if not good or image is None:
            self._capture.release()
            raise SourceError(
                f"{self._name}: gives no picture; perhaps another program has it, or try another "
                "port or camera"
            )
        self.info = self._facts(cast("Image", image))

    def _ask(self) -> None:
        """Ask for size and rate; a camera takes what it has that comes nearest."""
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if self._config.size is not None:
            # Most USB cameras give their larger sizes at full rate as Motion JPEG only.
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            width, height = self._config.size
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        if self._config.fps is not None:
            self._capture.set(cv2.CAP_PROP_FPS, self._config.fps)

    def _read(self) -> tuple[bool, Any]:
        """Read the next picture; those that OpenCV refuses are passed over.

        Returns:
            Whether there is one, and (H, W, 3) uint8, BGR.
        """
        for _ in range(FAULTY):
            try:
                return self._capture.read()
            except cv2.error as error:  # of an empty Motion JPEG, which cameras give now and then
                log.info("%s: a picture cannot be read: %s", self._name, error)
                said = f"{self._name}: empty pictures are left out"
                if said not in self.warnings:
                    self.warnings.append(said)
        return False, None

    def _facts(self, image: Image) -> SourceInfo:
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        fps = Fraction(rate).limit_denominator(1001) if 0 < rate < 1000 else None
        height, width = image.shape[:2]
        log.info("%s: %dx%d, fps %s", self._name, width, height, fps)
        limit_s = self._config.duration_s
        return SourceInfo(
            name=self._name,
            path=None,
            width=width,
            height=height,
            fps=fps,
            time_base=TIME_BASE,
            frame_count=None,
            duration_s=limit_s,
            live=True,
            has_audio=False,
            start_s=self._config.start_s,
            end_s=None if limit_s is None else self._config.end_s,
        )

    def _next(self) -> Frame | None:
        while True:
            good, image = self._read()
            if self._closing.is_set():
                return None
            if not good or image is None:
                raise SourceError(f"{self._name}: lost; was it unplugged?")
            now_s = self._clock()
            if self._first_s is None:
                self._first_s = now_s
            time_s = now_s - self._first_s
            if time_s >= self._config.end_s:
                return None
            if time_s >= self._config.start_s:
                break
        image.flags.writeable = False
        self._count += 1
        return Frame(self._count - 1, time_s, cast("Image", image))

    def _free(self) -> None:
        self._capture.release()


def _cameras_found() -> tuple[int, ...]:
    if sys.platform == "linux":
        numbers = (path.name.removeprefix("video") for path in Path("/dev").glob("video*"))
        return tuple(sorted(int(number) for number in numbers if number.isdecimal()))
    return tuple(number for number in range(PROBED) if _opens(number))


def _opens(number: int) -> bool:
    with _quiet_opencv():
        capture = cv2.VideoCapture(number)
    try:
        return capture.isOpened()
    finally:
        capture.release()


def _listed() -> str:
    return ", ".join(str(number) for number in _cameras_found()) or "none"


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from writing to stderr about cameras that do not open."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
