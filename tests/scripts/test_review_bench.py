import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.session.review import open_review
from scripts.benches import review as measure

ROOT = Path(__file__).parents[2]


def test_the_recording_has_its_faces_all_the_time_and_their_labels_change(tmp_path):
    path = tmp_path / "records.csv"
    measure.write_recording(path, 0.2, 3)
    review = open_review(path)
    assert review.faces == (1, 2, 3)
    assert review.duration_s == pytest.approx(12)
    assert all(len(review.spans(face)) > 2 for face in review.faces)
    values = review.series(1, "valence")[1]
    assert np.ptp(values) > 0.1


def test_the_longest_event_of_each_action_is_kept_in_order():
    found = [
        measure.LongestEvent(*each) for each in (("b", 3, 1), ("a", 9, 2), ("b", 5, 4), ("a", 1, 1))
    ]
    assert measure.worst(found) == [
        measure.LongestEvent("b", 5, 4),
        measure.LongestEvent("a", 9, 2),
    ]


@pytest.mark.parametrize("wrong", [["--minutes", "0"], ["--faces", "9"], ["--pause", "0"]])
def test_what_cannot_be_measured_is_one_line_and_exit_code_2(wrong, capsys):
    assert measure.main(wrong) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_every_action_is_timed():
    done = subprocess.run(
        [sys.executable, "-m", "scripts.benches.review", "--minutes", "0.2", "--pause", "30"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()[2:]]
    assert [row[0] for row in rows][-3:] == ["zoom in", "zoom out", "play"]
    assert {"open", "another label", "undo", "redo", "delete the track"} <= {row[0] for row in rows}
    assert all(float(row[1]) > 0 for row in rows)
