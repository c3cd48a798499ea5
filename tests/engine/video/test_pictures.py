"""Pictures of a folder: one by one, and as a film."""

import errno
import os
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.errors import ConfigError, SourceError
from engine.video.opening import SourceConfig, open_source

FILM = SourceConfig(sequence=True)


def numbered(number, width=64, height=48):
    """A picture that `number_of` reads the number from."""
    return np.full((height, width, 3), 10 * number, np.uint8)


def number_of(frame):
    return round(frame.image.mean() / 10)


def read(path, **config):
    with open_source(str(path), SourceConfig(**config)) as source:
        return list(source)


@pytest.fixture
def folder(tmp_path):
    """Pictures 1, 2 and 10, and what is none."""
    for number in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f"face{number}.png"), numbered(number))
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_pictures_come_in_natural_order_each_for_itself(folder):
    with open_source(str(folder)) as source:
        frames = list(source)
    assert [number_of(frame) for frame in frames] == [1, 2, 10]
    assert [(frame.index, frame.time_s) for frame in frames] == [(0, 0), (1, 0), (2, 0)]
    assert [frame.file for frame in frames] == ["face1.png", "face2.png", "face10.png"]
    info = source.info
    assert [file.name for file in info.pictures] == ["face1.png", "face2.png", "face10.png"]
    assert (info.frame_count, info.duration_s, info.live) == (3, None, False)


def test_pictures_keep_their_sizes(tmp_path):
    for number, size in ((1, (64, 48)), (2, (300, 20)), (3, (9, 700))):
        cv2.imwrite(str(tmp_path / f"{number}.png"), numbered(number, *size))
    shapes = [frame.image.shape[:2] for frame in read(tmp_path)]
    assert shapes == [(48, 64), (20, 300), (700, 9)]


def test_one_picture_is_a_folder_of_one(folder):
    (frame,) = read(folder / "face2.png")
    assert (frame.index, frame.time_s, frame.file) == (0, 0, "face2.png")
    (frame,) = read(folder / "face2.png", sequence=True)
    assert (frame.index, frame.time_s, frame.file) == (0, 0, None)


def test_pictures_have_no_times_to_start_at(folder):
    for part in ({"start_s": 1}, {"duration_s": 1}):
        with pytest.raises(ConfigError, match="--sequence makes a film of them"):
            read(folder, **part)
    assert len(read(folder / "face2.png", duration_s=1)) == 1
    with pytest.raises(SourceError, match="ends before the wanted start at 1 s"):
        read(folder / "face2.png", start_s=1)


def test_sequence_is_read_in_natural_order_at_25_fps(folder):
    with open_source(str(folder), FILM) as source:
        frames = list(source)
        assert (source.info.frame_count, source.info.fps) == (3, Fraction(25))
        assert source.info.pictures == ()
    assert [number_of(frame) for frame in frames] == [1, 2, 10]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.04, 0.08])
    assert {frame.file for frame in frames} == {None}


def test_sequence_fits_larger_pictures_into_the_first(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), numbered(1))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((96, 64, 3), 255, np.uint8))
    second = read(tmp_path, sequence=True)[1].image
    assert second.shape == (48, 64, 3)
    assert second[:, 16:48].min() == 255
    assert second[:, :16].max() == 0
    assert second[:, 48:].max() == 0


def test_sequence_does_not_enlarge_what_follows_a_huge_picture(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), numbered(1, 640, 480))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((48, 64, 3), 255, np.uint8))
    second = read(tmp_path, sequence=True)[1].image
    assert second.shape == (480, 640, 3)
    assert np.argwhere(second.any(axis=2)).min(axis=0).tolist() == [216, 288]
    assert (second.any(axis=2)).sum() == 48 * 64


@pytest.mark.parametrize("sequence", [False, True])
def test_what_cannot_be_read_is_left_out_and_named(tmp_path, sequence):
    for name in ("2.png", "4.png"):
        cv2.imwrite(str(tmp_path / name), numbered(1))
    for name in ("1.jpg", "3.png"):
        (tmp_path / name).write_bytes(b"broken")
    with open_source(str(tmp_path), SourceConfig(sequence=sequence)) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == [0, 1]
    assert [frame.time_s for frame in frames] == pytest.approx([0.04, 0.12] if sequence else [0, 0])
    (said,) = source.warnings
    assert said.startswith(f"{tmp_path.name}: 2 pictures cannot be read and are left out: 1.jpg (")
    assert "), 3.png (no picture can be decoded" in said


@pytest.fixture
def locked(monkeypatch):
    """Let no file called ``locked.png`` be opened; whoever runs tests may have all rights."""
    opened = os.open

    def refuse(path, *words, **more):
        if Path(os.fsdecode(path)).name == "locked.png":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return opened(path, *words, **more)

    monkeypatch.setattr(os, "open", refuse)


def test_why_a_picture_of_a_folder_cannot_be_read_is_said(tmp_path, locked):
    cv2.imwrite(str(tmp_path / "locked.png"), numbered(1))
    said = r"its only picture cannot be read: locked\.png \(cannot be opened: Permission denied\)"
    with pytest.raises(SourceError, match=said):
        open_source(str(tmp_path))
    cv2.imwrite(str(tmp_path / "2.png"), numbered(1))
    with open_source(str(tmp_path)) as source:
        assert len(list(source)) == 1
    assert source.warnings == [
        f"{tmp_path.name}: 1 picture cannot be read and is left out: "
        "locked.png (cannot be opened: Permission denied)"
    ]


def test_only_picture_that_cannot_be_opened_says_why(tmp_path, locked):
    cv2.imwrite(str(tmp_path / "locked.png"), numbered(1))
    with pytest.raises(SourceError, match=r"^locked\.png: cannot be opened: Permission denied$"):
        open_source(str(tmp_path / "locked.png"))


def test_what_is_cut_short_is_read_as_far_as_it_goes_and_named(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    for name in ("1.jpg", "2.png", "3.png"):
        cv2.imwrite(str(tmp_path / name), noise)
    for name in ("1.jpg", "3.png"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
    with open_source(str(tmp_path)) as source:
        assert len(list(source)) == 3
    assert source.warnings == [
        f"{tmp_path.name}: 2 pictures are cut short or damaged; what is there was read: "
        "1.jpg, 3.png"
    ]
    with open_source(str(tmp_path / "3.png")) as source:
        assert len(list(source)) == 1
    assert source.warnings == ["3.png: is cut short or damaged; what is there was read"]


def test_sequence_respects_start_and_duration(tmp_path):
    for number in range(10):
        cv2.imwrite(str(tmp_path / f"{number}.png"), numbered(number))
    part = read(tmp_path, start_s=0.1, duration_s=0.1, sequence=True)
    assert [number_of(frame) for frame in part] == [3, 4]
    with pytest.raises(SourceError, match=r"10 pictures last 0\.4 s"):
        read(tmp_path, start_s=1, sequence=True)


def test_folder_without_pictures_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="no pictures in this folder"):
        open_source(str(tmp_path))
    (tmp_path / "1.png").write_bytes(b"broken")
    with pytest.raises(SourceError, match=r"its only picture cannot be read: 1\.png"):
        open_source(str(tmp_path))


def test_name_that_is_no_text_can_be_written_down(tmp_path):
    strange = tmp_path / b"\xff.png".decode(errors="surrogateescape")
    content = cv2.imencode(".png", numbered(1))[1].tobytes()
    try:
        strange.write_bytes(content)
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    (frame,) = read(tmp_path)
    assert frame.file == "\N{REPLACEMENT CHARACTER}.png"
