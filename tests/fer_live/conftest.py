"""A clip, faces made by hand, and a camera that nobody has to own."""

import signal
import threading
import weakref
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engine.assets import asset_path
from engine.errors import SourceError
from engine.labels import EXPRESSIONS
from engine.types import Frame
from engine.video.source import GuardedSource, SourceInfo
from engine.video.stills import read_still
from fer_live.types import Face, Probabilities


@pytest.fixture(scope="session")
def clip():
    """Ten seconds of one happy face, 25 frames a second, with sound."""
    return Path(__file__).parents[1] / "media" / "old_demo.mp4"


@pytest.fixture(scope="session")
def portrait_file():
    return asset_path("portrait.jpg")


@pytest.fixture(scope="session")
def portrait(portrait_file):
    """One face in the middle of 320 x 320 pixels."""
    return read_still(portrait_file).image


@pytest.fixture
def make_face():
    """Give `make(**fields)`: a happy face whose crop is 4 x 6 pixels of BGR (10, 20, 30)."""

    def make(**fields):
        shares = [0.9 if name == "happiness" else 0.1 / 7 for name in EXPRESSIONS]
        whole = {
            "id": 1,
            "box": np.array([1, 2, 7, 6], np.float32),
            "landmarks": np.zeros((68, 2), np.float32),
            "score": 0.99,
            "expression": "happiness",
            "probabilities": Probabilities(shares),
            "valence": 0.8,
            "arousal": -0.25,
            "reliability": 0.75,
            "crop": np.full((4, 6, 3), (10, 20, 30), np.uint8),
            "rgb": False,
        }
        return Face(**{**whole, **fields})

    return make


class FakeCamera(GuardedSource):
    """Gives `count` frames, number `index` being `image(index)`; watches what becomes of them.

    Attributes:
        given: Frames handed out.
        alive_most: Most of them that were in memory at once.
        done: Set once every frame was handed out.
        closed: It was let go of.
    """

    count, rate, live = 50, 0.0, True
    fails_at = signals_at = -1

    def __init__(self, number, config):
        super().__init__()
        self.given = self.alive_most = 0
        self.done, self.closed = threading.Event(), False
        self._alive = []
        self.info = SourceInfo(
            name=f"camera {number}",
            path=None,
            width=64,
            height=48,
            fps=Fraction(25),
            time_base=Fraction(1, 25),
            frame_count=None,
            duration_s=None,
            live=self.live,
            has_audio=False,
        )
        type(self).last = self

    def _next(self):
        if self.given == self.fails_at:
            raise SourceError(f"{self.info.name}: lost; was it unplugged?")
        if self.given == self.signals_at:
            signal.raise_signal(signal.SIGINT)
        if self.given == self.count or self._closing.wait(self.rate):
            self.done.set()
            return None
        image = self.image(self.given)
        self._alive = [image_ref for image_ref in self._alive if image_ref() is not None]
        self._alive.append(weakref.ref(image))
        self.alive_most = max(self.alive_most, len(self._alive))
        self.given += 1
        return Frame(self.given - 1, (self.given - 1) / 25, image)

    def image(self, index):
        return np.full((48, 64, 3), index % 200, np.uint8)

    def _free(self):
        self.closed = True


@pytest.fixture
def fake_camera(monkeypatch):
    """Give `plug(**facts)`: from then on camera 0 is a fake one; gives its class."""

    def plug(**facts):
        kind = type("Plugged", (FakeCamera,), facts)
        monkeypatch.setattr("engine.video.opening.Camera", kind)
        return kind

    return plug
