from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.drawing.overlay import Overlay, OverlayConfig
from engine.drawing.shapes import INK, PALETTE, Rect
from engine.errors import ConfigError
from engine.labels import Expression
from engine.types import Analysis, Floats, Frame, Image, Prediction, Track

Box = tuple[float, float, float, float]
PLAIN = OverlayConfig(timeline=False)


def gradient(width: int, height: int) -> Image:
    """A background on which every overlay colour can be told apart."""
    ramp = np.linspace(60, 120, width, dtype=np.float32)
    image = np.repeat(ramp[None, :, None], height, axis=0).repeat(3, axis=2)
    return np.ascontiguousarray(image.astype(np.uint8))


def probabilities(expression: Expression, share: float) -> Floats:
    rest = np.full(8, (1 - share) / 7, np.float32)
    rest[expression] = share
    return rest


def points_in(box: Box) -> Floats:
    x0, y0, x1, y1 = box
    angle = np.linspace(0, 2 * np.pi, 68)
    x = (x0 + x1) / 2 + 0.4 * (x1 - x0) * np.cos(angle)
    y = (y0 + y1) / 2 + 0.4 * (y1 - y0) * np.sin(angle)
    return np.stack([x, y], axis=1).astype(np.float32)


def analysis(
    image: Image, boxes: dict[int, Box], *, index: int = 0, reliability: float = 0.8
) -> Analysis:
    tracks = [Track(i, np.array(b, np.float32), points_in(b), 0.9) for i, b in boxes.items()]
    faces = [
        Prediction(
            track.id,
            probabilities(Expression.HAPPINESS, 0.87),
            valence=float(np.sin(0.2 * index + track.id)),
            arousal=float(0.5 * np.cos(0.1 * index + track.id)),
            reliability=reliability,
        )
        for track in tracks
    ]
    return Analysis(Frame(index, index / 25, image), tuple(tracks), tuple(faces), {})


def changed(before: Image, after: Image) -> np.ndarray:
    return (before != after).any(axis=2)


def extent(mask: np.ndarray) -> Rect:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Rect(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


@pytest.mark.parametrize("name", ["certain", "uncertain", "crowd"])
def test_picture_matches_the_golden_one(name: str, golden: Callable[[str, bytes], bytes]) -> None:
    boxes: dict[int, Box] = {1: (110.5, 40.25, 190.0, 140.0)}
    if name == "crowd":
        boxes = {
            1: (20, 6, 60, 56),
            2: (64, 30, 120, 100),
            3: (105, 60, 160, 130),
            11: (290, 90, 350, 170),
            12: (230, 40, 240, 52),
        }
    reliability = 0.1 if name == "uncertain" else 0.8
    overlay = Overlay(320, 240, OverlayConfig(landmarks=name == "uncertain"))
    image = gradient(320, 240)
    for index in range(120):
        picture = overlay.draw(analysis(image, boxes, index=index, reliability=reliability))
    encoded = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
    wanted = cv2.imdecode(
        np.frombuffer(golden(f"overlay_{name}.png", encoded), np.uint8), cv2.IMREAD_COLOR
    )
    close = np.abs(picture.astype(np.int16) - wanted.astype(np.int16)).max(axis=2) <= 1
    assert close.mean() >= 0.995


def test_the_frame_is_never_written_to() -> None:
    image = gradient(320, 240)
    image.setflags(write=False)
    copy = image.copy()
    picture = Overlay(320, 240).draw(analysis(image, {1: (100, 60, 200, 180)}))
    assert np.array_equal(image, copy)
    assert picture.shape == image.shape
    assert picture.dtype == np.uint8
    assert not np.shares_memory(picture, image)


def test_pixels_away_from_the_drawing_are_untouched() -> None:
    image = gradient(640, 360)
    mask = changed(image, Overlay(640, 360).draw(analysis(image, {1: (300, 100, 380, 200)})))
    strip = mask[306:]
    assert strip.mean() > 0.9
    drawn = extent(mask[:306])
    assert drawn.within(Rect(290, 70, 520, 210))
    assert not mask[110:190, 310:370].any()  # the face itself stays visible


def test_without_faces_and_strip_nothing_is_drawn() -> None:
    image = gradient(320, 240)
    assert np.array_equal(Overlay(320, 240, PLAIN).draw(analysis(image, {})), image)


def test_a_face_wholly_outside_is_not_drawn() -> None:
    image = gradient(320, 240)
    picture = Overlay(320, 240, PLAIN).draw(analysis(image, {1: (400, 10, 500, 90)}))
    assert np.array_equal(picture, image)


@pytest.mark.parametrize(("width", "height"), [(320, 240), (1280, 720), (360, 640)])
def test_the_strip_covers_at_most_a_fifth(width: int, height: int) -> None:
    image = gradient(width, height)
    rows = changed(image, Overlay(width, height).draw(analysis(image, {}))).any(axis=1)
    assert 0 < rows.sum() <= 0.2 * height
    assert rows[-1]


def label_region(box: Box, width: int = 320, height: int = 240) -> Rect:
    """Where the label's near-white letters are: only there is the picture so bright."""
    image = gradient(width, height)
    picture = Overlay(width, height, PLAIN).draw(analysis(image, {1: box}))
    return extent(picture.min(axis=2) > 200)


def test_the_label_sits_on_the_box() -> None:
    region = label_region((120, 100, 150, 130))
    assert region.y1 <= 100
    assert region.y0 >= 80


def test_the_label_goes_below_when_the_box_touches_the_top() -> None:
    assert label_region((120, 2, 150, 40)).y0 >= 40


def test_the_label_goes_inside_when_the_box_fills_the_height() -> None:
    region = label_region((60, -10, 250, 260))
    assert 0 <= region.y0 < 20


@example(x=0, y=201, width=282, height=8, reliability=0.1)  # behind the strip
@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(-100, 310),
    y=st.floats(-100, 230),
    width=st.floats(8, 400),
    height=st.floats(8, 400),
    reliability=st.sampled_from([0.1, 0.9]),
)
def test_the_whole_label_is_inside_the_frame(
    x: float, y: float, width: float, height: float, reliability: float
) -> None:
    image = gradient(320, 240)
    overlay = Overlay(320, 240)
    placed: list[Rect] = []
    original = overlay._draw_label

    def spy(picture: Image, rect: Rect, *rest: object) -> None:
        placed.append(rect)
        original(picture, rect, *rest)  # type: ignore[arg-type]

    overlay._draw_label = spy  # type: ignore[method-assign]
    box = (x, y, x + width, y + height)
    overlay.draw(analysis(image, {1: box}, reliability=reliability))
    if x + width > 0.5 and y + height > 0.5:
        assert placed
    for rect in placed:
        assert rect.within(Rect(0, 0, 320, 200))


