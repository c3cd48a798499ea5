"""Blurred faces."""

import cv2
import numpy as np
import pytest

from engine.assets import asset_path
from engine.faces.blur import MARGIN, CoverConfig, FaceBlur, Whereabouts, blur_faces, moved

BOX = np.array([40, 30, 100, 110], np.float32)


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (160, 200, 3), np.uint8)


def test_nothing_of_the_box_is_left_and_nothing_else_is_touched(noise):
    before = noise.copy()
    blurred = blur_faces(noise, [BOX])
    assert (noise == before).all()
    inside = blurred[30:111, 40:101].astype(int)
    assert np.abs(np.diff(inside, axis=1)).max() <= 6  # noise differs by 85 on average
    assert np.abs(np.diff(inside, axis=0)).max() <= 6
    reach_x, reach_y = round(MARGIN * 60) + 1, round(MARGIN * 80) + 1
    outside = np.ones((160, 200), bool)
    outside[30 - reach_y : 111 + reach_y, 40 - reach_x : 101 + reach_x] = False
    assert (blurred[outside] == noise[outside]).all()


@pytest.mark.parametrize(
    ("box", "part"),
    [
        ((40, 30, 100, 110), (19, 2, 122, 139)),
        ((-20, -30, 40, 50), (0, 0, 62, 79)),
        ((150, 120, 230, 200), (122, 92, 200, 160)),
        ((-30, 30, -2, 60), (0, 19, 8, 71)),  # outside, but for its margin
        ((60, -30, 90, -2), (49, 0, 101, 8)),
    ],
)
def test_what_is_drawn_is_the_smooth_average_under_an_oval_and_the_box(noise, box, part):
    left, top, right, bottom = part
    width, height = right - left, bottom - top
    squares = cv2.resize(noise[top:bottom, left:right], (5, 5), interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(squares, (width, height), interpolation=cv2.INTER_LINEAR)
    wanted = noise.copy()
    wanted[top:bottom, left:right] = smooth
    blurred = blur_faces(noise, [np.array(box, np.float32)])
    changed = (blurred != noise).any(axis=2)
    # Noise that is by chance what takes its place is nowhere in these pictures.
    assert (blurred[changed] == wanted[changed]).all()
    y, x = np.mgrid[:160, :200]
    inside = (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])
    away = np.hypot(
        (x - left - width // 2) / (width // 2 + 1), (y - top - height // 2) / (height // 2 + 1)
    )
    covered = inside | (away < 1)
    covered[:top], covered[bottom:], covered[:, :left], covered[:, right:] = (False,) * 4
    near = np.abs(away - 1) < 0.03  # how a library rounds an oval is its own affair
    assert (changed == covered)[~near | inside].mean() > 0.9995


def test_only_the_averages_of_a_few_squares_remain():
    face = cv2.imread(str(asset_path("portrait.jpg")))
    height, width = face.shape[:2]
    blurred = blur_faces(face, [np.array([0, 0, width - 1, height - 1], np.float32)])
    # What comes back from the blurred picture is no sharper than 5 x 5 numbers.
    squares = cv2.resize(blurred, (5, 5), interpolation=cv2.INTER_AREA)
    again = cv2.resize(squares, (width, height), interpolation=cv2.INTER_LINEAR)
    assert np.abs(again.astype(int) - blurred.astype(int)).mean() < 12
    assert cv2.Laplacian(blurred, cv2.CV_64F).var() < 0.01 * cv2.Laplacian(face, cv2.CV_64F).var()


@pytest.mark.parametrize(
    "box", [(-50, -50, 20, 20), (180, 140, 260, 220), (-10, -10, 400, 300), (90, 90, 90, 90)]
)
def test_boxes_may_leave_the_picture(noise, box):
    blurred = blur_faces(noise, [np.array(box, np.float32)])
    x0, y0, x1, y1 = (max(0, value) for value in box)
    part = (slice(y0, y1), slice(x0, x1))
    assert blurred.shape == noise.shape
    assert (y1 == y0) or (blurred[part] != noise[part]).mean() > 0.9


@pytest.mark.parametrize(
    "box", [(900, 900, 950, 950), (211, 30, 241, 60), (30, 171, 60, 201), (-50, 30, -20, 60)]
)
def test_a_box_outside_the_picture_changes_nothing(noise, box):
    assert (blur_faces(noise, [np.array(box, np.float32)]) == noise).all()


def _blurred(noise, analysis):
    part = (slice(60, 80), slice(60, 80))
    return bool((analysis.frame.image[part] != noise[part]).mean() > 0.9)


def _seen(make_analysis, noise, index, time_s, *, seen):
    faces = {1: ("neutral", 0.0, 0.0)} if seen else {}
    return make_analysis(index, time_s, faces, image=noise, boxes={1: tuple(BOX.tolist())})


def test_a_face_missed_for_a_moment_stays_blurred(noise, make_analysis):
    blur = FaceBlur(hold_s=1.0, ahead_s=0.0)
    times = [0.0, 0.5, 1.0, 1.5]
    for index, time_s in enumerate(times):
        analysis = _seen(make_analysis, noise, index, time_s, seen=time_s == 0.0)
        (ready,) = blur.push(analysis)
        assert _blurred(noise, ready) is (time_s <= 1.0)
    assert blur.flush() == []


def test_a_new_face_is_blurred_in_the_frames_before_too(noise, make_analysis):
    blur = FaceBlur(hold_s=0.0, ahead_s=0.45)
    ready = []
    for index in range(20):
        analysis = _seen(make_analysis, noise, index, index / 10, seen=index == 12)
        ready += blur.push(analysis)
        assert len(ready) == max(0, index - 4)  # half a second is held back
    ready += blur.flush()
    assert [analysis.frame.index for analysis in ready] == list(range(20))
    assert [a.frame.index for a in ready if _blurred(noise, a)] == [7, 8, 9, 10, 11, 12]
    assert blur.flush() == []


@pytest.fixture
def walk(make_analysis):
    """Give `walk(seen)`: a face crosses a room of 640 x 360, 40 pixels a frame, 25 frames a second.

    It is found in the frames that `seen` names. Gives the analyses, and the face's places.
    """
    face = cv2.resize(cv2.imread(str(asset_path("portrait.jpg"))), (120, 150))
    room = np.random.default_rng(3).integers(60, 200, (18, 32, 3), np.uint8)
    room = cv2.resize(room, (640, 360), interpolation=cv2.INTER_CUBIC)

    def make(seen):
        analyses, places = [], []
        for index in range(14):
            left = -60 + 40 * index
            image = cv2.copyMakeBorder(room, 0, 0, 200, 200, cv2.BORDER_REPLICATE)
            image[100:250, left + 200 : left + 320] = face
            image = np.ascontiguousarray(image[:, 200:840])
            place = (left + 15.0, 110.0, left + 105.0, 240.0)
            faces = {1: ("neutral", 0.0, 0.0)} if index in seen else {}
            analyses.append(make_analysis(index, index / 25, faces, image=image, boxes={1: place}))
            places.append(np.array(place, np.float32))
        return analyses, places

    return make


def _uncovered(analyses, places, **config):
    """Give the frames in which over a tenth of the face's pixels are as they were."""
    blur = FaceBlur(**config)
    ready = [done for analysis in analyses for done in blur.push(analysis)] + blur.flush()
    left = []
    for before, after, place in zip(analyses, ready, places, strict=True):
        x0, y0, x1, y1 = (max(0, int(value)) for value in place)
        part = (slice(y0, y1), slice(x0, x1))
        same = (before.frame.image[part] == after.frame.image[part]).all(axis=2).mean()
        if same > 0.1:
            left.append(before.frame.index)
    return left


def test_a_face_that_moves_in_fast_is_followed_back(walk):
    assert _uncovered(*walk(seen=range(9, 14))) == []


def test_a_face_that_is_lost_while_it_moves_is_followed(walk):
    assert _uncovered(*walk(seen=range(3))) == []


def test_a_moved_box_is_found_to_within_a_tenth_of_its_size(walk):
    analyses, places = walk(seen=())
    images = [analysis.frame.image for analysis in analyses]
    for here, there in ((9, 8), (9, 10), (5, 7)):
        found = moved(places[here], images[here], images[there], places[here])
        np.testing.assert_allclose(found, places[there], atol=9)


def test_what_is_not_there_is_not_found(walk, noise):
    analyses, places = walk(seen=())
    other = cv2.resize(noise, (640, 360))
    assert moved(places[9], analyses[9].frame.image, other, places[9]) is None
    flat = np.full_like(other, 90)
    assert moved(places[9], analyses[9].frame.image, flat, places[9]) is None
    far = places[9] + 5000
    assert moved(places[9], analyses[9].frame.image, other, far) is None
    point = places[9][[0, 1, 0, 1]]
    assert moved(point, analyses[9].frame.image, other, places[9]) is None
    assert moved(far, analyses[9].frame.image, other, places[9]) is None
    assert moved(-far, analyses[9].frame.image, other, places[9]) is None


def test_time_that_goes_back_forgets_the_faces(noise, make_analysis):
    blur = FaceBlur(hold_s=1.0, ahead_s=0.0)
    (ready,) = blur.push(_seen(make_analysis, noise, 0, 5.0, seen=True))
    assert _blurred(noise, ready)
    (ready,) = blur.push(_seen(make_analysis, noise, 1, 5.1, seen=False))
    assert _blurred(noise, ready)
    (ready,) = blur.push(_seen(make_analysis, noise, 2, 4.9, seen=False))
    assert not _blurred(noise, ready)


def _textured(places, side=24, size=(200, 240)):
    """Give pictures of flat gray in which a piece of noise lies at these corners."""
    piece = np.random.default_rng(5).integers(0, 256, (side // 4, side // 4, 3), np.uint8)
    piece = cv2.resize(piece, (side, side), interpolation=cv2.INTER_NEAREST)
    images = []
    for x, y in places:
        room = np.full((size[0] + 2 * side, size[1] + 2 * side, 3), 128, np.uint8)
        room[y + side : y + 2 * side, x + side : x + 2 * side] = piece
        images.append(np.ascontiguousarray(room[side:-side, side:-side]))
    return images


@pytest.mark.parametrize("step", [(0, 0), (13, -9), (-36, 36), (35, 0), (0, -36)])
def test_a_moved_box_of_its_own_size_is_found_to_the_pixel(step):
    here, there = _textured([(100, 90), (100 + step[0], 90 + step[1])])
    box = np.array([100, 90, 124, 114], np.float32)
    found = moved(box, here, there, box)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, box + np.array(step * 2))


def test_a_box_that_moved_on_is_looked_for_near_where_it_was_last():
    here, there = _textured([(20, 20), (180, 150)])
    box = np.array([20, 20, 44, 44], np.float32)
    assert moved(box, here, there, box) is None
    found = moved(box, here, there, box + np.float32([150, 120, 150, 120]))
    np.testing.assert_array_equal(found, [180, 150, 204, 174])


@pytest.mark.parametrize("corner", [(-10, 90), (226, 90), (100, -10), (100, 186)])
def test_a_box_that_leaves_the_picture_is_followed_to_the_edge(corner):
    near = np.clip(corner, [4, 4], [212, 172])
    here, there = _textured([near, corner])
    box = np.array([*near, *(near + 24)], np.float32)
    found = moved(box, here, there, box)
    assert found is not None
    assert np.abs(found - [*corner, *np.add(corner, 24)]).max() <= 2


def test_a_box_in_a_picture_next_to_the_other_is_not_looked_for():
    here, there = _textured([(100, 90), (100, 90)])
    box = np.array([100, 90, 124, 114], np.float32)
    for far in ([5000, 0, 5000, 0], [0, 5000, 0, 5000], [-5000, 0, -5000, 0]):
        assert moved(box, here, there, box + np.float32(far)) is None
    for outside in ([-24, 90, 0.5, 114], [100, -24, 124, 0.5], [239.5, 90, 263, 114]):
        assert moved(np.float32(outside), here, there, box) is None


@pytest.mark.parametrize(("side", "found"), [(7, False), (8, True)])
def test_a_box_of_fewer_than_eight_pixels_is_not_followed(side, found):
    here, there = _textured([(100, 90), (102, 91)], side=8)
    box = np.array([100, 90, 100 + side, 98], np.float32)
    assert (moved(box, here, there, box) is not None) is found


@pytest.mark.parametrize("index", [3, 5, 7])
def test_a_new_face_is_blurred_before_where_it_was_found_as_well(walk, index):
    analyses, places = walk(seen=range(9, 14))
    blur = FaceBlur()
    ready = [done for analysis in analyses for done in blur.push(analysis)] + blur.flush()
    x0, y0, x1, y1 = places[9].astype(int)
    part = (slice(y0, y1), slice(x0, x1))
    before, after = (a[index].frame.image[part] for a in (analyses, ready))
    assert (before == after).all(axis=2).mean() < 0.3


@pytest.mark.parametrize("index", [4, 6])
def test_a_lost_face_is_blurred_where_it_was_found_as_well(walk, index):
    analyses, places = walk(seen=range(3))
    blur = FaceBlur()
    ready = [done for analysis in analyses for done in blur.push(analysis)] + blur.flush()
    x0, y0, x1, y1 = (max(0, int(value)) for value in places[2])
    part = (slice(y0, y1), slice(x0, x1))
    before, after = (a[index].frame.image[part] for a in (analyses, ready))
    assert (before == after).all(axis=2).mean() < 0.3


def test_frames_wait_for_a_second_and_faces_stay_for_one(noise, make_analysis):
    blur = FaceBlur()
    ready = []
    for index in range(40):
        ready += blur.push(_seen(make_analysis, noise, index, index / 8, seen=index == 12))
        assert len(ready) == max(0, index - 7)
    ready += blur.flush()
    assert [a.frame.index for a in ready if _blurred(noise, a)] == list(range(4, 21))


def test_a_box_too_thin_to_show_anything_is_not_found():
    here, there = _textured([(100, 0), (103, 2)], side=400, size=(400, 400))
    box = np.array([100, 0, 108, 400], np.float32)
    assert moved(box, here, there, box) is None


def _bare(analyses, places, **config):
    """Give (frame, face) where over a tenth of a face's pixels that are in the picture are bare."""
    blur = FaceBlur(**config)
    ready = [done for analysis in analyses for done in blur.push(analysis)] + blur.flush()
    bare = []
    for before, after, here in zip(analyses, ready, places, strict=True):
        for number, place in enumerate(here):
            x0, y0, x1, y1 = (max(0, int(value)) for value in place)
            part = (slice(y0, y1), slice(x0, min(x1, 640)))
            same = (before.frame.image[part] == after.frame.image[part]).all(axis=2)
            if same.size and same.mean() > 0.1:
                bare.append((before.frame.index, number))
    return bare


@pytest.mark.parametrize("step", [6, 15, 40])
@pytest.mark.parametrize("late", [1, 10, 24])
def test_a_face_that_walks_in_from_the_edge_is_covered_from_its_first_pixel(film, step, late):
    path = [min(-110 + step * index, 400) for index in range(40)]
    assert _bare(*film([path], [range(late, 40)])) == []


@pytest.mark.parametrize("step", [0, 6, 15, 35])
@pytest.mark.parametrize("again", [1, 7])
def test_a_face_that_is_lost_for_ten_frames_is_covered_throughout(film, step, again):
    path = [20 + step * index for index in range(17)]
    found = [*range(3), *range(13, 17)]
    assert _bare(*film([path], [found], lambda _, index: 1 if index < 3 else again)) == []


@pytest.mark.parametrize("step", [8, 20])
@pytest.mark.parametrize("again", [1, 7])
def test_two_that_cross_are_covered_also_while_one_hides_the_other(film, step, again):
    count = 560 // step
    right = [20 + step * index for index in range(count)]
    left = [500 - step * index for index in range(count)]
    hidden = [i for i in range(count) if abs(right[i] - left[i]) < 130]
    found = [[i for i in range(count) if i not in hidden], range(count)]

    def ids(number, index):
        return again if number == 0 and index > hidden[-1] else number + 1

    assert _bare(*film([right, left], found, ids)) == []


def test_what_may_hold_an_unfound_face_is_blurred_whole_if_asked_for(film):
    path = [300] * 40
    analyses, places = film([path], [[]])
    assert len(_bare(analyses, places)) == 40
    assert _bare(analyses, places, whole=True) == []
    analyses, places = film([path], [range(40)])
    blur = FaceBlur(whole=True)
    ready = [done for analysis in analyses for done in blur.push(analysis)] + blur.flush()
    for before, after in zip(analyses, ready, strict=True):
        assert (before.frame.image[:, :200] == after.frame.image[:, :200]).all()  # sure


@pytest.mark.parametrize("margin", [0.0, 0.35, 1.0])
def test_a_box_is_black_with_its_margin_and_nothing_else_is_touched(noise, margin):
    covered = blur_faces(noise, [BOX], CoverConfig(kind="box", margin=margin))
    across, down = int(margin * 60), int(margin * 80)
    inside = np.zeros(noise.shape[:2], bool)
    inside[max(0, 30 - down) : 111 + down, max(0, 40 - across) : 101 + across] = True
    assert (covered[inside] == 0).all()
    assert (covered[~inside] == noise[~inside]).all()


def test_a_mosaic_is_five_squares_a_side(noise):
    covered = blur_faces(noise, [BOX], CoverConfig(kind="mosaic", margin=0.0))
    inside = covered[30:111, 40:101].reshape(-1, 3)
    assert len(np.unique(inside, axis=0)) == 25


def test_a_face_that_comes_back_is_covered_on_the_way_though_images_are_given_up():
    image = np.zeros((200, 400, 3), np.uint8)
    where = Whereabouts[int](hold_s=0.2, ahead_s=0.2, bridge_s=3.0)
    first, last = np.array([0, 50, 40, 90], np.float32), np.array([300, 50, 340, 90], np.float32)
    placed = []
    for index in range(60):
        found = {5: first, 35: last}.get(index)
        placed += where.push(index, index / 15, image, [] if found is None else [(1, found)])
    placed += where.flush()
    assert [each.item for each in placed] == list(range(60))
    for index in range(6, 35):
        x = 10 * (index - 5)
        near = [box for box in placed[index].boxes if abs(float(box[0]) - x) < 1]
        assert near, index
    assert placed[0].boxes == []
    assert placed[45].boxes == []


@pytest.mark.parametrize("swaps", [True, False])
def test_one_found_where_another_was_lost_may_be_that_one(swaps):
    image = np.zeros((200, 400, 3), np.uint8)
    where = Whereabouts[int](swaps=swaps)
    boxes = {0: (1, [0, 50, 40, 90]), 8: (2, [80, 50, 120, 90])}
    placed = []
    for index in range(12):
        number, box = boxes.get(index, (0, None))
        faces = [] if box is None else [(number, np.array(box, np.float32))]
        placed += where.push(index, index / 10, image, faces)
    placed += where.flush()
    middle = [box.tolist() for box in placed[4].boxes]
    assert ([40, 50, 80, 90] in middle) is swaps


def test_faces_that_are_kept_stay_bare(noise, make_analysis):
    boxes = {1: tuple(BOX.tolist()), 2: (140.0, 30.0, 170.0, 60.0)}
    faces = dict.fromkeys(boxes, ("neutral", 0.0, 0.0))
    blur = FaceBlur(keep={1})
    assert blur.push(make_analysis(0, 0.0, faces, image=noise, boxes=boxes)) == []
    (covered,) = blur.flush()
    assert (covered.frame.image[60:80, 60:80] == noise[60:80, 60:80]).all()
    assert (covered.frame.image[35:55, 145:165] != noise[35:55, 145:165]).mean() > 0.9
