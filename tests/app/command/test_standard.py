"""Standard input and output in the place of files."""

import csv
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest

import app.command.job
from app.command.cli import main
from engine.types import Analysis, Face, Found, Prediction, Sighting, Track


class OneFace:
    """Finds and reads one face in every frame."""

    device, precision = "fake", "fp8"

    def find(self, frame):
        box, points = np.array([10, 8, 40, 38], np.float32), np.zeros((68, 2), np.float32)
        face = Face(np.zeros((1, 1, 3), np.uint8), np.eye(2, 3, dtype=np.float32))
        sighting = Sighting(face, points, 0.9, ())
        return Found(frame, (Track(1, box, points, 0.9),), (sighting,), {})

    def read(self, several):
        shares = np.eye(8, dtype=np.float32)[1]
        prediction = Prediction(1, shares, 0.7, 0.4, 0.8)
        return [Analysis(found.frame, found.tracks, (prediction,), {}) for found in several]

    def close(self):
        pass


@pytest.fixture
def clip(make_clip, monkeypatch):
    """Twelve frames of video, which can be read from front to back."""
    for name in ("open_finder", "open_reader"):
        monkeypatch.setattr(app.command.job, name, lambda _: OneFace())
    return make_clip()


@pytest.fixture
def piped(tmp_path, clip):
    """The same as a stream that can be piped."""
    path = tmp_path / "clip.mkv"
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path


@pytest.fixture
def feed(monkeypatch):
    """Give `feed(content)`: from then on, bytes are what is piped into the program."""
    ends = []

    def start(content):
        out, into = os.pipe()

        def write():
            with os.fdopen(into, "wb") as end:
                end.write(content)

        thread = threading.Thread(target=write)
        thread.start()
        monkeypatch.setattr(sys, "stdin", os.fdopen(out))
        ends.append((sys.stdin, thread))

    yield start
    for end, thread in ends:
        end.close()
        thread.join(10)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_piped_video_is_read_to_its_end_and_rows_are_printed(piped, feed, capfd):
    feed(piped.read_bytes())
    assert main(["-", "--records", "-"]) == 0
    printed = capfd.readouterr()
    rows = rows_of(printed.out)
    assert [row["frame"] for row in rows] == [str(index) for index in range(12)]
    assert "12 frames" in printed.err
    assert "0 more frames" not in printed.err


def test_rows_printed_are_those_of_a_file(piped, feed, tmp_path, capfd):
    feed(piped.read_bytes())
    assert main(["-", "--records", "-", "--landmarks", "--quiet"]) == 0
    rows = tmp_path / "rows.csv"
    assert main([str(piped), "--records", str(rows), "--landmarks", "--quiet"]) == 0
    assert capfd.readouterr().out == rows.read_text()


def test_part_of_a_piped_video(piped, feed, capfd):
    feed(piped.read_bytes())
    assert main(["-", "--records", "-", "--start", "0.1", "--duration", "0.2", "--quiet"]) == 0
    times = [float(row["timestamp"]) for row in rows_of(capfd.readouterr().out)]
    assert times
    assert min(times) >= 0.1
    assert max(times) < 0.3


def test_file_as_standard_input_may_have_its_index_at_the_end(clip, monkeypatch, capfd):
    with clip.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert main(["-", "--records", "-", "--quiet"]) == 0
    assert len(rows_of(capfd.readouterr().out)) == 12


def test_video_is_printed_as_matroska(clip, tmp_path, capfdbinary):
    assert main([str(clip), "--out", "-", "--quiet"]) == 0
    printed = capfdbinary.readouterr()
    assert printed.err == b""
    with av.open(io.BytesIO(printed.out)) as container:
        assert container.format.name.startswith("matroska")
        frames = list(container.decode(video=0))
    assert len(frames) == 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4"]


