"""Rows in every format, read back by libraries that did not write them."""

import csv
import errno
import json
import os
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, SinkError
from engine.labels import EXPRESSIONS
from engine.record import COLUMNS, LANDMARK_COLUMNS, TAIL, columns, open_records, records_of
from engine.types import CLASSES, POINTS, Analysis, Frame, Prediction, Track

ENDINGS = [".csv", ".jsonl", ".ndjson", ".parquet"]


def _analysis(index: int = 0, faces: int = 1, seed: int = 0) -> Analysis:
    generator = np.random.default_rng(seed + 1000 * index)
    tracks, predictions = [], []
    for number in range(faces):
        x0, y0 = generator.uniform(-20, 500, 2)
        box = np.array([x0, y0, x0 + 80.126, y0 + 99.874], np.float32)
        landmarks = generator.uniform(0, 600, (POINTS, 2)).astype(np.float32)
        tracks.append(Track(number + 1, box, landmarks, 0.987654321))
        shares = generator.dirichlet(np.full(CLASSES, 0.3)).astype(np.float32)
        valence, arousal = generator.uniform(-1, 1, 2).tolist()
        predictions.append(Prediction(number + 1, shares, valence, arousal, 0.75))
    frame = Frame(index, index * 1001 / 30000, np.zeros((4, 4, 3), np.uint8))
    return Analysis(frame, tuple(tracks), tuple(predictions), {})


def _write(path: Path, *analyses: Analysis, landmarks: bool = False) -> None:
    writer = open_records(path, landmarks=landmarks, overwrite=False)
    for analysis in analyses:
        writer.write(analysis)
    writer.close()


def _rows(path: Path) -> list[dict]:
    """Every row with its numbers as numbers and its landmarks, if any, as columns."""
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_table(path).to_pylist()
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as text:
            rows = list(csv.DictReader(text))
        texts = ("expression", "file", "affect_source")
        return [{k: v if k in texts else float(v or "nan") for k, v in r.items()} for r in rows]
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row in rows:
        points = row.pop("landmarks", [])
        behind = {name: row.pop(name) for name in tuple(row)[len(COLUMNS) :]}
        row.update(zip(LANDMARK_COLUMNS, (v for point in points for v in point), strict=False))
        row.update(behind)
    return rows


def test_columns_are_those_promised():
    assert ",".join(columns(landmarks=False)) == (
        "frame,timestamp,face_id,x,y,width,height,score,expression,reliability,neutral,happiness,"
        "surprise,sadness,anger,disgust,fear,contempt,valence,arousal,file,contract,affect_source"
    )
    assert columns(landmarks=True) == (*COLUMNS, *LANDMARK_COLUMNS, "file", *TAIL)
    assert TAIL == ("contract", "affect_source")
    assert LANDMARK_COLUMNS[:3] == ("landmark_0_x", "landmark_0_y", "landmark_1_x")
    assert LANDMARK_COLUMNS[-1] == "landmark_67_y"


