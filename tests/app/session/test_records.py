"""Records read back."""

import sys

import numpy as np
import pytest

from app.session.records import read_records
from engine.errors import ConfigError, SourceError
from engine.labels import EXPRESSIONS
from engine.record import COLUMNS, LANDMARK_COLUMNS

ENDINGS = [".csv", ".jsonl", ".ndjson", ".parquet"]


@pytest.mark.parametrize("landmarks", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_comes_back(write_records, two_faces, ending, landmarks):
    path = write_records(f"rows{ending}", two_faces, landmarks=landmarks)
    table, warnings = read_records(path)
    assert warnings == ()
    assert len(table) == 170
    assert table.times[0] == 0.0
    assert table.times[-1] == pytest.approx(9.9)
    assert set(table.faces.tolist()) == {1, 2, 3}
    assert EXPRESSIONS[table.labels[0]] == "happiness"
    assert table.numbers["happiness"][0] == pytest.approx(0.65)
    assert table.numbers["x"][1] == pytest.approx(58.0)
    names = [name for name in COLUMNS if name != "expression"]
    assert list(table.numbers) == names + (list(LANDMARK_COLUMNS) if landmarks else [])
    if landmarks:
        assert table.numbers["landmark_67_y"][0] == pytest.approx(70.0)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_without_faces_is_an_empty_table(write_records, ending):
    table, _ = read_records(write_records(f"rows{ending}", [(0.0, {}), (0.1, {})]))
    assert len(table) == 0
    assert table.times.dtype == np.float64


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_row_cut_off_by_a_kill_is_left_out_and_told(write_records, two_faces, ending):
    path = write_records(f"rows{ending}", two_faces)
    path.write_text(path.read_text()[:-30])
    table, warnings = read_records(path)
    assert len(table) == 169
    assert warnings == (f"rows{ending}: ends in the middle of a row, which is left out",)


def test_rows_out_of_order_are_sorted(write_records, two_faces):
    path = write_records("rows.csv", two_faces)
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *rows[50:], *rows[:50]]) + "\n")
    table, _ = read_records(path)
    assert (np.diff(table.times) >= 0).all()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("frame,", "number,", "not a file of records: frame missing"),
        ("\n1,0.1,", "\nx,0.1,", "row 3, frame: not a number: 'x'"),
        ("\n1,0.1,", "\n1.5,0.1,", "row 3, frame: not a usable number"),
        ("\n1,0.1,", "\n1,nan,", "row 3, timestamp: not a usable number"),
        ("\n1,0.1,", "\n1,0.1,7,", "row 3: has 22 columns, not 21"),
        ("neutral,0", "boredom,0", "row 2, expression: unknown: 'boredom'; known here: neutral"),
    ],
)
def test_a_bad_csv_says_which_row_and_column(write_records, two_faces, old, new, words):
    path = write_records("rows.csv", two_faces)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SourceError, match=words):
        read_records(path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "row 2: no JSON"),
        ("{}", "row 2: frame, timestamp"),
        ("[1]", "row 2: frame"),
    ],
)
def test_a_bad_json_line_says_which(write_records, two_faces, line, words):
    path = write_records("rows.jsonl", two_faces)
    first, _, *rest = path.read_text().splitlines()
    path.write_text("\n".join([first, line, *rest]) + "\n")
    with pytest.raises(SourceError, match=words):
        read_records(path)


def test_other_files_are_errors(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"unknown ending; known here: \.csv"):
        read_records(tmp_path / "rows.txt")
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        read_records(tmp_path / "rows.csv")
    (tmp_path / "rows.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(SourceError, match="is no text"):
        read_records(tmp_path / "rows.csv")
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError, match="no whole Parquet file"):
        read_records(tmp_path / "rows.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match="needs pyarrow"):
        read_records(tmp_path / "rows.parquet")
