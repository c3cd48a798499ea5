"""The command around fake stages: options, messages, exit codes, what is left on disk."""

import csv
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

import app.command.cli
import app.command.job
import engine.assets
from app.command.cli import main
from engine.analyze import AnalyzerConfig
from engine.assets import asset_path
from engine.errors import ModelError, SinkError, SourceError
from engine.labels import Vocabulary
from engine.networks.models import PRECISIONS
from engine.networks.runtime import DEVICES
from engine.types import Analysis, Face, Found, Prediction, Sighting, Track
from engine.video.opening import open_source
from engine.video.stills import read_still

ROOT = Path(__file__).parents[3]
OPTIONS = sorted(
    {
        *("--out", "--records", "--compare", "--landmarks", "--model", "--device", "--precision"),
        "--detector",
        *(
            "--detector-model",
            "--detect-every",
            "--min-face",
            "--max-faces",
            "--relink",
            "--faces",
            "--upright",
            "--no-upright",
            "--smooth",
        ),
        *("--max-megapixels", "--max-network-mib"),
        *(
            "--start",
            "--duration",
            "--live",
            "--sequence",
            "--audio",
            "--codec",
            "--preset",
            "--crf",
            "--no-audio",
            "--no-timeline",
            "--overwrite",
            "--json",
            "--list-models",
            "--measure",
        ),
        *("--audio", "--quiet", "--verify", "--version"),
        *("--blur", "--keep", "--pad", "--overlay"),
    }
)


class FakeFinder:
    """One face in every frame."""

    def find(self, frame):
        box = np.array([10, 8, 40, 38], np.float32)
        landmarks = np.linspace((12, 10), (38, 36), 68, dtype=np.float32)
        face = Face(np.zeros((1, 1, 3), np.uint8), np.eye(2, 3, dtype=np.float32))
        sighting = Sighting(face, landmarks, 0.9, ())
        return Found(frame, (Track(1, box, landmarks, 0.9),), (sighting,), {"detect": 1.0})

    def close(self):
        pass


class NoFaces(FakeFinder):
    def find(self, frame):
        return Found(frame, (), (), {"detect": 1.0})


class FakeReader:
    """Every face is happy."""

    device, precision = "fake", "fp8"

    def read(self, several):
        return [self._read(found) for found in several]

    def close(self):
        pass

    def _read(self, found):
        probabilities = np.array([0.1, 0.9, 0, 0, 0, 0, 0, 0], np.float32)
        predictions = tuple(
            Prediction(track.id, probabilities, 0.7, 0.4, 0.8) for track in found.tracks
        )
        times_ms = {**found.times_ms, "fusion": 1.0}
        return Analysis(found.frame, found.tracks, predictions, times_ms)


@pytest.fixture
def configs(monkeypatch):
    """Replace the models; give the configurations that finder and reader were opened with."""
    opened = {}

    def open_finder(config):
        opened["finder"] = config
        return FakeFinder()

    def open_reader(config):
        opened["reader"] = config
        return FakeReader()

    monkeypatch.setattr(app.command.job, "open_finder", open_finder)
    monkeypatch.setattr(app.command.job, "open_reader", open_reader)
    monkeypatch.setattr(app.command.job, "config_vocabulary", lambda config: Vocabulary())
    return opened


@pytest.fixture
def clip(make_clip, configs):
    return make_clip()


def lose_after(count):
    """Give an `open_source` whose source fails after `count` frames."""

    def open_lost(name, config):
        source = open_source(name, config)
        read = source.read

        def fail():
            frame = read()
            if frame is not None and frame.index >= count:
                raise SourceError("camera 0: lost; was it unplugged?")
            return frame

        source.read = fail
        return source

    return open_lost