def strokes(box: Box, reliability: float) -> np.ndarray:
    """Which pixels along the left side of the box show the face's colour."""
    picture = Overlay(640, 360, PLAIN).draw(
        analysis(gradient(640, 360), {1: box}, reliability=reliability)
    )
    x, y0, y1 = round(box[0]), round(box[1]) + 20, round(box[3]) - 20
    return np.abs(picture[y0:y1, x].astype(int) - PALETTE[0]).max(axis=1) < 60


def test_an_uncertain_face_has_a_dashed_box() -> None:
    box: Box = (200, 60, 320, 240)
    assert strokes(box, 0.9).all()
    dashed = strokes(box, 0.1)
    assert 0.25 < dashed.mean() < 0.75
    assert np.count_nonzero(np.diff(dashed.astype(int))) >= 8


def test_a_label_that_is_kept_while_another_is_more_probable_says_so() -> None:
    seen = analysis(gradient(640, 360), {1: (200, 60, 320, 240)}, reliability=0.9)
    (one,) = seen.predictions
    kept = replace(one, shown=int(one.probabilities.argmin()))
    overlay = Overlay(640, 360, PLAIN)
    (item,) = overlay._items(replace(seen, predictions=(kept,)))
    assert item.uncertain
    words = f"{kept.expression}?", f"{100 * kept.share:.0f}%  uncertain"
    assert overlay._captions(item)[0] == words


def test_an_uncertain_label_says_so() -> None:
    box: Box = (200, 60, 320, 240)
    certain, uncertain = (
        [
            caption
            for item in Overlay(640, 360)._items(
                analysis(gradient(640, 360), {1: box}, reliability=reliability)
            )
            for caption in Overlay(640, 360)._captions(item)
        ]
        for reliability in (0.9, 0.1)
    )
    assert certain[0] == ("happiness", "87%")
    assert uncertain[0] == ("happiness?", "87%  uncertain")


