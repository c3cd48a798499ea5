import sys

import cv2
import numpy as np
import pytest

from engine.faces.landmarks import MIRROR
from training.data import faces, teacher_labels
from training.data.teacher_labels import (
    AVERAGE_MAX,
    MESH_TO_68,
    PADDINGS,
    STRAIGHT,
    face_size,
    flip_error,
    head_pose,
    label,
    label_folder,
    main,
    merged,
    mirrored,
    to_68,
    unshifted,
)

VERTICES = 478
FACE = STRAIGHT * 0.1 + np.array([60, 50, 0], np.float32)  # 100 pixels, in a 120 x 100 picture


WEIGHTS = np.zeros((68, VERTICES))
for row, vertices in zip(WEIGHTS, MESH_TO_68, strict=True):
    row[list(vertices)] = 1 / len(vertices)
INVERSE = np.linalg.pinv(WEIGHTS)


def mesh_of(points):
    """Give a mesh that reduces to exactly these 68 points."""
    return (INVERSE @ points).astype(np.float32)


class FakeTeacher:
    """Gives the answers one after the other and keeps the shapes of what it was shown."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.shapes = []

    def __call__(self, image):
        self.shapes.append(image.shape)
        return self.answers.pop(0)


def padded(points, share, width=120, height=100):
    """Where a teacher sees points of a picture that got a border: shifted up and left too."""
    shift = 0.54 - 0.0031 * face_size(points)
    return points + np.array([round(share * width) - shift, round(share * height) - shift, 0])


def flip(points, width=120):
    other = points[MIRROR].copy()
    other[:, 0] = width - other[:, 0]
    return other


@pytest.fixture
def picture():
    return np.zeros((100, 120, 3), np.uint8)


def rotation(axis, degrees):
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(3)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    turn[first, first] = turn[second, second] = cos
    turn[first, second], turn[second, first] = -sin, sin
    return turn


def test_each_point_is_the_mean_of_its_vertices():
    mesh = np.arange(VERTICES * 3, dtype=np.float32).reshape(VERTICES, 3)
    points = to_68(mesh)
    assert points.shape == (68, 3)
    np.testing.assert_array_equal(points[30], mesh[4])
    np.testing.assert_array_equal(points[2], (mesh[93] + mesh[132]) / 2)


def test_table_names_a_face_and_its_mirror_image():
    assert len(MESH_TO_68) == 68
    assert all(len(MESH_TO_68[i]) == len(MESH_TO_68[MIRROR[i]]) for i in range(68))
    assert all(0 <= vertex < 468 for vertices in MESH_TO_68 for vertex in vertices)


def test_mirroring_twice_changes_nothing():
    np.testing.assert_allclose(mirrored(mirrored(FACE, 120), 120), FACE, atol=1e-4)


def test_mirroring_keeps_what_each_point_means():
    turned = FACE + np.array([7, 0, 0], np.float32)
    other = mirrored(turned, 120)
    assert other[36, 0] < other[45, 0]  # the eye on the picture's left stays the subject's right
    np.testing.assert_allclose(other[30, 0], 120 - turned[30, 0])


def test_flip_error_is_a_share_of_the_face_size():
    moved = FACE + np.array([3, 4, 50], np.float32)
    assert flip_error(FACE, moved) == pytest.approx(5 / face_size(FACE), rel=1e-4)


def test_runs_that_agree_are_averaged():
    points, error, averaged = merged(FACE, [FACE + 400, FACE + np.float32([2, 0, 0])])
    np.testing.assert_allclose(points, FACE + np.float32([1, 0, 0]), atol=1e-4)
    assert averaged
    assert error == pytest.approx(2 / face_size(FACE), rel=1e-4)


def test_runs_that_disagree_are_not_averaged():
    far = FACE + np.float32([1.1 * AVERAGE_MAX * face_size(FACE), 0, 0])
    points, error, averaged = merged(FACE, [far])
    assert not averaged
    assert error == pytest.approx(1.1 * AVERAGE_MAX, rel=1e-4)
    np.testing.assert_array_equal(points, FACE)


def test_without_a_mirrored_face_the_error_is_unknown():
    points, error, averaged = merged(FACE, [])
    assert points is FACE
    assert np.isnan(error)
    assert not averaged


def test_shift_moves_down_and_right_alike_and_less_when_enlarged():
    once, enlarged = unshifted(FACE, 1) - FACE, unshifted(FACE, 4) - FACE
    expected = 0.54 - 0.0031 * face_size(FACE)
    np.testing.assert_allclose(once[:, :2], expected, atol=1e-4)
    np.testing.assert_allclose(once[:, :2] - enlarged[:, :2], 0.54 * 3 / 4, atol=1e-4)
    np.testing.assert_array_equal(once[:, 2], 0)


@pytest.mark.parametrize("pose", [(0, 0, 0), (25, 0, 0), (0, 15, 0), (0, 0, -30), (-40, 10, 20)])
def test_pose_is_that_which_the_face_was_turned_by(pose):
    yaw, pitch, roll = pose
    turn = rotation("y", -yaw) @ rotation("x", -pitch) @ rotation("z", roll)
    np.testing.assert_allclose(head_pose(FACE @ turn.T), pose, atol=0.05)


def test_signs_of_the_pose_are_those_of_the_packs():
    def nose(yaw, pitch):
        return (STRAIGHT @ (rotation("y", -yaw) @ rotation("x", -pitch)).T)[30]

    assert nose(30, 0)[0] > 0  # to the picture's right
    assert nose(0, 30)[1] < nose(0, -30)[1]  # up
    eyes = STRAIGHT @ rotation("z", 20).T
    assert eyes[45, 1] > eyes[36, 1]  # clockwise: the picture's right eye sinks


def test_label_undoes_border_mirror_and_shift(picture):
    faces_seen = [mesh_of(padded(FACE, 0.25))]
    in_mirror = [mesh_of(padded(flip(FACE), 0.25))]
    found = label(picture, FakeTeacher(faces_seen, in_mirror))
    np.testing.assert_allclose(found.points, FACE[:, :2], atol=0.01)
    assert found.averaged
    assert (found.attempt, found.faces_seen) == (0, 1)
    assert found.flip_err < 1e-4


def test_a_miss_tries_the_next_border_and_keeps_it_for_the_mirror(picture):
    share = PADDINGS[2].share
    seen, in_mirror = [mesh_of(padded(FACE, share))], [mesh_of(padded(flip(FACE), share))]
    teacher = FakeTeacher([], [], seen, in_mirror)
    found = label(picture, teacher)
    assert found.attempt == 2
    assert teacher.shapes == [(150, 180, 3), (150, 180, 3), (200, 240, 3), (200, 240, 3)]


def test_the_largest_of_several_faces_is_labelled(picture):
    small = FACE * np.float32([0.3, 0.3, 0.3])
    seen = [mesh_of(padded(small, 0.25)), mesh_of(padded(FACE, 0.25))]
    found = label(picture, FakeTeacher(seen, []))
    assert found.faces_seen == 2
    assert face_size(found.points) == pytest.approx(face_size(FACE), rel=0.02)
    assert np.isnan(found.flip_err)


def test_small_pictures_are_enlarged_for_the_teacher():
    tiny = np.zeros((48, 48, 3), np.uint8)
    large = mesh_of(FACE + np.float32([48, 48, 0]))  # 192 pixels and a border of 48
    teacher = FakeTeacher([large], [])
    found = label(tiny, teacher)
    assert teacher.shapes[0] == (288, 288, 3)
    assert face_size(found.points) == pytest.approx(face_size(FACE) / 4, rel=0.02)


def test_without_a_face_every_border_was_tried(picture):
    teacher = FakeTeacher(*[[]] * len(PADDINGS))
    found = label(picture, teacher)
    assert teacher.answers == []
    assert (found.attempt, found.faces_seen, found.averaged) == (-1, 0, False)
    assert np.isnan(found.points).all()
    assert np.isnan(found.pose).all()


@pytest.fixture
def folder(tmp_path):
    target = tmp_path / "pictures" / "deeper"
    target.mkdir(parents=True)
    for name in ("b.png", "a.png"):
        cv2.imwrite(str(target / name), np.zeros((100, 120, 3), np.uint8))
    (target / "notes.txt").write_text("no picture")
    return target.parent


def test_arrays_are_what_the_face_bank_reads(folder, tmp_path):
    seen, in_mirror = [mesh_of(padded(FACE, 0.25))], [mesh_of(padded(flip(FACE), 0.25))]
    teacher = FakeTeacher(seen, in_mirror, *[[]] * len(PADDINGS))
    arrays = label_folder(folder, teacher, "train")
    labels = tmp_path / "teacher_labels"
    labels.mkdir()
    np.savez_compressed(labels / "landmarks_scenes.npz", **arrays)
    folder.rename(tmp_path / "scenes")
    bank = faces.open_bank("scenes", "train", tmp_path, tmp_path / "cache")
    assert list(bank.names) == ["deeper/a.png"]  # b.png has no face
    assert bank.landmarks.shape == (1, 68, 2)
    np.testing.assert_allclose(bank.landmarks[0, 30], FACE[30, :2] - 0.5, atol=0.1)


def test_arrays_have_the_types_of_the_packs(folder):
    arrays = label_folder(folder, FakeTeacher(*[[]] * 2 * len(PADDINGS)), "test")
    assert {name: array.dtype.str[1:] for name, array in arrays.items() if name != "names"} == {
        "found": "b1",
        "points": "f2",
        "yaw_pitch_roll": "f2",
        "flip_err": "f2",
        "averaged": "b1",
        "attempt": "i1",
        "faces_seen": "u1",
        "size": "u2",
        "split": "U4",
    }
    assert arrays["size"].tolist() == [[120, 100]] * 2
    assert not arrays["found"].any()


def test_a_file_that_is_no_picture_is_logged_and_left_out(folder, caplog):
    (folder / "broken.jpg").write_bytes(b"none")
    arrays = label_folder(folder, FakeTeacher(*[[]] * 2 * len(PADDINGS)), "train")
    assert list(arrays["names"]) == ["deeper/a.png", "deeper/b.png"]
    assert "broken.jpg: missing or not a picture; left out" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["pictures", "--out", "there.npz"], 5, "there.npz: already there"),
        (["pictures", "--out", "nowhere/labels.npz"], 5, "make the folder nowhere first"),
        (["absent", "--out", "labels.npz"], 3, "absent: not a folder"),
    ],
)
def test_errors_are_one_line_with_their_code(folder, monkeypatch, capsys, arguments, code, message):
    monkeypatch.chdir(folder.parent)
    (folder.parent / "there.npz").touch()
    assert main(arguments) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_missing_mediapipe_says_what_to_install(folder, monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    assert main([str(folder), "--out", str(tmp_path / "labels.npz")]) == 4
    assert "pip install mediapipe==0.10.21" in capsys.readouterr().err


def test_command_writes_one_file(folder, monkeypatch, tmp_path):
    class Opened(FakeTeacher):
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    opened = Opened(*[[]] * 2 * len(PADDINGS))
    monkeypatch.setattr(teacher_labels, "face_mesh", lambda: opened)
    out = tmp_path / "labels.npz"
    assert main([str(folder), "--out", str(out)]) == 0
    with np.load(out) as arrays:
        assert list(arrays["names"]) == ["deeper/a.png", "deeper/b.png"]
    assert [path.name for path in tmp_path.glob("labels*")] == ["labels.npz"]