def frame_count(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_video_and_rows_are_written(clip, tmp_path, capsys):
    out, rows = tmp_path / "out.mp4", tmp_path / "rows.csv"
    assert main([str(clip), "--out", str(out), "--records", str(rows)]) == 0
    assert frame_count(out) == 12
    with rows.open() as file:
        found = list(csv.DictReader(file))
    assert [row["frame"] for row in found] == [str(index) for index in range(12)]
    assert found[0]["expression"] == "happiness"
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "12 frames, 0.44 s of video" in printed.err
    assert "face 1: happiness 0.44 s; mean valence +0.70, arousal +0.40" in printed.err
    assert "poster-rt in fp8 on fake" in printed.err
    assert left_in(tmp_path) == ["clip.mp4", "out.mp4", "rows.csv", "rows.csv.json"]


def test_json_is_one_object_on_stdout_and_nothing_else(clip, tmp_path, capsys):
    rows = tmp_path / "rows.jsonl"
    assert main([str(clip), "--records", str(rows), "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    result = json.loads(printed.out)
    assert result["frames"] == 12
    assert result["input"] == str(clip)
    assert result["out"] is None
    assert result["records"] == str(rows)
    assert (result["device"], result["precision"]) == ("fake", "fp8")
    assert result["interrupted"] is False
    assert result["error"] is None
    assert result["faces"][0]["seconds"] == {"happiness": 0.44}
    assert set(result["times_ms"]) == {"decode", "detect", "fusion", "record"}


def test_quiet_says_nothing(clip, tmp_path, capsys):
    assert main([str(clip), "--records", str(tmp_path / "rows.csv"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_video_without_faces_is_a_success_that_says_so(clip, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(app.command.job, "open_finder", lambda config: NoFaces())
    rows = tmp_path / "rows.csv"
    assert main([str(clip), "--records", str(rows)]) == 0
    assert "no faces" in capsys.readouterr().err
    assert len(rows.read_text().splitlines()) == 1


def test_start_and_duration_choose_a_part(clip, tmp_path, capsys):
    rows = tmp_path / "rows.csv"
    part = ["--start", "00:00:00.16", "--duration", "0.2", "--json"]
    assert main([str(clip), "--records", str(rows), *part]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 5


def test_analysis_options_reach_the_analyzer(clip, tmp_path, configs, monkeypatch):
    given = ["--model", "m.onnx", "--device", "cpu", "--detector", "yunet", "--detector-model"]
    given += ["y.onnx", "--detect-every", "7", "--min-face", "30", "--max-faces", "3"]
    given += ["--relink", "--faces", "1"]
    monkeypatch.setattr("engine.origin.networks_of", lambda _: ())  # of files that are not there
    monkeypatch.setattr(app.command.job, "sources_of", lambda _: {})
    assert main([str(clip), "--records", str(tmp_path / "r.csv"), *given, "--smooth", "0"]) == 0
    wanted = AnalyzerConfig(
        model="m.onnx",
        device="cpu",
        detector="yunet",
        detector_model="y.onnx",
        detect_every=7,
        min_face_px=30,
        max_faces=3,
        relink=True,
        faces=1,
        smooth=0.0,
    )
    assert configs == {"finder": wanted, "reader": wanted}


def test_analysis_options_left_out_keep_the_analyzers_defaults(clip, tmp_path, configs):
    assert main([str(clip), "--records", str(tmp_path / "r.csv")]) == 0
    wanted = AnalyzerConfig()
    assert configs == {"finder": wanted, "reader": wanted}


def test_landmarks_are_recorded_on_request(clip, tmp_path):
    rows = tmp_path / "rows.csv"
    assert main([str(clip), "--records", str(rows), "--landmarks"]) == 0
    header = rows.read_text().splitlines()[0].split(",")
    assert len(header) == 23 + 2 * 68


def test_timeline_can_be_left_out(make_clip, configs, tmp_path):
    clip = make_clip("grey.mp4", [np.full((360, 480, 3), 128, np.uint8)] * 2)
    marked = []
    for name, options in (("with.mp4", []), ("without.mp4", ["--no-timeline"])):
        assert main([str(clip), "--out", str(tmp_path / name), *options]) == 0
        with av.open(str(tmp_path / name)) as container:
            image = next(container.decode(video=0)).to_ndarray(format="bgr24")
        marked.append(bool((np.abs(image[-40:].astype(int) - 128) > 20).any()))
    assert marked == [True, False]


def test_sound_can_be_left_out(make_clip, configs, tmp_path):
    clip = make_clip(sound=True)
    found = []
    for name, options in (("with.mp4", []), ("without.mp4", ["--no-audio"])):
        assert main([str(clip), "--out", str(tmp_path / name), *options]) == 0
        with av.open(str(tmp_path / name)) as container:
            found.append(len(container.streams.audio))
    assert found == [1, 0]


def test_existing_output_is_kept_unless_told_otherwise(clip, tmp_path, capsys):
    rows = tmp_path / "rows.csv"
    rows.write_text("precious")
    assert main([str(clip), "--records", str(rows)]) == 5
    assert rows.read_text() == "precious"
    assert "--overwrite" in capsys.readouterr().err
    assert main([str(clip), "--records", str(rows), "--overwrite"]) == 0
    assert rows.read_text().startswith("frame,")


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ([], 2, "nothing to do"),
        (["--out", "out.gif"], 2, "out.gif: unknown ending"),
        (["--records", "rows.txt"], 2, "rows.txt: unknown ending"),
        (["--out", "no/where.mp4"], 5, "no/where.mp4: folder no does not exist"),
        (["--out", "clip.mp4", "--overwrite"], 5, "is the input itself"),
        (["--out", "."], 2, "unknown ending"),
        (["--records", "r.csv", "--device", "abacus"], 2, "abacus"),
        (
            ["--records", "r.csv", "--detect-every", "0"],
            2,
            "--detect-every: must be",
        ),
        (["--records", "r.csv", "--detect-every", "x"], 2, "--detect-every"),
        (["--records", "r.csv", "--min-face", "-1"], 2, "--min-face: must be"),
        (["--records", "r.csv", "--max-faces", "0"], 2, "--max-faces: must be"),
        (["--records", "r.csv", "--faces", "0"], 2, "--faces: must be at least 1, got 0"),
        (["--records", "r.csv", "--smooth", "-1"], 2, "--smooth: must be"),
        (["--records", "r.csv", "--smooth", "nan"], 2, "--smooth: expected a number"),
        (["--records", "r.csv", "--detect-every", "1_0"], 2, "--detect-every: expected a whole"),
        (["--records", "r.csv", "--model", ""], 2, "--model: must not be empty"),
        (["--out", ""], 2, "--out: is empty; is a variable unset?"),
        (["--records", ""], 2, "--records: is empty; is a variable unset?"),
        (["--records", "r.csv", "--start", "\u0660"], 2, "HH:MM:SS"),
        (["--records", "r.csv", "--start", "1_0"], 2, "HH:MM:SS"),
        (["--records", "r.csv", "--start", "1e12"], 2, "--start: expected 1e+09 seconds at most"),
        (["--records", "r.csv", "--start", "-1"], 2, "--start"),
        (["--records", "r.csv", "--start", "nan"], 2, "HH:MM:SS"),
        (["--records", "r.csv", "--start", "1:75"], 2, "HH:MM:SS"),
        (["--records", "r.csv", "--duration", "0"], 2, "--duration: expected more than 0 seconds"),
        (["--records", "r.csv", "--start", "9"], 3, "ends before"),
        (["--records", "r.csv", "--over"], 2, "--over"),
    ],
)
def test_wrong_option_is_one_line_and_leaves_nothing(
    clip, tmp_path, monkeypatch, capsys, options, code, says
):
    monkeypatch.chdir(tmp_path)
    assert main(["clip.mp4", *options]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-video: ")
    assert says in line
    assert left_in(tmp_path) == ["clip.mp4"]


def test_input_is_needed(capsys):
    assert main(["--records", "r.csv"]) == 2
    assert capsys.readouterr().err.startswith("fer-video: INPUT is missing")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.mp4", None, "no such file"),
        ("text.mp4", b"not a video at all\n" * 20, "not a video"),
        ("empty.mp4", b"", "empty.mp4: "),
    ],
)
def test_unusable_input_is_one_line(configs, tmp_path, capsys, name, content, says):
    source, rows = tmp_path / name, tmp_path / "rows.csv"
    if content is not None:
        source.write_bytes(content)
    assert main([str(source), "--records", str(rows)]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"fer-video: {source if content is None else name}: ")
    assert says in line
    assert not rows.exists()


def test_cut_off_file_gives_what_can_be_decoded_and_one_warning(
    make_clip, configs, tmp_path, capsys
):
    noise = np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), np.uint8)
    whole = make_clip("whole.mkv", list(noise)).read_bytes()
    cut, rows = tmp_path / "cut.mkv", tmp_path / "rows.csv"
    cut.write_bytes(whole[: len(whole) // 2])
    assert main([str(cut), "--records", str(rows), "--quiet"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-video: warning: cut.mkv: ")
    assert 5 < len(rows.read_text().splitlines()) - 1 < 30


@pytest.mark.parametrize("opener", ["open_finder", "open_reader"])
def test_network_that_cannot_be_opened_leaves_nothing(clip, tmp_path, monkeypatch, capsys, opener):
    def broken(config):
        raise ModelError("poster-rt: sha256 differs from its manifest; install it again")

    monkeypatch.setattr(app.command.job, opener, broken)
    out, rows = tmp_path / "out.mp4", tmp_path / "rows.csv"
    assert main([str(clip), "--out", str(out), "--records", str(rows)]) == 4
    assert capsys.readouterr().err.splitlines() == [
        "fer-video: poster-rt: sha256 differs from its manifest; install it again"
    ]
    assert left_in(tmp_path) == ["clip.mp4"]


def test_source_lost_on_the_way_keeps_what_was_done(clip, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(app.command.job, "open_source", lose_after(5))
    out, rows = tmp_path / "out.mp4", tmp_path / "rows.csv"
    assert main([str(clip), "--out", str(out), "--records", str(rows)]) == 3
    assert capsys.readouterr().err.splitlines() == [
        "fer-video: camera 0: lost; was it unplugged? (what was done is kept)"
    ]
    assert frame_count(out) == 5
    assert len(rows.read_text().splitlines()) == 6
    assert left_in(tmp_path) == ["clip.mp4", "out.mp4", "rows.csv", "rows.csv.json"]


def test_source_lost_before_the_first_frame_leaves_nothing(clip, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(app.command.job, "open_source", lose_after(0))
    assert main([str(clip), "--records", str(tmp_path / "rows.csv")]) == 3
    assert capsys.readouterr().err == "fer-video: camera 0: lost; was it unplugged?\n"
    assert left_in(tmp_path) == ["clip.mp4"]


def test_version_without_a_model_is_a_model_error(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(engine.assets, "__file__", str(tmp_path / "engine" / "assets.py"))
    assert main(["--version"]) == 4
    assert capsys.readouterr().err.startswith("fer-video: asset poster-rt.onnx: not in")


class BrokenFinder(FakeFinder):
    def find(self, frame):
        raise IndexError("off by one")


class BrokenReader(FakeReader):
    def read(self, several):
        raise IndexError("off by one")


@pytest.mark.parametrize(
    ("opener", "stage"), [("open_finder", BrokenFinder), ("open_reader", BrokenReader)]
)
def test_bug_ends_in_a_traceback_and_one_line_and_leaves_nothing(
    clip, tmp_path, monkeypatch, capsys, opener, stage
):
    monkeypatch.setattr(app.command.job, opener, lambda config: stage())
    assert main([str(clip), "--out", str(tmp_path / "out.mp4")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1].startswith("fer-video: internal error: IndexError: off by one")
    assert left_in(tmp_path) == ["clip.mp4"]


def test_engine_warnings_are_shown_as_lines(clip, tmp_path, monkeypatch, capsys):
    def noisy(config):
        logging.getLogger("engine.analyze").warning("model %s is old", config.model)
        return FakeFinder()

    monkeypatch.setattr(app.command.job, "open_finder", noisy)
    before = logging.getLogger().handlers[:]
    assert main([str(clip), "--records", str(tmp_path / "r.csv"), "--quiet"]) == 0
    assert capsys.readouterr().err == "fer-video: warning: model poster-rt is old\n"
    assert logging.getLogger().handlers == before


def test_progress_bar_shows_on_a_terminal_only(clip, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main([str(clip), "--records", str(tmp_path / "a.csv")]) == 0
    assert "12/12" in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert main([str(clip), "--records", str(tmp_path / "b.csv")]) == 0
    assert "12/12" not in capsys.readouterr().err


def test_device_choices_are_the_analyzers():
    (action,) = (a for a in app.command.cli.parser()._actions if a.dest == "device")
    assert action.choices == DEVICES


def test_precision_choices_are_the_engines():
    (action,) = (a for a in app.command.cli.parser()._actions if a.dest == "precision")
    assert action.choices == PRECISIONS


def test_every_option_is_known_and_in_the_readme():
    known = sorted(
        option
        for action in app.command.cli.parser()._actions
        for option in action.option_strings
        if option not in ("-h", "--help")
    )
    assert known == OPTIONS
    readme = (ROOT / "README.md").read_text()
    assert [option for option in OPTIONS if f"`{option}" not in readme] == []


def test_help_and_readme_state_the_analyzers_defaults():
    defaults, readme = AnalyzerConfig(), (ROOT / "README.md").read_text()
    for action in app.command.cli.parser()._actions:
        default = getattr(defaults, action.dest, None)
        if default is not None:
            said = {False: "off", True: "on"}.get(default, str(default))
            assert f"({said})" in action.help or default is False
            option = action.option_strings[0]
            heads = f"| `{option} ", f"| `{option}` ", f"| `{option}`, "
            (row,) = (line for line in readme.splitlines() if line.startswith(heads))
            assert row.split(" | ")[1].strip("`") == said


def test_version_names_program_model_and_providers_without_loading_opencv():
    code = (
        "import sys; from app.command.cli import main; main(['--version']);"
        "print('cv2' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith("fer-video 0.")
    assert any("poster-rt" in line for line in lines)
    assert any(line.startswith("providers") and "cpu" in line for line in lines)
    assert lines[-1] == "False"


def test_film_of_one_person_has_one_id(make_clip, tmp_path):
    """Somebody, a cut, and after that somebody who looks quite different."""
    somebody = read_still(asset_path("portrait.jpg")).image
    different = np.ascontiguousarray(somebody[..., ::-1])
    two_people, ids = make_clip("two.mp4", [somebody] * 6 + [different] * 6), {}
    for faces in ([], ["--faces", "1"]):
        rows = tmp_path / f"rows{len(faces)}.csv"
        assert main([str(two_people), "--records", str(rows), "--quiet", *faces]) == 0
        with rows.open() as file:
            ids[len(faces)] = [int(row["face_id"]) for row in csv.DictReader(file)]
    assert set(ids[0]) == {1, 2}
    assert set(ids[2]) == {1}
    assert len(ids[2]) == len(ids[0])


def test_json_is_there_where_an_output_fails(clip, tmp_path, monkeypatch, capsys):
    """Whoever reads JSON learns as much as whoever reads the terminal, and the code is the same."""

    class FullDisk(app.command.job.VideoSink):
        def close(self):
            raise SinkError("out.mp4: cannot be written: No space left on device")

    monkeypatch.setattr(app.command.job, "VideoSink", FullDisk)
    out, rows = tmp_path / "out.mp4", tmp_path / "rows.csv"
    assert main([str(clip), "--out", str(out), "--records", str(rows), "--json"]) == 5
    printed = capsys.readouterr()
    said = f"out.mp4: cannot be written: No space left on device (kept: {rows})"
    assert printed.err == f"fer-video: {said}\n"
    result = json.loads(printed.out)
    assert (result["error"], result["frames"], result["video_s"]) == (said, 12, 0.44)
    assert (result["device"], result["faces"][0]["id"]) == ("fake", 1)


def test_json_is_there_where_the_source_is_lost(clip, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(app.command.job, "open_source", lose_after(5))
    assert main([str(clip), "--records", str(tmp_path / "rows.csv"), "--json"]) == 3
    result = json.loads(capsys.readouterr().out)
    assert result["frames"] == 5
    assert result["error"] == "camera 0: lost; was it unplugged? (what was done is kept)"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nosuch.mp4", "--records", "r.csv"], 3, "nosuch.mp4: no such file; check the path"),
        (["clip.mp4", "--records", "no/r.csv"], 5, "no/r.csv: folder no does not exist"),
        (["clip.mp4", "--records", "r.csv", "--start", "9"], 3, "clip.mp4: ends before"),
    ],
)
def test_json_is_there_where_nothing_was_done(
    clip, tmp_path, monkeypatch, capsys, words, code, said
):
    monkeypatch.chdir(tmp_path)
    assert main([*words, "--json"]) == code
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result["error"].startswith(said)
    assert printed.err == f"fer-video: {result['error']}\n"
    assert (result["frames"], result["fps"], result["faces"]) == (0, 0, [])
    assert (result["device"], result["precision"]) == (None, None)
    assert left_in(tmp_path) == ["clip.mp4"]


def test_warnings_are_told_where_the_source_is_lost(clip, tmp_path, monkeypatch, capsys):
    def open_old(name, config):
        source = lose_after(5)(name, config)
        source.warnings.append("clip.mp4: is old")
        return source

    monkeypatch.setattr(app.command.job, "open_source", open_old)
    assert main([str(clip), "--records", str(tmp_path / "rows.csv")]) == 3
    first, last = capsys.readouterr().err.splitlines()
    assert first == "fer-video: warning: clip.mp4: is old"
    assert last == "fer-video: camera 0: lost; was it unplugged? (what was done is kept)"


@pytest.mark.parametrize("ending", ["", ".onnx", ".fer"])
def test_a_huge_name_of_a_model_is_shortened(make_clip, tmp_path, capsys, ending):
    given = ["--records", str(tmp_path / "r.csv"), "--model", f"{'x' * 5000}{ending}"]
    assert main([str(make_clip()), *given]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert f" {'x' * 300}…: " in line
    assert len(line) < 420


def test_any_size_may_be_allowed(configs, tmp_path, capsys):
    import cv2

    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), np.full((48, 64, 3), 90, np.uint8))
    rows = ["--records", str(tmp_path / "rows.csv"), "--quiet", "--overwrite"]
    for most in ("3000", "1000000"):
        assert main([str(picture), *rows, "--max-megapixels", most]) == 0
    assert capsys.readouterr().err == ""
