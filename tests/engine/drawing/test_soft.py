"""The overlay as a subtitle: what libass makes of it is the picture that is drawn else."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.drawing.overlay import Overlay, OverlayConfig
from engine.drawing.soft import ANEW_S, SoftOverlay, ass_fonts, ass_head
from engine.drawing.vectors import escaped
from engine.types import Analysis, Frame, Image, Prediction, Track
from engine.video.subtitle import Line, SubtitleFile

FFMPEG = shutil.which("ffmpeg")
Box = tuple[float, float, float, float]
CLASSES = ("neutral", "happiness", "surprise", "sadness")


def has_libass() -> bool:
    """Whether there is a program that draws subtitles with libass."""
    if FFMPEG is None:
        return False
    said = subprocess.run([FFMPEG, "-filters"], capture_output=True, text=True, check=False)
    return re.search(r"\bass\b.*libass", said.stdout) is not None


needs_libass = pytest.mark.skipif(not has_libass(), reason="needs ffmpeg with libass")


def points_in(box: Box) -> np.ndarray:
    x0, y0, x1, y1 = box
    angle = np.linspace(0, 2 * np.pi, 68)
    x = (x0 + x1) / 2 + 0.4 * (x1 - x0) * np.cos(angle)
    y = (y0 + y1) / 2 + 0.4 * (y1 - y0) * np.sin(angle)
    return np.stack([x, y], axis=1).astype(np.float32)


def analysis(
    index: int,
    boxes: dict[int, Box],
    image: Image,
    *,
    labels: Sequence[str] = CLASSES,
    reliability: float = 0.8,
) -> Analysis:
    tracks = [Track(i, np.array(b, np.float32), points_in(b), 0.9) for i, b in boxes.items()]
    shares = np.array([0.05, 0.8, 0.1, 0.05], np.float32)
    faces = [
        Prediction(
            track.id,
            shares,
            valence=float(np.sin(0.1 * index + track.id)),
            arousal=float(0.5 * np.cos(0.07 * index + track.id)),
            labels=tuple(labels),
            reliability=reliability,
        )
        for track in tracks
    ]
    return Analysis(Frame(index, index / 25, image), tuple(tracks), tuple(faces), {})


def lines_of(analyses: Sequence[Analysis], config: OverlayConfig | None = None) -> list[Line]:
    height, width = analyses[0].frame.image.shape[:2]
    overlay = SoftOverlay(width, height, config)
    lines = [line for one in analyses for line in overlay.draw(one)]
    return lines + overlay.finish(analyses[-1].frame.time_s + 0.04)


def seen_by_libass(folder: Path, lines: list[Line], ground: Image, time_s: float) -> Image:
    """Draw what is shown at a time over a still picture."""
    height, width = ground.shape[:2]
    path = folder / "lines.ass"
    file = SubtitleFile(path, ass_head(width, height), ass_fonts(), zero_s=0.0, overwrite=True)
    file.write(lines)
    file.close()
    fonts = folder / "fonts"
    fonts.mkdir(exist_ok=True)
    for font in ass_fonts():
        (fonts / font.name).write_bytes(font.content)
    cv2.imwrite(str(folder / "ground.png"), ground)
    shift = f"setpts=PTS+{time_s}/TB"
    draw = f"{shift},format=gbrp,ass={path}:fontsdir={fonts}"
    command = [FFMPEG, "-v", "error", "-y", "-i", folder / "ground.png", "-vf", draw]
    subprocess.run([*command, "-frames:v", "1", folder / "seen.png"], check=True)
    picture = cv2.imread(str(folder / "seen.png"))
    assert picture is not None
    return picture.astype(np.uint8)


@needs_libass
@pytest.mark.parametrize(("width", "height"), [(640, 360), (1920, 1080), (540, 960)])
@pytest.mark.parametrize("reliability", [0.8, 0.1])
def test_libass_draws_what_is_burnt_in(
    tmp_path: Path, width: int, height: int, reliability: float
) -> None:
    ground = np.full((height, width, 3), 100, np.uint8)
    burnt = Overlay(width, height, OverlayConfig(landmarks=True))
    analyses = []
    for index in range(130):
        step = index / 1000
        boxes: dict[int, Box] = {
            1: ((0.1 + step) * width, 0.2 * height, (0.3 + step) * width, 0.55 * height),
            2: (0.6 * width, (0.15 + step) * height, 0.75 * width, (0.4 + step) * height),
        }
        analyses.append(analysis(index, boxes, ground, reliability=reliability))
        wanted = burnt.draw(analyses[-1])
    lines = lines_of(analyses, OverlayConfig(landmarks=True))
    seen = seen_by_libass(tmp_path, lines, ground, analyses[-1].frame.time_s)
    ours, theirs = (cv2.GaussianBlur(picture, (5, 5), 0).astype(int) for picture in (seen, wanted))
    drawn = [np.abs(picture - 100).max(axis=2) > 30 for picture in (ours, theirs)]
    assert (drawn[0] & drawn[1]).sum() > 0.93 * (drawn[0] | drawn[1]).sum()
    apart = np.abs(ours - theirs).max(axis=2)
    assert (apart < 60).mean() > 0.985
    # The strokes of each face's box are there, in its colour.
    for track in analyses[-1].tracks:
        colour = np.array(burnt.colour_of(track.id))
        x0, y0, x1, y1 = track.box.round().astype(int).tolist()
        near = [np.abs(p - colour).max(axis=2) < 90 for p in (seen.astype(int), wanted.astype(int))]
        area = slice(y0 - 8, y1 + 8), slice(x0 - 8, x1 + 8)
        assert near[0][area].sum() == pytest.approx(near[1][area].sum(), rel=0.25)


@needs_libass
def test_texts_are_shown_as_they_are_and_never_as_signs(tmp_path: Path) -> None:
    """A class with ASS's signs in its name is as wide as OpenCV sets it, and hides nothing."""
    ground = np.full((360, 640, 3), 100, np.uint8)
    labels = ("neutral", r"{\an5}a\Nb", "surprise", "sad")
    plain = OverlayConfig(timeline=False, bars=False)
    one = analysis(0, {1: (200.0, 120.0, 330.0, 280.0)}, ground, labels=labels)
    seen = seen_by_libass(tmp_path, lines_of([one], plain), ground, 0.0)
    wanted = Overlay(640, 360, plain).draw(one)
    bright = [(p[90:119].min(axis=2) > 180) for p in (seen, wanted)]
    columns = [np.flatnonzero(mask.any(axis=0)) for mask in bright]
    assert columns[0][0] == pytest.approx(columns[1][0], abs=2)
    assert columns[0][-1] == pytest.approx(columns[1][-1], abs=8)
    assert not (seen[285:] != ground[285:]).any()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("happiness", "happiness"),
        ("{x}", r"\{x\}"),
        (r"\N", "\\\N{WORD JOINER}N"),
        ("a\r\nb\u2028c", "a b c"),
        (r"\{", "\\\N{WORD JOINER}\\{"),
    ],
)
def test_signs_of_the_format_are_escaped(text: str, written: str) -> None:
    assert escaped(text) == written


