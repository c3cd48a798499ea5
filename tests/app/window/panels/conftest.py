from collections.abc import Callable

import pytest

from app.live.state import LiveState


@pytest.fixture
def make_live(make_analysis) -> Callable[..., LiveState]:
    """Give `make(frames, faces)`: a session of 25 frames a second in which these faces are seen."""

    def make(frames: int = 50, faces=(1, 2), label: str = "happiness") -> LiveState:
        live = LiveState()
        live.device, live.model = "cpu", "poster-rt"
        for index in range(frames):
            swing = ((index % 40) - 20) / 25
            shown = {face: (label, swing / face, -swing / face) for face in faces}
            live.add(make_analysis(index, index / 25, shown), 20 + index % 10, 3)
        return live

    return make
