"""What tests of the window share: no screen is needed."""

import itertools
import os
import socket
import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from engine.types import Frame

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


class FakeCamera:
    """Gives small frames every few milliseconds; can be unplugged."""

    def __init__(self, *, frames: int | None = None, name: str = "camera 0") -> None:
        import numpy as np

        from engine.video.opening import SourceInfo

        self.info = SourceInfo(
            name=name,
            path=None,
            width=160,
            height=120,
            fps=Fraction(30),
            time_base=Fraction(1, 1000),
            frame_count=None,
            duration_s=None,
            live=True,
            has_audio=False,
        )
        self.warnings: list[str] = []
        self._image = np.full((120, 160, 3), 60, np.uint8)
        self._frames, self._closing, self._unplugged = frames, threading.Event(), False
        self.silent = threading.Event()

    def unplug(self) -> None:
        self._unplugged = True

    def close(self) -> None:
        self._closing.set()

    def __enter__(self) -> "FakeCamera":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator["Frame"]:
        from engine.errors import SourceError
        from engine.types import Frame

        for index in itertools.count():
            if self._closing.wait(0.005):
                return
            if self._unplugged or index == self._frames:
                raise SourceError(f"{self.info.name}: lost; was it unplugged?")
            while self.silent.is_set() and not self._closing.wait(0.005):
                pass
            yield Frame(index, index / 30, self._image.copy())


@pytest.fixture
def fake_camera() -> type[FakeCamera]:
    """Give the class of a camera that needs none."""
    return FakeCamera


@pytest.fixture
def fake_engine(make_analysis):
    """Give `finder` and `reader` makers: two faces in every frame, and no network."""
    from engine.types import Found

    class Finder:
        def find(self, frame):
            return Found(frame, (), (), {"detect": 1.0})

        def close(self):
            pass

    class Reader:
        device = "cpu"

        def close(self):
            pass

        def read(self, several):
            faces = {1: ("happiness", 0.5, 0.3), 2: ("anger", -0.4, 0.6)}
            return [
                make_analysis(f.frame.index, f.frame.time_s, faces, image=f.frame.image)
                for f in several
            ]

    return {"make_finder": lambda _: Finder(), "make_reader": lambda _: Reader()}


@pytest.fixture
def port():
    """A UDP port of this machine that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]