def still(index: int) -> Analysis:
    image = np.zeros((360, 640, 3), np.uint8)
    return analysis(index, {1: (200.0, 120.0, 330.0, 280.0)}, image)


def test_what_stays_is_one_line_until_everything_is_written_anew() -> None:
    lines = lines_of([still(index) for index in range(100)], OverlayConfig(timeline=False))
    assert {(line.start_s, round(line.end_s, 2)) for line in lines} == {(0.0, 2.0), (2.0, 4.0)}
    assert max(line.end_s - line.start_s for line in lines) <= ANEW_S + 1e-6


def test_everything_is_written_anew_where_players_may_begin() -> None:
    overlay = SoftOverlay(640, 360)
    given = [overlay.draw(still(index), anew=index == 10) for index in range(20)]
    assert [bool(lines) for lines in given] == [index == 10 for index in range(20)]
    assert {line.end_s for line in given[10]} <= {index / 25 for index in range(1, 11)}
    assert {line.start_s for line in overlay.finish(0.8)} >= {0.4}


def test_strip_changes_ten_times_a_second_at_most() -> None:
    lines = lines_of([still(index) for index in range(100)])
    tips = sorted({line.start_s for line in lines if line.layer >= 3000})
    assert len(tips) > 20
    gaps = np.diff([time_s for time_s in tips if time_s % ANEW_S])  # all is written anew between
    assert gaps.min() >= 0.1 - 1e-6


def test_a_curve_that_stays_level_has_no_gaps() -> None:
    """Its pieces are alike, each from another time on."""
    image = np.zeros((360, 640, 3), np.uint8)
    level = [analysis(0, {1: (200.0, 120.0, 330.0, 280.0)}, image) for _ in range(40)]
    moved = [
        Analysis(Frame(n, n / 25, image), a.tracks, a.predictions, {}) for n, a in enumerate(level)
    ]
    pieces = [line for line in lines_of(moved) if 2000 <= line.layer < 3000]
    starts = sorted({line.start_s for line in pieces})
    assert np.diff(starts).max() <= 0.12 + 1e-6
    assert {line.end_s for line in pieces} == {39 / 25 + 0.04}


def test_lines_come_in_the_order_in_which_they_begin() -> None:
    overlay, last = SoftOverlay(640, 360), -1.0
    for index in range(120):
        for line in overlay.draw(still(index), anew=index % 33 == 0):
            assert line.start_s >= last
            assert line.end_s > line.start_s
            last = line.start_s
