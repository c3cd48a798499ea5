"""Poses of heads that are not the code's own, seen by cameras that it does not know."""

import numpy as np
import pytest

from engine.faces.pose import HEAD, POINTS, pose_of

WIDTH, HEIGHT = 1280, 720

# Another head than the code's: round numbers of an adult's, 68 points by their mean places, longer,
# with a flatter nose. Millimetres, nose tip at the origin, x right, y down, z away.
OTHER = {
    30: (0, 0, 0), 8: (0, 74, 31), 27: (0, -38, 21), 28: (0, -24, 13), 29: (0, -11, 5),
    31: (-15, 10, 17), 33: (0, 14, 12), 35: (15, 10, 17), 36: (-46, -36, 44), 39: (-17, -35, 36),
    42: (17, -35, 36), 45: (46, -36, 44), 48: (-27, 36, 35), 54: (27, 36, 35),
}  # fmt: skip


def turned(yaw, pitch, roll):
    """Rotation of a head that looks right, then down, and is then tilted clockwise; degrees."""
    y, p, r = np.radians([-yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def seen(yaw=0.0, pitch=0.0, roll=0.0, *, head=None, degrees=50.0, eyes_px=120.0, at=(0, 0)):
    """Landmarks of a head before a camera that sees so many degrees across the picture."""
    points = np.array(list((head or OTHER).values()), float)
    focal = WIDTH / (2 * np.tan(np.radians(degrees / 2)))
    depth = focal * 90 / eyes_px
    placed = points @ turned(yaw, pitch, roll).T + [at[0], at[1], depth]
    landmarks = np.zeros((68, 2), np.float32)
    projected = focal * placed[:, :2] / placed[:, 2:] + [WIDTH / 2, HEIGHT / 2]
    landmarks[list(head or OTHER)] = projected
    return landmarks


OWN = dict(zip(POINTS, HEAD.tolist(), strict=True))


@pytest.mark.parametrize("head", [OWN, OTHER], ids=["own", "other"])
@pytest.mark.parametrize("yaw", [-40, -10, 0, 25])
def test_yaw_is_positive_to_the_right_of_the_picture(yaw, head):
    pose = pose_of(seen(yaw=yaw, head=head))
    assert pose.yaw_deg == pytest.approx(yaw, abs=5)
    if yaw:
        assert np.sign(pose.axes[3, 0] - pose.axes[0, 0]) == np.sign(yaw)


@pytest.mark.parametrize("pitch", [-20, 15])
def test_pitch_is_positive_downwards(pitch):
    pose = pose_of(seen(pitch=pitch, head=OWN))
    assert pose.pitch_deg == pytest.approx(pitch, abs=4)
    assert np.sign(pose.axes[3, 1] - pose.axes[0, 1]) == np.sign(pitch)


@pytest.mark.parametrize("roll", [-30, 20])
def test_roll_is_positive_clockwise(roll):
    pose = pose_of(seen(roll=roll))
    assert pose.roll_deg == pytest.approx(roll, abs=0.5)
    assert np.sign(pose.axes[1, 1] - pose.axes[0, 1]) == np.sign(roll)


@pytest.mark.parametrize("degrees", [35.0, 60.0, 90.0])
def test_another_head_before_any_camera_has_slopes_of_one(degrees):
    """Perspective, noise of 0.3 px, 45 degrees of yaw and 25 of pitch."""
    rng = np.random.default_rng(5)
    turns = rng.uniform([-45, -25, -15], [45, 25, 15], (300, 3))
    poses = [
        pose_of(
            seen(*turn, degrees=degrees, eyes_px=rng.uniform(60, 200))
            + rng.normal(0, 0.3, (68, 2)).astype(np.float32)
        )
        for turn in turns
    ]
    for axis, name in enumerate(("yaw_deg", "pitch_deg")):
        said = [getattr(pose, name) for pose in poses]
        assert 0.9 <= np.polyfit(turns[:, axis], said, 1)[0] <= 1.1
        assert np.corrcoef(turns[:, axis], said)[0, 1] >= 0.9


def test_a_cut_out_has_the_pose_of_the_whole_picture():
    landmarks = seen(yaw=30, pitch=-10, roll=5, at=(150, 40))
    whole, cut = pose_of(landmarks), pose_of(landmarks - np.float32(200))
    assert cut.yaw_deg == pytest.approx(whole.yaw_deg, abs=1e-2)
    assert cut.pitch_deg == pytest.approx(whole.pitch_deg, abs=1e-2)
    np.testing.assert_allclose(cut.axes, whole.axes - 200, atol=0.05)


def test_axes_start_at_the_nose_and_are_float32():
    landmarks = seen(yaw=10, at=(80.0, -40.0))
    pose = pose_of(landmarks)
    assert pose.axes.dtype == np.float32
    np.testing.assert_array_equal(pose.axes[0], landmarks[30])


def test_axes_are_as_long_as_the_head_is_large():
    pose = pose_of(seen(head=OWN, eyes_px=120))
    lengths = np.linalg.norm(pose.axes[1:3] - pose.axes[0], axis=1)
    np.testing.assert_allclose(lengths, 60 * 120 / 90, rtol=0.1)


def test_a_pixel_of_noise_turns_a_head_by_few_degrees():
    rng = np.random.default_rng(3)
    straight = pose_of(seen(yaw=15)).yaw_deg
    off = []
    for _ in range(50):
        landmarks = seen(yaw=15) + rng.normal(0, 1, (68, 2)).astype(np.float32)
        off.append(abs(pose_of(landmarks).yaw_deg - straight))
    assert np.mean(off) < 1.5


@pytest.mark.parametrize("value", [np.nan, np.inf, 200.0])
def test_points_that_fit_no_head_give_none(value):
    assert pose_of(np.full((68, 2), value, np.float32)) is None


@pytest.mark.parametrize("axis", [0, 1])
def test_points_on_a_line_have_no_pose(axis):
    landmarks = seen()
    landmarks[:, axis] = 200.0 + 0.9 * (landmarks[:, axis] > landmarks[:, axis].mean())
    assert pose_of(landmarks) is None
    landmarks = seen()
    landmarks[:, axis] = 200.0 + 0.05 * (landmarks[:, axis] - 200)
    assert pose_of(landmarks) is None


def test_head_is_alike_on_both_sides_and_its_eyes_are_ninety_millimetres_apart():
    places = dict(zip(POINTS, HEAD, strict=True))
    for left, right in ((31, 35), (36, 45), (39, 42), (48, 54)):
        np.testing.assert_array_equal(places[left] * [-1, 1, 1], places[right])
    assert places[45][0] - places[36][0] == 90
    assert (places[30] == 0).all()
