"""Names that are no UTF-8, in places whose language knows ASCII alone: read, written and told."""

import csv
import json
import os
import shutil
import sys
from pathlib import Path

import cv2
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes there")

MORE = [pytest.mark.long, pytest.mark.slow]
DEMO = Path(__file__).parents[2] / "assets" / "demo.mp4"
ASCII = "export LC_ALL=C PYTHONCOERCECLOCALE=0 PYTHONUTF8=0;"
STRICT = "export LC_ALL=C.UTF-8 PYTHONIOENCODING=utf-8:strict;"
NAME = os.fsdecode(b"\xe9t\xe9")
SHOWN = "\ufffdt\ufffd"


def streamed(start, *words, before):
    """Start it with standard output in a file; give that, and what it said."""
    out = words[0].parent / "stdout"
    program = start("fer-video", *words, before=f"{before} exec > '{out}';")
    code, said = program.end()
    assert code == 0, said
    return out.read_bytes(), said


@pytest.fixture
def pictures(tmp_path):
    """A folder of one picture; neither has a name that is text."""
    folder = tmp_path / f"folder-{NAME}"
    folder.mkdir()
    good, frame = cv2.VideoCapture(str(DEMO)).read()
    assert good
    (folder / f"{NAME}.jpg").write_bytes(cv2.imencode(".jpg", frame)[1].tobytes())
    return folder


@pytest.mark.parametrize(
    "before", [ASCII, pytest.param(STRICT, marks=MORE)], ids=["ascii", "utf-8"]
)
def test_pictures_whose_names_are_no_text(start, tmp_path, pictures, before):
    out, rows = tmp_path / f"out-{NAME}", tmp_path / f"rows-{NAME}.csv"
    words = (pictures, "--out", out, "--records", rows, "--json")
    printed, said = streamed(start, *words, before=before)
    assert said == ""
    assert json.loads(printed)["out"] == str(out)  # as JSON escapes what is no text
    (row,) = csv.DictReader(rows.read_text("utf-8").splitlines())
    assert row["file"] == f"{SHOWN}.jpg"
    assert [path.name for path in out.iterdir()] == [f"{NAME}.jpg"]
    names = {pictures.name, out.name, rows.name, f"{rows.name}.json", "stdout"}
    assert {path.name for path in tmp_path.iterdir()} == names


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("before", [ASCII, STRICT], ids=["ascii", "utf-8"])
def test_rows_are_printed_whatever_the_names_are(start, pictures, before):
    printed, _ = streamed(start, pictures, "--records", "-", "--quiet", before=before)
    (row,) = csv.DictReader(printed.decode().splitlines())
    assert row["file"] == f"{SHOWN}.jpg"


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("before", [ASCII, STRICT], ids=["ascii", "utf-8"])
def test_film_whose_name_is_no_text(start, tmp_path, frames_of, before):
    film = tmp_path / f"{NAME}.mp4"
    shutil.copy(DEMO, film)
    out, rows = tmp_path / f"out-{NAME}.mp4", tmp_path / f"rows-{NAME}.csv"
    words = (film, "--duration", 0.2, "--out", out, "--records", rows, "--json")
    printed, said = streamed(start, *words, before=before)
    assert said == ""
    assert json.loads(printed)["out"] == str(out)
    assert frames_of(out) == 5
    assert len(rows.read_text().splitlines()) == 6
    names = {film.name, out.name, rows.name, "stdout"}
    assert {path.name for path in tmp_path.iterdir()} == names


@pytest.mark.parametrize(
    "before", [ASCII, pytest.param(STRICT, marks=MORE)], ids=["ascii", "utf-8"]
)
def test_missing_film_whose_name_is_no_text_is_one_line(start, tmp_path, before):
    film = tmp_path / f"{NAME}.mp4"
    program = start("fer-video", film, "--records", tmp_path / "rows.csv", before=before)
    code, said = program.end()
    assert code == 3
    assert said == f"fer-video: {tmp_path}/\\udce9t\\udce9.mp4: no such file; check the path\n"
