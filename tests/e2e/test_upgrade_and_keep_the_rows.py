"""The shipped networks give the rows that they gave before, on the clip that was once the demo."""

import csv
import io
from pathlib import Path

import pytest

from app.command.cli import main
from engine.record import TAIL

CLIP = Path(__file__).parents[1] / "media" / "old_demo.mp4"
EXACT = ("frame", "timestamp", "face_id", "expression", "file")
# What processors round differently; on one processor the files are equal to the byte.
BOUNDS = {"x": 0.5, "y": 0.5, "width": 0.5, "height": 0.5}
BOUND = 1e-3  # scores, probabilities, valence, arousal


def test_rows_of_the_old_demo_stay_as_they_were(tmp_path, golden):
    rows = tmp_path / "rows.csv"
    command = [str(CLIP), "--records", str(rows), "--precision", "fp32", "--device", "cpu"]
    assert main([*command, "--quiet"]) == 0
    said = rows.read_bytes()
    old = golden("old_demo_rows.csv", said)
    if said == old:
        return
    found, wanted = (list(csv.DictReader(io.StringIO(text.decode()))) for text in (said, old))
    assert [[row[name] for name in EXACT] for row in found] == [
        [row[name] for name in EXACT] for row in wanted
    ]
    for here, there in zip(found, wanted, strict=True):
        assert tuple(here)[: len(there)] == tuple(there)  # columns are only added, at the end
        assert set(list(here)[len(there) :]) <= set(TAIL)
        for name in there.keys() - {*EXACT, *TAIL}:
            bound = BOUNDS.get(name, BOUND)
            assert float(here[name]) == pytest.approx(float(there[name]), abs=bound), name