@pytest.mark.parametrize("landmarks", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_tells_the_same(tmp_path, ending, landmarks):
    analyses = [_analysis(0, 2), _analysis(1, 0), _analysis(2, 1)]
    _write(tmp_path / f"rows{ending}", *analyses, landmarks=landmarks)
    rows = _rows(tmp_path / f"rows{ending}")
    assert [(row["frame"], row["face_id"]) for row in rows] == [(0, 1), (0, 2), (2, 1)]
    assert tuple(rows[0]) == columns(landmarks=landmarks)
    row, track, prediction = rows[2], analyses[2].tracks[0], analyses[2].predictions[0]
    assert row["timestamp"] == pytest.approx(2 * 1001 / 30000, abs=1e-6)
    assert [row["x"], row["y"]] == pytest.approx(track.box[:2].tolist(), abs=0.006)
    assert [row["width"], row["height"]] == pytest.approx([80.13, 99.87], abs=0.011)
    assert row["expression"] == prediction.expression
    assert row["file"] == ""
    shares = [row[name] for name in EXPRESSIONS]
    assert shares == pytest.approx(prediction.probabilities.tolist(), abs=1e-6)
    assert row["valence"] == pytest.approx(prediction.valence, abs=1e-6)
    assert row["arousal"] == pytest.approx(prediction.arousal, abs=1e-6)
    if landmarks:
        points = [row[name] for name in LANDMARK_COLUMNS]
        assert points == pytest.approx(track.landmarks.ravel().tolist(), abs=0.006)


@given(st.integers(0, 2**32 - 1))
def test_rounded_probabilities_still_sum_to_one(seed):
    ((record, points),) = records_of(_analysis(seed=seed), landmarks=False)
    assert sum(getattr(record, name) for name in EXPRESSIONS) == pytest.approx(1, abs=1e-5)
    assert points == ()


def test_csv_is_plain_text_with_plain_numbers(tmp_path):
    analysis = _analysis()
    shares = np.zeros(CLASSES, np.float32)
    shares[:3] = 1 - 3e-6, 2e-6, 1e-6
    prediction = Prediction(1, shares, -0.0, 0.5, 0.9)
    _write(tmp_path / "rows.csv", Analysis(analysis.frame, analysis.tracks, (prediction,), {}))
    header, row = (tmp_path / "rows.csv").read_bytes().decode().splitlines()
    assert header == ",".join(columns(landmarks=False))
    assert row.endswith(
        ",0.987654,neutral,0.9,0.999997,0.000002,0.000001,0,0,0,0,0,0,0.5,,2,network"
    )
    assert row.startswith("0,0,1,")


def test_json_lines_nest_the_landmarks(tmp_path):
    _write(tmp_path / "rows.jsonl", _analysis(), landmarks=True)
    row = json.loads((tmp_path / "rows.jsonl").read_text())
    assert tuple(row) == (*COLUMNS, "landmarks", "file", *TAIL)
    assert np.shape(row["landmarks"]) == (POINTS, 2)
    assert type(row["frame"]) is int


def test_parquet_has_types_and_row_groups(tmp_path):
    from pyarrow import parquet

    _write(tmp_path / "rows.parquet", *(_analysis(index, 8) for index in range(600)))
    with parquet.ParquetFile(tmp_path / "rows.parquet") as file:
        assert file.metadata.num_rows == 4800
        assert file.num_row_groups == 2
        types = {field.name: str(field.type) for field in file.schema_arrow}
    assert (types["frame"], types["timestamp"], types["expression"]) == (
        "int64",
        "double",
        "string",
    )


@pytest.mark.parametrize("landmarks", [False, True])
def test_no_faces_still_give_a_header(tmp_path, landmarks):
    from pyarrow import parquet

    names = columns(landmarks=landmarks)
    for ending in ENDINGS:
        _write(tmp_path / f"rows{ending}", _analysis(faces=0), landmarks=landmarks)
    assert (tmp_path / "rows.csv").read_text() == ",".join(names) + "\n"
    assert (tmp_path / "rows.jsonl").read_bytes() == b""
    assert tuple(parquet.read_schema(tmp_path / "rows.parquet").names) == names


@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_of_a_picture_name_it_and_have_no_time(tmp_path, ending):
    film = _analysis(faces=2)
    picture = replace(film, frame=replace(film.frame, file='a "b", c.jpg'))
    _write(tmp_path / f"rows{ending}", picture)
    for row in _rows(tmp_path / f"rows{ending}"):
        assert row["file"] == 'a "b", c.jpg'
        if ending == ".csv":
            assert np.isnan(row["timestamp"])
        else:
            assert row["timestamp"] is None


@pytest.mark.parametrize("ending", ENDINGS)
def test_file_appears_only_when_closed(tmp_path, ending):
    target = tmp_path / f"rows{ending}"
    writer = open_records(target, landmarks=False, overwrite=False)
    writer.write(_analysis())
    assert not target.exists()
    writer.close()
    writer.close()
    writer.discard()
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(ValueError, match="closed"):
        writer.write(_analysis())


@pytest.mark.parametrize("ending", ENDINGS)
def test_discard_leaves_the_old_file_alone(tmp_path, ending):
    target = tmp_path / f"rows{ending}"
    target.write_text("old")
    writer = open_records(target, landmarks=False, overwrite=True)
    writer.write(_analysis())
    writer.discard()
    writer.close()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_overwrite_replaces_the_old_file(tmp_path):
    (tmp_path / "rows.csv").write_text("old")
    open_records(tmp_path / "rows.csv", landmarks=False, overwrite=True).close()
    assert (tmp_path / "rows.csv").read_text().startswith("frame,")


def test_existing_file_is_an_error(tmp_path):
    (tmp_path / "rows.csv").write_text("old")
    with pytest.raises(SinkError, match=r"rows\.csv: exists already; use --overwrite"):
        open_records(tmp_path / "rows.csv", landmarks=False, overwrite=False)


def test_unknown_ending_lists_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match=r"known here: \.csv, \.jsonl, \.ndjson, \.parquet"):
        open_records(tmp_path / "rows.xlsx", landmarks=False, overwrite=False)


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(SinkError, match="does not exist; create it first"):
        open_records(tmp_path / "none" / "rows.csv", landmarks=False, overwrite=False)


def test_missing_parquet_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pip install 'fer-live\[parquet\]'"):
        open_records(tmp_path / "rows.parquet", landmarks=False, overwrite=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_full_disk_is_an_error_that_leaves_nothing(tmp_path, full_disk, ending):
    writer = open_records(tmp_path / f"rows{ending}", landmarks=True, overwrite=False)
    writer.write(_analysis())
    with pytest.raises(SinkError, match=os.strerror(errno.ENOSPC)):
        writer.close()
    assert list(tmp_path.iterdir()) == []


def test_rows_reach_the_disk_as_they_come(tmp_path):
    writer = open_records(tmp_path / "rows.jsonl", landmarks=True, overwrite=False)
    sizes = []
    for index in range(30):
        writer.write(_analysis(index, 8))
        (path,) = tmp_path.glob(".*/rows.jsonl")
        sizes.append(path.stat().st_size)
    writer.discard()
    assert sizes[-1] > 100_000
    assert max(b - a for a, b in pairwise(sizes)) < 50_000


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".ndjson"])
def test_growing_rows_can_be_read_before_the_end_and_survive_a_discard(tmp_path, ending):
    target = tmp_path / f"rows{ending}"
    writer = open_records(target, landmarks=False, overwrite=False, growing=True)
    for index in range(3):
        writer.write(_analysis(index))
        assert [row["frame"] for row in _rows(target)] == list(range(index + 1))
    writer.discard()
    assert len(_rows(target)) == 3
    assert list(tmp_path.iterdir()) == [target]


def test_parquet_cannot_grow(tmp_path):
    with pytest.raises(ConfigError, match=r"rows\.parquet: Parquet does not survive a kill"):
        open_records(tmp_path / "rows.parquet", landmarks=False, overwrite=False, growing=True)
    assert list(tmp_path.iterdir()) == []
