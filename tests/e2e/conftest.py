"""Clips whose faces are known."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def stage():
    """The script that lays the bundled portrait into pictures and knows where its face is."""
    spec = importlib.util.spec_from_file_location("make_demo", ROOT / "scripts" / "make_demo.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_demo"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["make_demo"]


@pytest.fixture(scope="module")
def shown(stage):
    """Thirty pictures of a face that moves and turns, and the truth about it."""
    portrait, ground = stage.load_portrait(), stage.backdrop(0.0)
    pictures = []
    for step in range(30):
        place = stage.Place(x=200 + 6 * step, y=180, side=260, angle=0.5 * step)
        picture, (face,) = stage.compose(ground, portrait, [place])
        pictures.append((picture, face))
    return pictures


@pytest.fixture
def film(make_clip, shown):
    return make_clip("film.mp4", [picture for picture, _ in shown], sound=True)