def colour_of(picture: Image, box: Box) -> tuple[int, ...]:
    x, y = round(box[0]), round((box[1] + box[3]) / 2)
    patch = picture[y, x - 2 : x + 3].astype(int)
    distance = [np.abs(patch - colour).sum(axis=1).min() for colour in PALETTE]
    return PALETTE[int(np.argmin(distance))]


def colours_of(overlay: Overlay, boxes: dict[int, Box], index: int = 0) -> list[tuple[int, ...]]:
    picture = overlay.draw(analysis(gradient(640, 360), boxes, index=index))
    return [colour_of(picture, box) for box in boxes.values()]


def columns(ids: Sequence[int]) -> dict[int, Box]:
    return {face: (20 + 75 * n, 120, 70 + 75 * n, 180) for n, face in enumerate(ids)}


def test_every_face_has_a_colour_of_its_own() -> None:
    assert len(set(colours_of(Overlay(640, 360), columns(range(1, 9))))) == 8
    assert len(set(colours_of(Overlay(640, 360), columns([1, 9, 17])))) == 3


def test_a_face_keeps_its_colour_while_others_come_and_go() -> None:
    overlay = Overlay(640, 360)
    first = colours_of(overlay, columns([1, 9]), 0)
    assert colours_of(overlay, columns([9]), 1) == first[1:]
    assert colours_of(overlay, columns([1, 9, 10]), 2)[:2] == first


def test_a_face_has_the_colour_that_was_chosen_and_its_own_again() -> None:
    overlay = Overlay(640, 360)
    assert colours_of(overlay, columns([1, 2]), 0) == [PALETTE[0], PALETTE[1]]
    overlay.name_faces({}, {1: 5, 3: 6})
    assert colours_of(overlay, columns([1, 2, 3]), 1) == [PALETTE[5], PALETTE[1], PALETTE[6]]
    overlay.name_faces({}, {})
    assert colours_of(overlay, columns([1, 2, 3]), 2) == list(PALETTE[:3])


def test_a_name_stands_in_place_of_the_number() -> None:
    image, box = gradient(640, 360), {1: (100.0, 120.0, 260.0, 280.0)}
    overlay = Overlay(640, 360)
    before = overlay.draw(analysis(image, box))
    names = ("Anna", "A" * 15 + "…", "A" * 16, "A" * 17, "A" * 60)
    drawn = []
    for index, name in enumerate(names):
        overlay = Overlay(640, 360)
        overlay.name_faces({1: name}, {})
        drawn.append(overlay.draw(analysis(image, box, index=index)))
        del overlay
    label, strip = (slice(90, 120), slice(100, 400)), (slice(306, 360), slice(560, 640))
    assert changed(before[label], drawn[0][label]).any()
    assert (drawn[0][label] == PALETTE[0]).all(axis=2).sum() > (before[label] == PALETTE[0]).all(
        axis=2
    ).sum()
    assert changed(drawn[1][label], drawn[2][label]).any()
    assert not changed(drawn[1][label], drawn[3][label]).any()
    assert not changed(drawn[3][label], drawn[4][label]).any()
    assert (drawn[0][strip] == PALETTE[0]).all(axis=2).any()


def test_colours_are_forgotten_with_their_faces() -> None:
    overlay = Overlay(160, 120, OverlayConfig(timeline_s=0.2))
    image = gradient(160, 120)
    for index in range(300):
        overlay.draw(analysis(image, {index + 1: (40, 40, 80, 80)}, index=index))
    assert len(overlay._colours) <= 10


def test_class_bars_are_left_out_for_a_small_face() -> None:
    image = gradient(640, 360)
    small = changed(
        image, Overlay(640, 360, PLAIN).draw(analysis(image, {1: (300, 150, 330, 185)}))
    )
    large = changed(image, Overlay(640, 360, PLAIN).draw(analysis(image, {1: (300, 50, 400, 185)})))
    assert small.sum() < 6000
    assert large.sum() > 12000


