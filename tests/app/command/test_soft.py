"""`--overlay soft` through the command: what is written, what is refused, what is said."""

import json
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import app.command.job
from app.command.cli import main
from engine.types import Found


@pytest.fixture(autouse=True)
def finds_nothing(monkeypatch):
    class Blind:
        def find(self, frame):
            return Found(frame, (), (), {})

        def close(self):
            pass

    monkeypatch.setattr(app.command.job, "open_finder", lambda _: Blind())


@pytest.fixture
def clip(make_clip):
    """Large enough for the strip."""
    return make_clip(images=[np.full((240, 320, 3), 8 * n, np.uint8) for n in range(15)])


def packets(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        return [bytes(packet) for packet in container.demux(*streams) if packet.size]


def test_film_is_copied_with_a_subtitle(clip, tmp_path, capsys):
    out = tmp_path / "out.mkv"
    assert main([str(clip), "--overlay", "soft", "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["out"] == str(out)
    assert said["warnings"] == []
    assert said["frames"] == len(packets(clip, "video"))
    assert packets(out, "video") == packets(clip, "video")
    assert any(b"valence" in line for line in packets(out, "subtitle"))


def test_strip_is_left_out_where_that_is_asked_for(clip, tmp_path):
    out = tmp_path / "out.mkv"
    options = ["--overlay", "soft", "--no-timeline", "--quiet"]
    assert main([str(clip), "--out", str(out), *options]) == 0
    assert packets(out, "subtitle") == []


@pytest.mark.parametrize("options", [[], ["--overlay", "soft"]])
def test_subtitle_lies_beside_the_film(clip, tmp_path, options):
    out = tmp_path / "boxes.ass"
    assert main([str(clip), "--out", str(out), "--quiet", *options]) == 0
    text = out.read_text("utf-8")
    for part in ("PlayResX", "LayoutResX", "ScaledBorderAndShadow: yes", "[Fonts]", "Dialogue: "):
        assert part in text


def test_film_on_standard_output_is_copied(clip, tmp_path):
    command = [sys.executable, "-m", "app.command.cli", str(clip), "--overlay", "soft"]
    ran = subprocess.run([*command, "--out", "-", "--quiet"], capture_output=True, check=True)
    out = tmp_path / "out.mkv"
    out.write_bytes(ran.stdout)
    assert packets(out, "video") == packets(clip, "video")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--overlay", "soft"], "--overlay soft: goes with --out FILE"),
        (["--overlay", "soft", "--out", "o.mp4"], "o.mp4: --overlay soft writes .mkv, or .ass"),
        (["--overlay", "burnt", "--out", "o.ass"], "o.ass: holds no pictures"),
        (
            ["--overlay", "soft", "--out", "o.mkv", "--compare", "poster-rt,dan-int8"],
            "--compare: draws beside the picture",
        ),
        (["--overlay", "soft", "--out", "o.mkv", "--blur"], "--blur: covers faces"),
        (["--out", "o.ass", "--blur"], "--blur: covers faces"),
        (["--overlay", "none", "--out", "o.ass"], "o.ass: holds no pictures"),
        (["--overlay", "soft", "--out", "o.mkv", "--live"], "clip.mp4: is live"),
    ],
)
def test_what_does_not_go_together_is_refused(
    clip, tmp_path, monkeypatch, capsys, options, message
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    extra = [] if "--out" in options else ["--records", "rows.csv"]
    assert main([str(clip), *options, *extra]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"fer-video: {message}")
    assert said.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["a.png", "a.gif", "folder"])
@pytest.mark.parametrize("target", ["o.mkv", "o.ass"])
def test_pictures_are_refused(tmp_path, capsys, name, target):
    source = tmp_path / name
    picture = np.full((48, 64, 3), 90, np.uint8)
    if name == "folder":
        source.mkdir()
        cv2.imwrite(str(source / "a.png"), picture)
    elif name == "a.gif":
        with av.open(str(source), "w") as container:
            stream = container.add_stream("gif", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
            for _ in range(5):
                frame = av.VideoFrame.from_ndarray(picture, "bgr24").reformat(format="rgb8")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    else:
        cv2.imwrite(str(source), picture)
    sequence = ["--sequence"] if name == "folder" else []
    out = tmp_path / target
    assert main([str(source), "--overlay", "soft", "--out", str(out), *sequence]) == 2
    said = capsys.readouterr().err
    assert "is no film but pictures" in said
    assert said.count("\n") == 1
    assert not out.exists()


def test_film_that_is_piped_in_is_refused_but_for_a_file_beside_it(clip, tmp_path):
    for target, code in (("o.mkv", 2), ("o.ass", 0)):
        command = [sys.executable, "-m", "app.command.cli", "-", "--overlay", "soft", "--quiet"]
        with clip.open("rb") as piped:
            ran = subprocess.run(
                [*command, "--out", str(tmp_path / target)],
                stdin=piped,
                capture_output=True,
                check=False,
            )
        assert ran.returncode == code, ran.stderr
        assert (tmp_path / target).exists() == (code == 0)
        assert ran.stderr.count(b"\n") == (code == 2)
