"""Broken recordings: each is refused in one line, or opens with what is left and can be exported.

A case is a number: it seeds what is broken. `CASES` are tried by default, `MANY` by ``-m long``.
"""

import csv
import json
import os
import random
import resource
import shutil
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from app.session.edits import DeleteEdit, EditList, LabelEdit, MarkerEdit
from app.session.exports.export import FORMS, export
from app.session.folder import Marker, MarkerWriter, write_about
from app.session.people import MergeEdit
from app.session.records import read_records
from app.session.review import Review, open_review
from engine.errors import FerError
from engine.labels import EXPRESSIONS
from engine.record import COLUMNS, open_records
from engine.types import Analysis, Frame, Prediction, Track

T = TypeVar("T")
CASES = 150
MANY = 20_000
SLOWEST_S = 10.0  # of the processor, for one case with all its exports
MEMORY_KB = 400_000  # that all cases together may add

NUMBERS = (
    *("nan", "inf", "-inf", "-1", "1e308", "1e999", "1e7", "-0", "5e-324", "9" * 400),
    *("2147483648", "9007199254740993", "0x10", "1_0", "\u0660", "", " ", "x", "true"),
    *("\x00", '"', "1;2"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 3, 1.5, 1e300, 10**30, [], {}, [[]], [1], {"a": 1}),
    *("", "x", "../x", "a\x00b", "\x1b", "\ufffe", "nan", ["video.mp4"], "-->", "9" * 300),
)
NAMES = (
    *("/etc/passwd", "../../x", "..", ".", "/dev/zero", "/dev/stdin", "\\\\host\\share\\a.csv"),
    *("C:\\a", "a/b", "", "x" * 300, "session.json", "edits.json", "no.csv", "con", "a\nb"),
    *("a\x00b", "video.mp4", "records.csv", "out", "file:///etc/passwd", "rtsp://host/x", "*", "~"),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder with one whole recording of each form: its files are what cases break."""
    root = tmp_path_factory.mktemp("whole")
    for name, landmarks in (
        ("records.csv", False),
        ("records.jsonl", True),
        ("records.parquet", False),
    ):
        writer = open_records(root / name, landmarks=landmarks, overwrite=False)
        for index in range(12):
            writer.write(_analysis(index))
        writer.close()
    table, _ = read_records(root / "records.csv")
    markers = MarkerWriter(root / "markers.csv")
    for marker in (
        Marker(0.1, "on", "F5"),
        Marker(0.2, "film", "F6", phase="begin"),
        Marker(0.4, 'say "hi", now'),
        Marker(0.7, "film", "F6", phase="end"),
        Marker(0.9, "-->"),
    ):
        markers.write(marker)
    markers.close()
    edits = EditList(root / "edits.json", table)
    for edit in (
        LabelEdit(face=1, start_s=0.1, end_s=0.3, label="fear"),
        DeleteEdit(face=2, start_s=0, end_s=0.2),
        MarkerEdit(was_s=0.1, was="on", time_s=0.1, text="on", end_s=0.6),
    ):
        edits.add(edit)
    (root / "video.mp4").write_bytes(bytes(range(256)) * 4)
    return root


def _analysis(index: int) -> Analysis:
    tracks, predictions = [], []
    for face in (1, 2):
        box = np.array([60 * face, 20, 60 * face + 40, 70], np.float32)
        tracks.append(Track(face, box, np.full((68, 2), 30.5, np.float32), 0.9))
        shares = np.full(8, 0.05, np.float32)
        shares[(index // 4 + face) % 8] = 0.65
        predictions.append(Prediction(face, shares, 0.25, -0.5, 0.6))
    frame = Frame(index, index / 10, np.zeros((1, 1, 3), np.uint8))
    return Analysis(frame, tuple(tracks), tuple(predictions), {})


class _NothingLeftError(Exception):
    """None of the files that were to be broken is a file any more."""


class Breaker:
    """Makes a recording and breaks it, the same for the same number."""

    def __init__(self, whole: Path, folder: Path, number: int) -> None:
        self.random = random.Random(number)
        self.folder = folder
        kind = self.random.choice((".csv", ".csv", ".jsonl", ".parquet"))
        self.records = f"records{kind}"
        for name in (self.records, "markers.csv", "edits.json", "video.mp4"):
            shutil.copy(whole / name, folder / name)
        self.about = self._about()
        write_about(folder, self.about)

    def _about(self) -> dict[str, Any]:
        files: dict[str, Any] = {
            "markers": "markers.csv",
            "video": "video.mp4",
            "records": self.records,
        }
        about: dict[str, Any] = {
            "format": 1,
            "state": "finished",
            "started": "2026-11-27T14:03:21.000+01:00",
            "files": files,
            "source": {"name": "camera 0", "fps": 25.0},
            "settings": {"video": {"annotate": True}},
        }
        if self.random.random() < 0.4:
            second = f"records-002{Path(self.records).suffix}"
            shutil.copy(self.folder / self.records, self.folder / second)
            about["format"] = 2
            files["parts"] = [{"start_s": 1.2, "records": second, "video": "video-002.mp4"}]
            shutil.copy(self.folder / "video.mp4", self.folder / "video-002.mp4")
            (self.folder / "edits.json").unlink()
        return about

    def break_it(self) -> str:
        """Break one to three things; say which."""
        ways = (
            *(self.bytes, self.bytes, self.cell, self.cell, self.lines, self.marker, self.edit),
            *(self.structure, self.structure, self.structure, self.name, self.name, self.place),
        )
        done = []
        for _ in range(self.random.randint(1, 3)):
            with suppress(_NothingLeftError):
                done.append(self.random.choice(ways)())
        return "; ".join(done)

    def _file(self, *names: str) -> Path:
        there = [path for path in map(self.folder.joinpath, names) if _is_small(path)]
        if not there:
            raise _NothingLeftError
        return self.random.choice(there)

    def _any(self) -> Path:
        return self._file(self.records, "markers.csv", "edits.json", "session.json")

    def bytes(self) -> str:
        path = self._any()
        content, pick = bytearray(path.read_bytes()), self.random
        at = pick.randrange(len(content) + 1)
        way = pick.choice(
            (
                "flip",
                "cut",
                "nul",
                "twice",
                "bom",
                "utf-16",
                "empty",
                "noise",
                "long",
                "quote",
                "controls",
            )
        )
        if way == "flip":
            for _ in range(pick.randint(1, 8)):
                if content:
                    content[pick.randrange(len(content))] = pick.randrange(256)
        elif way == "cut":
            del content[at:]
        elif way == "nul":
            content[at:at] = bytes(pick.choice((1, 16, 200_000)))
        elif way == "twice":
            content += content[at:]
        elif way == "bom":
            content[:0] = b"\xef\xbb\xbf"
        elif way == "utf-16":
            content = bytearray(bytes(content).decode("latin-1").encode("utf-16"))
        elif way == "empty":
            content.clear()
        elif way == "noise":
            content[:] = pick.randbytes(pick.choice((1, 100, 5000)))
        elif way == "long":
            content[at:at] = b"9" * pick.choice((300, 70_000, 200_000))
        elif way == "quote":
            content[at:at] = b'"'
        else:
            content[at:at] = pick.choice(
                (b"\x0b", b"\x1b[2J", b"\r", b"\xed\xa0\x80", b"\xef\xbf\xbe", b"\xc2\x85")
            )
        path.write_bytes(bytes(content))
        return f"{path.name}: {way} at {at}"

    def cell(self) -> str:
        path, pick = self._file(self.records, "markers.csv"), self.random
        if path.suffix != ".csv":
            return self.json_cell(path)
        rows = path.read_text("utf-8", "replace").split("\n")
        row = pick.randrange(len(rows))
        cells, value = rows[row].split(","), pick.choice(NUMBERS)
        at = pick.randrange(len(cells))
        cells[at] = value
        rows[row] = ",".join(cells)
        path.write_text("\n".join(rows), "utf-8")
        return f"{path.name}: cell {row}, {at} is {value[:9]!r}"

    def json_cell(self, path: Path) -> str:
        if path.suffix != ".jsonl":
            return self.structure()
        pick = self.random
        rows = path.read_text("utf-8", "replace").split("\n")
        row = pick.randrange(len(rows))
        try:
            content = json.loads(rows[row])
            name, value = pick.choice((*COLUMNS, "landmarks")), pick.choice(VALUES)
            content[name] = value
            rows[row] = json.dumps(content)
        except (ValueError, TypeError):
            return "nothing"
        path.write_text("\n".join(rows), "utf-8")
        return f"{path.name}: row {row}, {name} is {value!r:.20}"

    def lines(self) -> str:
        path, pick = self._file(self.records, "markers.csv"), self.random
        rows = path.read_bytes().split(b"\n")
        at, way = (
            pick.randrange(len(rows)),
            pick.choice(("drop", "twice", "shuffle", "crlf", "head", "column")),
        )
        if way == "drop":
            del rows[at]
        elif way == "twice":
            rows[at:at] = [rows[at]] * pick.choice((1, 3))
        elif way == "shuffle":
            pick.shuffle(rows)
        elif way == "crlf":
            rows = [row + b"\r" for row in rows]
        elif way == "head":
            rows[0] = rows[0].replace(
                pick.choice((b"frame", b"face_id", b"text", b"timestamp")), b"x"
            )
        else:
            rows[0] = rows[0].replace(b"frame", b"timestamp")
        path.write_bytes(b"\n".join(rows))
        return f"{path.name}: {way} {at}"

    def structure(self) -> str:
        """Put a value of another kind into one of the JSON files."""
        path, pick = self._file("session.json", "edits.json"), self.random
        try:
            content = json.loads(path.read_text("utf-8"))
        except (ValueError, RecursionError):
            return "nothing"
        places = list(_places(content))
        if not places:
            return "nothing"
        (holder, key), value = pick.choice(places), pick.choice(VALUES)
        if pick.random() < 0.15:
            del holder[key]
        else:
            holder[key] = value
        text = json.dumps(content)
        if pick.random() < 0.15:
            text = text.replace(
                "1", pick.choice(("NaN", "1e999", "Infinity", "[" * 5000, '"\\ud800"')), 1
            )
        path.write_text(text, "utf-8")
        return f"{path.name}: {key} is {value!r:.20}"

    def name(self) -> str:
        pick, path = self.random, self.folder / "session.json"
        files = self.about["files"]
        holder = pick.choice((files, *files.get("parts", ())))
        key = pick.choice(("video", "records", "markers"))
        holder[key] = pick.choice(NAMES)
        if path.is_file() and not path.is_symlink():
            write_about(self.folder, self.about)
        return f"files.{key} is {holder[key][:20]!r}"

    def place(self) -> str:
        """Put something else where a file lies."""
        pick = self.random
        path = self._file(self.records, "markers.csv", "edits.json", "session.json", "video.mp4")
        path.unlink(missing_ok=True)
        way = pick.choice(("none", "folder", "pipe", "zero", "out", "loop", "nowhere", "sparse"))
        if way == "folder":
            path.mkdir()
        elif way == "pipe":
            os.mkfifo(path)
        elif way == "zero":
            path.symlink_to("/dev/zero")
        elif way == "out":
            path.symlink_to("/etc/passwd")
        elif way == "loop":
            path.symlink_to(path.name)
        elif way == "nowhere":
            path.symlink_to(self.folder / "nowhere")
        elif way == "sparse":
            with path.open("wb") as file:
                file.truncate(10**10)
        return f"{path.name}: {way}"

    def marker(self) -> str:
        pick, path = self.random, self.folder / "markers.csv"
        if not path.is_file() or path.is_symlink():
            return "nothing"
        text = pick.choice(
            (
                "\x00",
                "\x1b]0;x\x07",
                "a --> b",
                "<c>&",
                "$x^{",
                "=cmd|' /C calc'!A0",
                "\u2028",
                "😀",
                "\ufffe",
            )
        )
        time_text = pick.choice(("0.5", *NUMBERS))
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{time_text},F5,{text}\n")
        return f"a marker at {time_text[:9]!r}: {text!r}"

    def edit(self) -> str:
        pick = self.random
        entry = {
            "kind": pick.choice(("label", "delete", "merge", "x", None, [])),
            "face": pick.choice((1, 2, *VALUES)),
            "start_s": pick.choice((0, *VALUES)),
            "end_s": pick.choice((1, *VALUES)),
            "label": pick.choice(("fear", *VALUES)),
            "into": pick.choice((1, *VALUES)),
        }
        entry = {key: value for key, value in entry.items() if pick.random() < 0.8}
        content = {"format": 1, "rows": pick.choice((24, 24, *VALUES)), "edits": [entry]}
        path = self.folder / "edits.json"
        if path.is_symlink() or (path.exists() and not path.is_file()):
            return "nothing"
        path.write_text(json.dumps(content), "utf-8")
        return f"a correction {entry!r:.80}"


def _is_small(path: Path) -> bool:
    """Whether a file is there, and none that was made ten gigabytes large, which nobody reads."""
    return not path.is_symlink() and path.is_file() and path.stat().st_size < 2**24


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every value inside another, as what holds it and its key."""
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, each in inside:
        yield value, key
        yield from _places(each)


def _line(text: str) -> bool:
    return bool(text) and len(text.splitlines()) == 1 and len(text) < 1000


def _judge(folder: Path, number: int) -> str:
    """Open, look at everything, correct, export; say how it went."""
    before = {path.name for path in folder.iterdir()}
    review, refusal = _tried(lambda: open_review(folder).prepare())
    if review is None:
        assert folder.name in refusal
        assert {path.name for path in folder.iterdir()} == before
        return "refused"
    assert all(map(_line, review.warnings)), review.warnings
    assert review.name == folder.name
    _look(review)
    _correct(review)
    endings = [".csv", ".json", ".vtt", ".eaf"] + ([".svg", ".parquet"] if number % 75 == 0 else [])
    for ending in endings:
        path = folder.parent / f"out{ending}"
        export(review, path, overwrite=True)
        CHECKS[ending](path, review)
    new = {path.name for path in folder.iterdir()} - before
    assert new <= {"edits.json"}, new
    return "opened with warnings" if review.warnings else "opened"


def _look(review: Review) -> None:
    assert 0 <= review.duration_s < 2e7
    assert review.frame_s > 0
    for track in review.tracks():
        assert sum(track.face.shares.values()) == pytest.approx(1)
        review.spans(track.face.id, least_s=0.5)
    for time_s in (0.0, review.duration_s / 2, review.duration_s):
        review.at(time_s)
    for part in review.footage:
        assert part.path.resolve().parent == review.edits.path.parent.resolve()


def _correct(review: Review) -> None:
    """Correct what can be, and take it back."""
    faces = review.faces
    tries = [DeleteEdit(face=face) for face in faces[:1]]
    tries += [MergeEdit(face=faces[0], into=faces[1])] if len(faces) > 1 else []
    for edit in tries:
        _, refusal = _tried(partial(review.edits.add, edit))
        if not refusal:
            review.edits.undo()


def _tried(work: Callable[[], T]) -> tuple[T | None, str]:
    """Do something; give what came of it, or why it was refused, which is one line."""
    try:
        return work(), ""
    except FerError as error:
        refusal = str(error)
    assert _line(refusal), repr(refusal)[:500]
    return None, refusal


def _check_csv(path: Path, review: Review) -> None:
    with path.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == len(review.table)
    assert {row["expression"] for row in rows} <= set(EXPRESSIONS)
    assert len(read_records(path)[0]) == len(rows)


def _check_json(path: Path, review: Review) -> None:
    def refuse(text: str) -> float:
        raise AssertionError(text)

    content = json.loads(path.read_text("utf-8"), parse_constant=refuse)
    assert len(content["rows"]) == len(review.table)
    assert len(content["markers"]) == len(review.markers)


def _check_vtt(path: Path, review: Review) -> None:
    blocks = path.read_text("utf-8").rstrip("\n").split("\n\n")
    assert blocks[0] == "WEBVTT"
    for block in blocks[1:]:
        times, words = block.split("\n")
        start, _, end = times.removesuffix(" line:0").partition(" --> ")
        assert (len(start), start) < (len(end), end)
        assert start.replace(":", "").replace(".", "").isascii()
        assert "-->" not in words


def _check_xml(path: Path, review: Review) -> None:
    assert len(list(ET.parse(path).getroot().iter())) > 5


def _check_parquet(path: Path, review: Review) -> None:
    from pyarrow import parquet

    assert len(parquet.read_table(path)) == len(review.table)


CHECKS: dict[str, Callable[[Path, Review], None]] = {
    ".csv": _check_csv,
    ".json": _check_json,
    ".vtt": _check_vtt,
    ".eaf": _check_xml,
    ".svg": _check_xml,
    ".parquet": _check_parquet,
}
assert set(CHECKS) < set(FORMS)


def _run(whole: Path, root: Path, numbers: range) -> dict[str, int]:
    ends: dict[str, int] = {}
    start_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in numbers:
        folder = root / "2026-11-27_14-03-21"
        folder.mkdir()
        breaker = Breaker(whole, folder, number)
        what, began_s = breaker.break_it(), time.process_time()
        try:
            end = _judge(folder, number)
        except BaseException as error:
            error.add_note(f"case {number}: {what}")
            raise
        assert time.process_time() - began_s < SLOWEST_S, f"case {number}: {what}"
        ends[end] = ends.get(end, 0) + 1
        shutil.rmtree(folder)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start_kb
    assert grown_kb < MEMORY_KB
    return ends


def test_broken_recordings_open_or_say_why(whole, tmp_path):
    ends = _run(whole, tmp_path, range(CASES))
    assert min(ends[end] for end in ("refused", "opened", "opened with warnings")) > 4, ends


@pytest.mark.long
@pytest.mark.slow
def test_many_broken_recordings_open_or_say_why(request, whole, tmp_path, capsys):
    part, _, parts = str(request.config.getoption("--fuzz-part")).partition("/")
    numbers = range(CASES, CASES + MANY)[int(part) - 1 :: int(parts)]
    ends = _run(whole, tmp_path, numbers)
    with capsys.disabled():
        told = f"{len(numbers):,} broken recordings, part {part} of {parts}: {ends}"
        sys.stdout.write(f"\n{told}\n")
