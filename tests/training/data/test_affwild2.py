"""Aff-Wild2 on generated trees of the real form: the valid-frame rules above all."""

import cv2
import numpy as np
import pytest

from engine.errors import SourceError
from training.data.affwild2 import (
    FOLDERS,
    HEADERS,
    AnnotatedTrack,
    read_affect,
    read_expressions,
    read_tracks,
)
from training.data.files import open_files


def annotate(root, task, video, lines, part="Train_Set", folder=None, header=None):
    path = root / (folder or FOLDERS[task][0]) / part
    path.mkdir(parents=True, exist_ok=True)
    text = "\n".join([header or HEADERS[task], *map(str, lines)]) + "\n"
    (path / f"{video}.txt").write_text(text)


def picture(root, video, *frames):
    folder = root / "cropped_aligned" / video
    folder.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        image = np.full((112, 112, 3), 20 * frame, np.uint8)
        cv2.imwrite(str(folder / f"{frame:05d}.jpg"), image)


@pytest.mark.parametrize("folder", FOLDERS["expression"])
def test_frames_are_joined_on_their_number(tmp_path, folder):
    annotate(tmp_path, "expression", "v", [0, -1, 3, 7, 2], folder=folder)
    picture(tmp_path, "v", 1, 2, 4, 5)
    reading = read_expressions(open_files(tmp_path), "Train_Set")
    found = dict(zip(reading.table.names.tolist(), reading.table.labels.tolist(), strict=True))
    assert found == {
        f"cropped_aligned/v/{frame:05d}.jpg": y for frame, y in ((1, 0), (4, 7), (5, 2))
    }
    assert [round(float(reading.table.read(row).mean()), -1) for row in range(3)] == [20, 80, 100]
    assert reading.left_out == {"not annotated": 1, "annotated, no picture": 1}
    assert reading.missing == ()


def test_more_pictures_than_lines_are_no_fault(tmp_path):
    annotate(tmp_path, "expression", "v", [4])
    picture(tmp_path, "v", 1, 2, 3)
    assert len(read_expressions(open_files(tmp_path), "Train_Set").table) == 1


def test_frames_without_valence_or_arousal_are_dropped(tmp_path):
    annotate(tmp_path, "affect", "v", ["0.5,-0.25", "-5,-5", "-5,0.1", "0.1,-5", "-1,1"])
    picture(tmp_path, "v", 1, 2, 3, 4, 5)
    table = read_affect(open_files(tmp_path), "Train_Set").table
    np.testing.assert_array_equal(table.affect, [[0.5, -0.25], [-1, 1]])
    assert table.labels.tolist() == [-1, -1]
    assert not table.shares.any()


def test_subjects_of_one_video_are_tracks_of_their_own_in_one_group(tmp_path):
    for video, label in (("a", 1), ("a_left", 2), ("a_right", 3), ("b", 4)):
        annotate(tmp_path, "expression", video, [label, label])
        picture(tmp_path, video, 1, 2)
    table = read_expressions(open_files(tmp_path), "Train_Set").table
    assert len(table) == 8
    assert table.labels.tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    folders = [name.split("/")[1] for name in table.names.tolist()]
    assert folders == [video for video in ("a", "a_left", "a_right", "b") for _ in range(2)]
    assert table.groups.tolist() == ["a"] * 6 + ["b"] * 2
    tracks = read_tracks(open_files(tmp_path), "Train_Set", "expression")
    assert [track.name for track in tracks] == ["a", "a_left", "a_right", "b"]


def test_annotations_may_lie_in_a_folder_of_the_release(tmp_path):
    release = tmp_path / "Third ABAW Annotations"
    annotate(release, "expression", "v", [1], part="Validation_Set")
    picture(tmp_path, "v", 1)
    assert len(read_expressions(open_files(tmp_path), "Validation_Set").table) == 1


@pytest.mark.parametrize(
    ("task", "read", "bad", "what"),
    [
        ("expression", read_expressions, "8", "one integer, 0 to 7 or -1"),
        ("expression", read_expressions, "-5", "one integer"),
        ("expression", read_expressions, "1.5", "one integer"),
        ("expression", read_expressions, "1,2", "one integer"),
        ("expression", read_expressions, "", "one integer"),
        ("expression", read_expressions, "nan", "one integer"),
        ("affect", read_affect, "0.5", "two numbers"),
        ("affect", read_affect, "0.5,1.5", "two numbers"),
        ("affect", read_affect, "0.5,nan", "two numbers"),
        ("affect", read_affect, "0.5;0.5", "two numbers"),
    ],
)
def test_malformed_line_is_named(tmp_path, task, read, bad, what):
    good = ",".join(["0"] * len(HEADERS[task].split(","))) if task != "expression" else "0"
    annotate(tmp_path, task, "v", [good, bad, good])
    with pytest.raises(SourceError, match=rf"Train_Set/v\.txt, line 3: expected {what}"):
        read(open_files(tmp_path), "Train_Set")


def test_other_header_is_refused(tmp_path):
    header = HEADERS["expression"].replace("Anger,Disgust", "Disgust,Anger")
    annotate(tmp_path, "expression", "v", [0], header=header)
    with pytest.raises(SourceError, match=r"v\.txt, line 1: expected the header Neutral,Anger"):
        read_expressions(open_files(tmp_path), "Train_Set")


def test_missing_annotations_name_both_folders(tmp_path):
    with pytest.raises(
        SourceError, match=r"EXPR_Classification_Challenge/.* or EXPR_Recognition_Challenge/"
    ):
        read_expressions(open_files(tmp_path), "Train_Set")


def test_frame_without_picture_copies_the_nearest_earlier_else_later_one():
    annotated = np.array([1, 1, 0, 1, 1, 1], bool)
    pictured = np.array([0, 1, 1, 0, 1, 0], bool)
    track = AnnotatedTrack("v", np.zeros((6, 1), np.float32), annotated, pictured)
    assert track.valid.tolist() == [1, 4]
    assert track.stand_ins().tolist() == [1, 1, 2, 4, 4]
    blind = AnnotatedTrack("v", np.zeros((6, 1), np.float32), annotated, np.zeros(6, bool))
    assert blind.stand_ins().tolist() == [-1] * 5
