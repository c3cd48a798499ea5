"""Tables: of a video, the command's rows; of a file, the same again."""

import sys

import pyarrow.parquet
import pytest

import fer_live
from app.command.cli import main
from engine.record import columns


@pytest.fixture(scope="module")
def table(clip):
    return fer_live.table(clip, duration=2)


@pytest.mark.parametrize("landmarks", [False, True])
def test_table_is_what_the_command_writes_to_parquet(clip, tmp_path, table, landmarks):
    path = tmp_path / "rows.parquet"
    options = ["--duration", "2", "--quiet", *(["--landmarks"] if landmarks else [])]
    assert main([str(clip), "--records", str(path), *options]) == 0
    written = pyarrow.parquet.read_table(path)
    if landmarks:
        table = fer_live.table(clip, duration=2, landmarks=True)
    assert table.schema.equals(written.schema, check_metadata=True)
    assert table.equals(written)
    assert table.column_names == list(columns(landmarks=landmarks))
    assert table.num_rows == 50


def test_table_of_nobody_has_columns_and_no_rows(make_clip, table):
    empty = fer_live.table(make_clip())
    assert empty.num_rows == 0
    assert empty.schema.equals(table.schema)


def test_table_of_many_rows_is_whole(clip, table, monkeypatch):
    monkeypatch.setattr("fer_live._tables.ROW_GROUP", 7)
    assert fer_live.table(clip, duration=2).equals(table)


def test_options_reach_the_engine(clip, table):
    assert fer_live.table(clip, start=1, duration=0.2)["timestamp"].to_pylist()[0] == 1.0
    assert not fer_live.table(clip, duration=2, smooth=0).equals(table)


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".ndjson", ".parquet"])
@pytest.mark.parametrize("landmarks", [False, True])
def test_file_of_records_is_read_as_the_same_table(clip, tmp_path, table, ending, landmarks):
    path = tmp_path / f"rows{ending}"
    options = ["--duration", "2", "--quiet", *(["--landmarks"] if landmarks else [])]
    assert main([str(clip), "--records", str(path), *options]) == 0
    found = fer_live.read(path)
    assert found.select(table.column_names).equals(table)
    assert found.equals(fer_live.read(str(path)))
    assert (found.num_columns > table.num_columns) == landmarks
    if landmarks:
        assert found.equals(fer_live.table(clip, duration=2, landmarks=True))


def test_file_without_rows_is_read_as_a_table_without_rows(tmp_path, table, write_records):
    for name in ("rows.csv", "rows.jsonl", "rows.parquet"):
        found = fer_live.read(write_records(name, []))
        assert found.num_rows == 0
        assert found.schema.equals(table.schema)


def test_last_row_that_was_cut_off_is_left_out_and_told(write_records, two_faces, caplog):
    path = write_records("rows.csv", two_faces)
    whole = fer_live.read(path)
    path.write_text(path.read_text()[:-5])
    assert fer_live.read(path).equals(whole.slice(0, whole.num_rows - 1))
    assert "rows.csv: ends in the middle of a row, which is left out" in caplog.text


def test_what_is_no_file_of_records_is_refused_in_one_line(tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    for path, kind, said in (
        (tmp_path / "rows.xls", fer_live.ConfigError, "rows.xls: unknown ending; known here: .csv"),
        (tmp_path / "missing.csv", fer_live.SourceError, "missing.csv: cannot be read: No such"),
        (other, fer_live.SourceError, "other.csv: not a file of records: frame, timestamp"),
    ):
        with pytest.raises(kind, match=said) as refused:
            fer_live.read(path)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("call", [fer_live.table, fer_live.read])
def test_without_pyarrow_the_extra_is_named_before_anything_is_opened(monkeypatch, call):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    said = rf"^fer_live.{call.__name__} needs pyarrow; pip install 'fer-live\[parquet\]'$"
    with pytest.raises(fer_live.ConfigError, match=said):
        call("missing.csv")


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_table_of_pictures_names_them_and_comes_back(portrait_file, tmp_path, ending):
    folder = tmp_path / "people"
    folder.mkdir()
    for name in ("1.jpg", "2.jpg"):
        (folder / name).write_bytes(portrait_file.read_bytes())
    table = fer_live.table(folder)
    assert table["file"].to_pylist() == ["1.jpg", "2.jpg"]
    assert table["timestamp"].to_pylist() == [None, None]
    rows = tmp_path / f"rows{ending}"
    assert main([str(folder), "--records", str(rows), "--quiet"]) == 0
    assert fer_live.read(rows).equals(table)
    assert fer_live.table(folder, sequence=True)["timestamp"].to_pylist() == [0, 0.04]
