"""What recordings are made of."""

from collections.abc import Callable
from fractions import Fraction

import pytest

from engine.video.opening import SourceInfo


@pytest.fixture
def camera() -> Callable[..., SourceInfo]:
    """Give `camera(**changes)`: the facts of a small camera."""

    def make(**changes: object) -> SourceInfo:
        facts: dict = {
            "name": "camera 0",
            "path": None,
            "width": 160,
            "height": 120,
            "fps": Fraction(25),
            "time_base": Fraction(1, 1000),
            "frame_count": None,
            "duration_s": None,
            "live": True,
            "has_audio": False,
        }
        return SourceInfo(**facts | changes)

    return make