def test_labels_keep_off_other_faces() -> None:
    image = gradient(640, 360)
    boxes: dict[int, Box] = {1: (200, 60, 280, 150), 2: (210, 160, 290, 250)}
    picture = Overlay(640, 360, PLAIN).draw(analysis(image, boxes))
    for x0, y0, x1, y1 in boxes.values():
        face = np.s_[round(y0) + 12 : round(y1) - 12, round(x0) + 12 : round(x1) - 12]
        assert np.array_equal(picture[face], image[face])


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_in_any_crowd_no_label_covers_a_face_or_another_label(data: st.DataObject) -> None:
    side = st.integers(12, 120)
    boxes: dict[int, Box] = {}
    for face in range(1, data.draw(st.integers(2, 14)) + 1):
        x, y = data.draw(st.integers(-30, 300)), data.draw(st.integers(-30, 220))
        boxes[face] = (x, y, x + data.draw(side), y + data.draw(side))
    plates: list[tuple[int, Rect]] = []

    class Told(Overlay):
        def _draw_label(self, picture, rect, item, caption):  # type: ignore[no-untyped-def]
            plates.append((item.track.id, rect))

    Told(320, 240, PLAIN).draw(analysis(gradient(320, 240), boxes))
    for at, (face, plate) in enumerate(plates):
        assert not any(plate.overlaps(other) for _, other in plates[:at])
        for other, (x0, y0, x1, y1) in boxes.items():
            if other != face:
                w, h = 0.07 * (x1 - x0), 0.07 * (y1 - y0)  # a box is wider than its face
                core = Rect(round(x0 + w), round(y0 + h), round(x1 - w), round(y1 - h))
                assert not plate.overlaps(core)


def test_landmarks_are_drawn_on_request() -> None:
    image = gradient(640, 360)
    shown = OverlayConfig(timeline=False, landmarks=True)
    faces = analysis(image, {1: (300, 50, 400, 185)})
    without = Overlay(640, 360, PLAIN).draw(faces)
    with_points = Overlay(640, 360, shown).draw(faces)
    mask = changed(without, with_points)
    assert mask.any()
    assert extent(mask).within(Rect(295, 45, 405, 190))


def test_a_label_does_not_flicker_at_the_edge() -> None:
    overlay = Overlay(640, 360, PLAIN)
    image = gradient(640, 360)
    ends = []
    for index in range(24):
        y = 19 + 2 * (index % 2)  # one of the two leaves room above
        picture = overlay.draw(analysis(image, {1: (300, y, 340, y + 60)}, index=index))
        dark = (picture == INK).all(axis=2)
        ends.append(bool(dark[:15].sum() > 200))
    assert sum(a != b for a, b in pairwise(ends)) <= 2


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"frame: expected \(240, 320\), got \(10, 10\)"):
        Overlay(320, 240).draw(analysis(gradient(10, 10), {}))


@pytest.mark.parametrize("size", [(1, 1), (16, 9), (64, 400), (400, 64)])
def test_odd_sizes_are_drawn(size: tuple[int, int]) -> None:
    image = gradient(*size)
    picture = Overlay(*size).draw(analysis(image, {1: (1, 1, size[0], size[1])}))
    assert picture.shape == image.shape


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"uncertain_below": 1.5}, "overlay.uncertain_below"),
        ({"uncertain_below": float("nan")}, "overlay.uncertain_below"),
        ({"timeline_s": 0.0}, "overlay.timeline_s"),
    ],
)
def test_bad_settings_are_named(settings_: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OverlayConfig(**settings_)  # type: ignore[arg-type]


def one(prediction: Prediction, config: OverlayConfig = PLAIN) -> np.ndarray:
    """Where the drawing of one face changes a picture."""
    image, box = gradient(640, 360), (200, 100, 300, 220)
    track = Track(1, np.array(box, np.float32), points_in(box), 0.9)
    overlay = Overlay(640, 360, config)
    return changed(image, overlay.draw(Analysis(Frame(0, 0.0, image), (track,), (prediction,), {})))


def test_bars_have_a_row_for_each_of_the_networks_classes() -> None:
    heights = []
    for count in (2, 3, 12):
        shares = np.full(count, 1 / count, np.float32)
        labels = tuple(f"class {number}" for number in range(count))
        mask = one(Prediction(1, shares, 0.0, 0.0, 0.9, labels))
        beside = mask[:, 310:]
        heights.append(int(beside.any(axis=1).sum()))
    assert heights[1] - heights[0] == pytest.approx((heights[2] - heights[1]) / 9, abs=1)


def test_without_expressions_the_label_says_valence_and_arousal() -> None:
    nothing = np.zeros(0, np.float32)
    known = one(Prediction(1, nothing, 0.31, -0.12, None, ()))
    unknown = one(Prediction(1, nothing, None, None, None, ()))
    assert known[70:95, 230:].any()  # words behind the id
    assert not unknown[70:95, 230:].any()
    assert not known[120:, 310:].any()  # no bars
