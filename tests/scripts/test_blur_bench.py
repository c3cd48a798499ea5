"""`scripts.benches.blur` counts what is bare."""

import sys

import numpy as np
import pytest

from engine.types import Detection, Frame
from scripts.benches.blur import Film, Judge, Tally, changed_share, cover_by_deface, main

BOX = np.array([10, 10, 30, 30], np.float32)


class Seeing:
    """Finds a face in pictures whose box is as it was."""

    def detect(self, image):
        found = image[20, 20].any()
        return (Detection(BOX, 0.9, np.zeros((5, 2), np.float32)),) if found else ()


@pytest.mark.parametrize(("rows", "share"), [(20, 1.0), (16, 0.8), (15, 0.75), (0, 0.0)])
def test_a_share_of_a_box_is_changed(rows, share):
    changed = np.zeros((60, 80), bool)
    changed[10 : 10 + rows] = True
    assert changed_share(changed, BOX) == pytest.approx(share)


def test_what_is_outside_of_the_frame_does_not_count():
    changed = np.zeros((60, 80), bool)
    changed[:10, :10] = True
    assert changed_share(changed, np.array([-50, -50, 10, 10], np.float32)) == 1.0
    assert changed_share(changed, np.array([100, 100, 110, 110], np.float32)) == 1.0


def test_bare_faces_and_their_frames_are_counted(tmp_path):
    image = np.full((60, 80, 3), 200, np.uint8)
    covered, half = image.copy(), image.copy()
    covered[5:35, 5:35] = 0
    half[10:30, 10:18] = 0
    frames = [Frame(index, index / 25, image) for index in range(4)]
    two = np.stack([BOX, BOX + 25])
    film = Film("film", frames, {0: BOX[None], 1: two, 3: np.zeros((0, 4), np.float32)})
    tally = Judge(Seeing(), tmp_path).judge("us", film, [covered, half, image, image])
    changed = (900 + 160) / 4800
    assert tally == Tally(frames=3, faces=3, bare=2, bare_frames=1, again=1, area=changed)
    assert [path.name for path in tmp_path.iterdir()] == ["us film 1.jpg"]


def test_another_python_without_deface_is_one_line(make_clip, capfd):
    frames = [Frame(0, 0.0, np.zeros((8, 8, 3), np.uint8))]
    with pytest.raises(Exception, match="deface ended early"):
        list(cover_by_deface(sys.executable, frames))
    assert "No module named 'deface'" in capfd.readouterr().err


def test_a_film_that_is_not_there_is_one_line(tmp_path, capsys):
    assert main(["--data", str(tmp_path)]) == 3
    assert "no such film; name short_hamilton_clip.mp4 with --film" in capsys.readouterr().err
