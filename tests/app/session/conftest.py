"""What recordings are made of."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from engine.record import open_records
from engine.source import SourceInfo


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


@pytest.fixture
def write_records(tmp_path, make_analysis) -> Callable[..., Path]:
    """Give `write(name, frames)`: a records file with a row for each face of each frame.

    `frames` lists (time, {face: (label, valence, arousal)}).
    """

    def write(name: str, frames: list, *, landmarks: bool = False) -> Path:
        path = tmp_path / name
        writer = open_records(path, landmarks=landmarks, overwrite=False)
        for index, (time_s, faces) in enumerate(frames):
            writer.write(make_analysis(index, time_s, faces))
        writer.close()
        return path

    return write


@pytest.fixture
def two_faces() -> list:
    """Ten seconds at 10 frames a second: face 1 throughout, face 2 at first, face 3 later.

    Face 1 is happy for 4 s, then angry; face 2 goes at 3 s, and face 3 comes at 6 s.
    """
    frames = []
    for index in range(100):
        time_s = index / 10
        faces = {1: ("happiness", 0.8, 0.4) if time_s < 4 else ("anger", -0.5, 0.6)}
        if time_s < 3:
            faces[2] = ("neutral", 0.0, 0.0)
        if time_s >= 6:
            faces[3] = ("sadness", -0.6, -0.2)
        frames.append((time_s, faces))
    return frames
