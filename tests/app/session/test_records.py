"""Records read back."""

import csv
import json
import sys

import numpy as np
import pytest

from app.session import records
from app.session.records import read_records
from app.session.review import open_review
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
        ("\n1,0.1,", "\n1,0.1,7,", "row 3: has 24 columns, not 23"),
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


def test_a_damaged_row_costs_that_row_only(write_records, two_faces):
    path = write_records("rows.csv", two_faces)
    rows = path.read_bytes().split(b"\n")
    rows[3] = rows[3].replace(b"1,0.1,", b"1,nan,")
    rows[9] = b'"' + rows[9]
    rows[20:20] = [b"\xff\x00,,,", rows[19]]
    path.write_bytes(b"\n".join(rows))
    table, warnings = read_records(path, forgiving=True)
    assert warnings == (
        "rows.csv: 4 damaged rows were left out, among them row 9: has 1 columns, not 23",
    )
    assert (len(table), table.left_out, table.whole) == (168, 4, 172)
    with pytest.raises(SourceError, match="row 9: has 1 columns"):
        read_records(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n1,0.1,1,", "\n1,0.1,2147483648,"),  # more than Qt's whole numbers hold
        ("\n1,0.1,1,", "\n1,-0.1,1,"),
        ("\n1,0.1,1,", "\n1,1e300,1,"),
        ("\n1,0.1,1,", f"\n1,0.1,{'9' * 400},"),
        ("happiness,0.6", "happiness,7"),
    ],
)
def test_numbers_that_nothing_can_draw_are_damage(write_records, two_faces, old, new):
    path = write_records("rows.csv", two_faces)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    table, (warning,) = read_records(path, forgiving=True)
    assert len(table) == 169
    assert "not a usable number" in warning
    assert len(warning) < 200


def test_a_face_is_once_in_a_frame(write_records, two_faces):
    path = write_records("rows.csv", two_faces)
    head, first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([head, first, first, *rest]) + "\n")
    with pytest.raises(SourceError, match="row 2: face 1 is in frame 0 twice"):
        read_records(path)
    assert len(read_records(path, forgiving=True)[0]) == 170


def test_true_is_no_number(write_records, two_faces):
    path = write_records("rows.jsonl", two_faces)
    path.write_text(path.read_text().replace('"frame":1,', '"frame":true,', 1))
    with pytest.raises(SourceError, match="row 3, frame: not a usable number: True"):
        read_records(path)


def test_a_mark_before_the_text_is_no_part_of_it(write_records, two_faces):
    path = write_records("rows.csv", two_faces)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_records(path)[0]) == 170


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_what_is_no_row_is_not_read_to_its_end(write_records, two_faces, ending):
    path = write_records(f"rows{ending}", two_faces)
    with path.open("r+b") as file:
        file.truncate(10**11)  # zeros, as a file system may leave after a loss of power
    table, (warning,) = read_records(path, forgiving=True)
    assert len(table) == 170
    assert "longer than 65,536 bytes" in warning


@pytest.mark.parametrize("ending", ENDINGS)
def test_more_rows_than_memory_may_hold_are_refused(write_records, two_faces, ending, monkeypatch):
    path = write_records(f"rows{ending}", two_faces)
    monkeypatch.setattr(records, "NUMBERS_MAX", 19 * 100)
    with pytest.raises(SourceError, match="too large: more than 100 rows; cut the file"):
        read_records(path, forgiving=True)


def test_a_file_without_one_usable_row_is_refused(write_records, two_faces):
    path = write_records("rows.csv", two_faces)
    path.write_text(path.read_text().replace(",0.", ",x."))
    with pytest.raises(SourceError, match=r"rows\.csv: no row can be used: row 1"):
        read_records(path, forgiving=True)


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_rows_of_pictures_have_a_file_and_no_time(tmp_path, write_records, two_faces, ending):
    path = write_records(f"rows{ending}", two_faces[:2])
    lines = path.read_text().splitlines()
    if ending == ".csv":
        place = lines[0].split(",").index("file")
        rows = [line.split(",") for line in lines[1:]]
        for number, row in enumerate(rows):
            row[1], row[place] = "", f"{number}.jpg"
        lines[1:] = [",".join(row) for row in rows]
    else:
        rows = [json.loads(line) for line in lines]
        lines = [
            json.dumps(row | {"timestamp": None, "file": f"{n}.jpg"}) for n, row in enumerate(rows)
        ]
    path.write_text("\n".join(lines) + "\n")
    table, warnings = read_records(path)
    assert warnings == ()
    assert table.files == ("0.jpg", "1.jpg", "2.jpg", "3.jpg")
    assert np.isnan(table.times).all()
    with pytest.raises(SourceError, match="rows of pictures, which have no times"):
        open_review(path)


@pytest.mark.parametrize("pictures", [1, 3])
def test_rows_of_pictures_among_those_of_a_film_are_left_out(
    tmp_path, write_records, two_faces, pictures
):
    """Or the other way round: their times, which are none, made a length of none."""
    path = write_records("rows.csv", two_faces[:2])
    header, *lines = csv.reader(path.read_text().splitlines())
    for line in lines[:pictures]:
        line[header.index("timestamp")], line[header.index("file")] = "", "0.jpg"
    path.write_text("".join(",".join(line) + "\n" for line in [header, *lines]))
    with pytest.raises(SourceError, match="file: a picture and a film in one table"):
        read_records(path)
    table, (warning,) = read_records(path, forgiving=True)
    assert warning.endswith("file: a picture and a film in one table")
    assert len(table) == 3
    assert (len(table.files), np.isnan(table.times).sum()) == ((0, 0) if pictures == 1 else (3, 3))
    assert table.left_out == 1
