"""What is said to whoever writes Python: one line, in Python's words, before any work is done."""

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

import fer_live
from fer_live._options import FilmOptions
from fer_live._words import in_python

ROOT = Path(__file__).parents[2]
SOME = np.zeros((40, 40, 3), np.uint8)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("a.mp4: exists already; use --overwrite or another name", "overwrite=True"),
        ("detector yunet: needs --detector-model FILE: see docs", "detector_model=FILE"),
        ("a.mp4: its sound cannot be decoded; use --audio none", 'audio="none"'),
        ("no GPU; choose --device cpu", 'device="cpu"'),
        ("leave --precision out", "leave precision out"),
        ("--min-face: must be at least 1", "min_face_px: must be"),
        ("--start and --duration are of no use", "start and duration are"),
        (
            "no a.engine, fer-export --to tensorrt --precision fp16 builds it",
            "--to tensorrt --precis",
        ),
        ("pip install --no-deps x && pip uninstall --yes y", "--no-deps x && pip uninstall --yes"),
        ("a.mp4: --what is none of ours", "--what is"),
    ],
)
def test_options_become_arguments_and_commands_stay(said, meant):
    assert meant in in_python(said)


def test_every_argument_is_known_by_its_option():
    own = set(inspect.signature(fer_live.annotate).parameters) - {"video", "options"}
    own |= FilmOptions.__annotations__.keys()
    options = {name: in_python(f"--{name.replace('_', '-')}") for name in own}
    assert {name for name, said in options.items() if "--" in said} == set()


def raised_texts(path: Path) -> list[str]:
    """Give what the errors of a module may say, placeholders left empty."""
    texts = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            texts.append("".join(str(p.value) for p in node.values if isinstance(p, ast.Constant)))
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and "\n" not in node.value
        ):
            texts.append(node.value)
    return texts


def test_no_option_of_a_command_is_left_in_what_the_engine_says():
    """Of the engine and what of `app.command` the functions run; `Parser` is the commands' own."""
    files = [*(ROOT / "engine").rglob("*.py"), ROOT / "app" / "command" / "job.py"]
    files = [
        path for path in files if path.name not in ("command.py", "installed.py")
    ]  # git has others
    left = {
        text: in_python(text)
        for path in files
        for text in raised_texts(path)
        if " --" in f" {text}" and "pip " not in text and "fer-" not in text
    }
    assert left, "nothing was looked at"
    assert {text for text, said in left.items() if "--" in said} == set()


def test_overwriting_is_asked_for_in_python(clip, tmp_path):
    (tmp_path / "out.mp4").write_bytes(b"old")
    said = r"out\.mp4: exists already; use overwrite=True or another name$"
    with pytest.raises(fer_live.SinkError, match=said):
        fer_live.annotate(clip, tmp_path / "out.mp4")


def test_a_missing_detector_model_is_asked_for_in_python(clip):
    with pytest.raises(fer_live.ModelError, match=r"needs detector_model=FILE"):
        fer_live.Model(detector="yunet")
    with pytest.raises(fer_live.ModelError, match=r"needs detector_model=FILE"):
        next(fer_live.stream(clip, detector="yunet"))


CALLS = {
    "duration 0": (lambda clip: fer_live.stream(clip, duration=0), "duration: must be above 0"),
    "start text": (lambda clip: fer_live.table(clip, start="1"), "start: must be a number"),
    "start late": (lambda clip: fer_live.stream(clip, start=1e300), "start: must be at most"),
    "rgb 1": (lambda clip: fer_live.stream(clip, rgb=1), "rgb: must be true or false, got 1"),
    "live": (lambda clip: fer_live.stream(clip, live="yes"), "live: must be true or false"),
    "landmarks": (lambda clip: fer_live.table(clip, landmarks=2), "landmarks: must be true"),
    "rgb None": (lambda _: fer_live.analyze(SOME, rgb=None), "rgb: must be true or false"),
    "timeline": (lambda clip: fer_live.annotate(clip, "a.mp4", timeline=0), "timeline: must be"),
    "overwrite": (lambda clip: fer_live.annotate(clip, "a.mp4", overwrite="no"), "overwrite: must"),
    "audio": (
        lambda clip: fer_live.annotate(clip, "a.mp4", audio="mp3"),
        "audio: 'mp3' is unknown",
    ),
    "out 5": (lambda clip: fer_live.annotate(clip, 5), "out: expected a path, got 5"),
    "out empty": (lambda clip: fer_live.annotate(clip, ""), "out: is empty; is a variable unset?"),
    "out zero": (lambda clip: fer_live.annotate(clip, "a\0.mp4"), "out: no path has a zero byte"),
    "no output": (lambda clip: fer_live.annotate(clip), "nothing to do; give out for a video or"),
    "records": (
        lambda clip: fer_live.annotate(clip, records=b"a.csv"),
        "records: expected a path, got b'a.csv'",
    ),
    "megapixels": (
        lambda _: fer_live.analyze(SOME, max_megapixels=0),
        "max_megapixels: must be above 0, got 0",
    ),
    "read None": (lambda _: fer_live.read(None), "records: expected a path, got None"),
    "read 5": (lambda _: fer_live.read(5), "records: expected a path, got 5"),
    "read empty": (lambda _: fer_live.read(""), "records: is empty; is a variable unset?"),
    "picture": (lambda _: fer_live.analyze(""), "picture: is empty; is a variable unset?"),
    "source": (lambda _: fer_live.stream(""), "source: is empty; is a variable unset?"),
    "huge": (
        lambda clip: fer_live.stream(clip, min_face_px=10**400),
        "min_face_px: must be at most 9223372036854775807, got 1000",
    ),
    "huger": (
        lambda clip: fer_live.stream(clip, min_face_px=10**5000),
        "min_face_px: must be at most 9223372036854775807, got int of too many digits",
    ),
    "array": (
        lambda clip: fer_live.stream(clip, smooth=np.arange(6).reshape(2, 3)),
        "smooth: must be a number, got array([[0, 1, 2], [3, 4, 5]])",
    ),
}


@pytest.mark.parametrize("what", CALLS)
def test_a_wrong_argument_is_refused_at_the_call_in_one_line(clip, tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    call, said = CALLS[what]
    with pytest.raises(fer_live.ConfigError) as caught:
        call(clip)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "source", [np.zeros((3, 3)), 10**9, 10**5000], ids=["array", "large", "huge"]
)
def test_what_is_no_source_is_named_on_one_line(source):
    with pytest.raises(fer_live.SourceError, match=r"^source .*: expected a path, an address or"):
        fer_live.stream(source)


def test_rows_alone_can_be_written(clip, tmp_path):
    summary = fer_live.annotate(clip, records=tmp_path / "rows.csv", duration=0.2)
    assert (summary["out"], summary["frames"], summary["dropped"]) == (None, 5, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [*("rows.csv", "rows.csv.json")]


def test_what_is_no_table_is_no_empty_one(tmp_path):
    (tmp_path / "bad.jsonl").write_text("what is this")
    with pytest.raises(fer_live.SourceError, match=r"bad\.jsonl: not a file of records"):
        fer_live.read(tmp_path / "bad.jsonl")


def test_a_table_whose_only_row_was_cut_off_is_empty(tmp_path):
    (tmp_path / "cut.jsonl").write_text('{"frame": 0, "timest')
    assert fer_live.read(tmp_path / "cut.jsonl").num_rows == 0