def test_one_picture_is_printed_as_video_and_a_folder_is_not(tmp_path, clip, capfdbinary):
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((48, 64, 3), np.uint8))
    assert main([str(tmp_path / "a.png"), "--out", "-", "--quiet"]) == 0
    assert capfdbinary.readouterr().out.startswith(b"\x1a\x45\xdf\xa3")
    assert main([str(tmp_path), "--out", "-"]) == 2
    assert b"--sequence" in capfdbinary.readouterr().err


@pytest.mark.parametrize(
    "options",
    [["--records", "-", "--json"], ["--out", "-", "--records", "-"], ["--out", "-", "--json"]],
)
def test_standard_output_belongs_to_one(clip, options, capsys):
    assert main([str(clip), *options]) == 2
    assert "only one of them can have standard output" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "not a video or picture"), (b"no video" * 999, "not a video or picture")],
)
def test_what_is_piped_and_no_video_is_one_line(clip, feed, capsys, content, words):
    feed(content)
    assert main(["-", "--records", "rows.csv"]) == 3
    err = capsys.readouterr().err
    assert err.startswith(f"fer-video: standard input: {words}")
    assert err.count("\n") == 1


def test_mp4_that_cannot_be_piped_says_what_to_do(clip, feed, tmp_path, capsys):
    path = tmp_path / "noise.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, width=320, height=240, pix_fmt="yuv420p")
        for number in range(12):
            noise = np.random.default_rng(number).integers(0, 256, (240, 320, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, "bgr24")))
        container.mux(stream.encode(None))
    feed(path.read_bytes())
    assert main(["-", "--records", str(tmp_path / "rows.csv")]) == 3
    assert "cannot be piped, but read by < FILE" in capsys.readouterr().err
    assert not (tmp_path / "rows.csv").exists()
    with path.open() as file:
        sys.stdin = file  # put back by `feed`
        assert main(["-", "--records", str(tmp_path / "rows.csv"), "--quiet"]) == 0


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_nobody_types_a_video(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert main(["-", "--records", "rows.csv"]) == 2
    assert "standard input is a terminal; pipe a video into it" in capsys.readouterr().err


@pytest.mark.parametrize("stdin", [None, io.StringIO()])
def test_closed_standard_input_is_one_line(monkeypatch, capsys, stdin):
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["-", "--records", "rows.csv"]) == 3
    assert capsys.readouterr().err == (
        "fer-video: standard input: cannot be opened: it is closed\n"
    )


def test_reader_who_leaves_ends_the_rows_and_not_the_video(clip, tmp_path):
    """As ``| head``: the exit code says so, and the other output is there, whole."""
    out = tmp_path / "out.mp4"
    command = [sys.executable, "-m", "app.command.cli", str(clip), "--records", "-"]
    for more, left in (([], []), (["--out", str(out)], ["out.mp4"])):
        run = subprocess.Popen(
            [*command, *more, "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        run.stdout.close()
        with run.stderr:
            assert run.stderr.read() == b""
        assert run.wait(60) == 141
        assert sorted(path.name for path in tmp_path.iterdir() if path != clip) == left
    with av.open(str(out)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 12


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("option", ["--out", "--records"])
def test_full_standard_output_is_one_line(clip, option):
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [sys.executable, "-m", "app.command.cli", str(clip), option, "-", "--quiet"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert run.returncode == 5
    said = b"fer-video: standard output: cannot be written: No space left on device\n"
    assert run.stderr == said


@pytest.mark.skipif(os.name != "posix", reason="the shell of other systems")
@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("--out -", []),
        ("--records -", []),
        ("--version", []),
        ("--help", []),
        ("--records ROWS --json", ["rows.csv", "rows.csv.json"]),
    ],
)
def test_closed_standard_output_is_no_success(clip, tmp_path, words, left):
    """Whoever asks for something there is told; files are written all the same."""
    words = words.replace("ROWS", str(tmp_path / "rows.csv"))
    command = f"exec {sys.executable} -m app.command.cli {clip} {words} --quiet >&-"
    run = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert run.stderr == "fer-video: standard output: cannot be written: it is closed\n"
    assert run.returncode == 5
    assert sorted(path.name for path in tmp_path.iterdir() if path != clip) == left
