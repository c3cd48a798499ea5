"""`fer-video` with the bundled models on clips whose faces are known, through `main([...])`."""

import csv
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from app.command.cli import main
from engine.assets import asset_path
from engine.record import TAIL
from engine.video.opening import open_source

ROOT = Path(__file__).parents[2]


def read_rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def iou(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.prod(np.clip(high - low, 0, None))
    return shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)


def box_of(row):
    x, y, width, height = (float(row[name]) for name in ("x", "y", "width", "height"))
    return np.array([x, y, x + width, y + height])


def five_points_of(row):
    points = np.array(
        [[float(row[f"landmark_{point}_{axis}"]) for axis in "xy"] for point in range(68)]
    )
    eyes = [points[36:42].mean(axis=0), points[42:48].mean(axis=0)]
    return np.stack([*eyes, points[30], points[48], points[54]])


def packets(path, kind):
    with av.open(str(path)) as container:
        stream = container.streams.get({kind: 0})
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def pictures_of(path):
    """Times and upright pictures, read without any code of ours."""
    with av.open(str(path)) as container:
        return [
            (frame.time, frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)
        ]


def test_face_is_found_followed_and_drawn_where_it_is(film, shown, tmp_path):
    out, rows = tmp_path / "out.mp4", tmp_path / "rows.csv"
    arguments = ["--out", str(out), "--records", str(rows), "--landmarks", "--no-timeline"]
    assert main([str(film), *arguments, "--quiet"]) == 0
    found = read_rows(rows)
    assert [int(row["frame"]) for row in found] == list(range(30))
    assert {row["face_id"] for row in found} == {"1"}
    for row, (_, face) in zip(found, shown, strict=True):
        assert iou(box_of(row), face.box) > 0.5
        between_eyes = np.linalg.norm(face.points[1] - face.points[0])
        error = np.linalg.norm(five_points_of(row) - face.points, axis=1).mean() / between_eyes
        assert error < 0.2
    for (_, drawn), (picture, face) in zip(pictures_of(out), shown, strict=True):
        changed = np.abs(drawn.astype(int) - picture).max(axis=2) > 60
        x0, y0, x1, y1 = face.box.astype(int)
        assert changed[max(y0 - 40, 0) : y1 + 40, max(x0 - 40, 0) : x1 + 40].sum() > 200


def test_rows_hold_what_they_promise(film, tmp_path):
    rows = tmp_path / "rows.csv"
    assert main([str(film), "--records", str(rows), "--quiet"]) == 0
    found = read_rows(rows)
    names = ["neutral", "happiness", "surprise", "sadness"]
    names += ["anger", "disgust", "fear", "contempt"]
    assert list(found[0]) == [
        *("frame", "timestamp", "face_id", "x", "y", "width", "height", "score"),
        *("expression", "reliability", *names, "valence", "arousal", "file"),
        *TAIL,
    ]
    for index, row in enumerate(found):
        assert float(row["timestamp"]) == pytest.approx(index / 25, abs=1e-5)
        probabilities = [float(row[name]) for name in names]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert row["expression"] == names[int(np.argmax(probabilities))]
        assert 0 <= float(row["reliability"]) <= 1
        assert 0 <= float(row["score"]) <= 1
        assert -1 <= float(row["valence"]) <= 1
        assert -1 <= float(row["arousal"]) <= 1
    assert found[-1]["expression"] == "happiness"  # the portrait beams


@pytest.mark.slow
def test_int8_reads_the_demo_as_float_does(tmp_path, capsys):
    said = {}
    for precision in ("fp32", "int8"):
        rows = tmp_path / f"{precision}.csv"
        given = ["--precision", precision, "--records", str(rows), "--landmarks"]
        assert main([str(asset_path("demo.mp4")), *given]) == 0
        assert f"poster-rt in {precision} on cpu" in capsys.readouterr().err
        said[precision] = {(row["frame"], row["face_id"]): row for row in read_rows(rows)}
    whole, small = said["fp32"], said["int8"]
    assert len(whole) > 290
    assert set(whole) == set(small)
    same = [whole[key]["expression"] == small[key]["expression"] for key in whole]
    assert np.mean(same) >= 0.99
    for name in ("happiness", "valence", "arousal"):
        apart = [float(whole[key][name]) - float(small[key][name]) for key in whole]
        assert np.percentile(np.abs(apart), 99) < 0.05, name
        assert np.abs(apart).max() < 0.1, name  # of who has only just walked in
    points = [np.stack([five_points_of(rows[key]) for key in whole]) for rows in (whole, small)]
    eyes = np.linalg.norm(points[0][:, 1] - points[0][:, 0], axis=1)
    moved = np.linalg.norm(points[0] - points[1], axis=2).mean(axis=1) / eyes
    assert 0 < moved.mean() < 0.01


def test_face_that_leaves_and_soon_returns_keeps_its_id(make_clip, stage, tmp_path):
    portrait, ground = stage.load_portrait(), stage.backdrop(0.0)
    face = stage.compose(ground, portrait, [stage.Place(x=320, y=180, side=260)])[0]
    clip = make_clip("leaves.mp4", [face] * 8 + [ground] * 10 + [face] * 8)
    rows = tmp_path / "rows.csv"
    assert main([str(clip), "--records", str(rows), "--quiet"]) == 0
    ids = {int(row["frame"]): row["face_id"] for row in read_rows(rows)}
    assert {ids[frame] for frame in range(8)} == {"1"}
    assert not set(ids) & set(range(9, 18))
    assert {ids[frame] for frame in range(18, 26)} == {"1"}


def test_same_input_twice_gives_the_same_rows(film, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    assert main([str(film), "--records", str(first), "--quiet"]) == 0
    assert main([str(film), "--records", str(second), "--quiet"]) == 0
    assert first.read_bytes() == second.read_bytes()


def test_sound_is_copied_bit_for_bit(film, tmp_path):
    out = tmp_path / "out.mkv"
    assert main([str(film), "--out", str(out), "--quiet"]) == 0
    assert packets(out, "audio") == packets(film, "audio")


def test_uneven_frame_times_are_kept(make_clip, shown, tmp_path):
    times_s = np.cumsum([0.0, *([0.02, 0.05, 0.11] * 4)]).tolist()
    clip = make_clip("uneven.mp4", [picture for picture, _ in shown[:13]], times_s)
    out, rows = tmp_path / "out.mp4", tmp_path / "rows.jsonl"
    assert main([str(clip), "--out", str(out), "--records", str(rows), "--quiet"]) == 0
    assert [time for time, _ in pictures_of(out)] == pytest.approx(times_s, abs=1e-4)
    recorded = [json.loads(line)["timestamp"] for line in rows.read_text().splitlines()]
    assert recorded == pytest.approx(times_s, abs=1e-4)


def turn_by_a_quarter(path):
    """Write a clockwise turn into the MP4's track header, in place, as telephones do."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 4 + 4 * 5 + 8 + 8  # version 0: then the matrix
    zero, one, minus_one, unit = b"\0\0\0\0", b"\0\1\0\0", b"\xff\xff\0\0", b"\x40\0\0\0"
    matrix = zero + one + zero + minus_one + zero + zero + zero + zero + unit
    content[at : at + 36] = matrix
    path.write_bytes(content)


def test_turned_recording_is_analysed_and_shown_upright(make_clip, shown, tmp_path):
    lying = [np.rot90(picture) for picture, _ in shown[:6]]  # as the sensor of a telephone saw it
    clip = make_clip("turned.mp4", lying)
    turn_by_a_quarter(clip)
    out, rows = tmp_path / "out.mp4", tmp_path / "rows.csv"
    arguments = ["--out", str(out), "--records", str(rows), "--no-timeline", "--quiet"]
    assert main([str(clip), *arguments]) == 0
    for row, (_, face) in zip(read_rows(rows), shown[:6], strict=True):
        assert iou(box_of(row), face.box) > 0.5
    _, stored = pictures_of(out)[0]
    assert stored.shape == lying[0].shape  # the file still says how it is turned
    with open_source(str(out)) as source:
        drawn = next(iter(source)).image
    assert drawn.shape == shown[0][0].shape
    upright, upside_down = (
        np.abs(drawn.astype(int) - picture).mean()
        for picture in (shown[0][0], shown[0][0][::-1, ::-1])
    )
    assert upright < 0.3 * upside_down


def test_film_cut_off_before_its_index_is_refused(film, tmp_path, capsys):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(film.read_bytes()[:20_000])
    assert main([str(cut), "--records", str(tmp_path / "rows.csv")]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-video: cut.mp4: ")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_no_file_handle_is_left(film, tmp_path):
    def handles():
        entries = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
        return sorted(str(path.readlink()) for path in entries)

    arguments = [str(film), "--out", str(tmp_path / "o.mp4"), "--records", str(tmp_path / "r.csv")]
    assert main([*arguments, "--quiet"]) == 0  # the first run may leave a library's own
    before = handles()
    assert main([*arguments, "--quiet", "--overwrite"]) == 0
    assert handles() == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_leaves_a_playable_file(make_clip, shown, tmp_path, number):
    picture = shown[0][0]
    clip = make_clip("long.mp4", [picture] * 600, sound=True)
    out, rows = tmp_path / "out.mp4", tmp_path / "rows.csv"
    terminal, other_end = pty.openpty()
    code = "import sys; from app.command.cli import main; sys.exit(main())"
    run = subprocess.Popen(
        [sys.executable, "-c", code, str(clip), "--out", str(out), "--records", str(rows)],
        stderr=other_end,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
    )
    os.close(other_end)
    seen = b""
    while not re.search(rb"[1-9]\d*/600", seen):  # the progress bar counts frames written
        seen += os.read(terminal, 1000)
    run.send_signal(number)
    try:
        while True:
            seen += os.read(terminal, 1000)
    except OSError:  # the other end is closed
        os.close(terminal)
    run.communicate(timeout=20)
    assert run.returncode == 130
    assert b"what was done is kept" in seen
    done = len(pictures_of(out))
    assert 0 < done < 600
    assert len(read_rows(rows)) == done
    assert 0 < len(packets(out, "audio")) < len(packets(clip, "audio"))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["long.mp4", "out.mp4", "rows.csv", "rows.csv.json"]
