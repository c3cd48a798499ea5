from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.drawing.shapes import PALETTE, Rect
from engine.drawing.timeline import FACES, SAMPLES, Timeline, Trace, spread
from engine.types import Image, Prediction

EVEN = np.full(8, 0.125, np.float32)
COLOURS = {face: PALETTE[face % 8] for face in range(100)}


def face(track_id: int, valence: float = 0.0, arousal: float = 0.0) -> Prediction:
    return Prediction(track_id, EVEN, valence, arousal, 0.5)


def strip(seconds: float = 10.0) -> Timeline:
    return Timeline(Rect(0, 300, 640, 360), seconds, text=9, line=1.4)


def drawn(timeline: Timeline) -> Image:
    image = np.full((360, 640, 3), 90, np.uint8)
    timeline.draw(image, COLOURS)
    return image


def ink(timeline: Timeline) -> np.ndarray:
    """Where the strip differs from an empty one."""
    return (drawn(timeline) != drawn(strip())).any(axis=2)


def test_memory_is_bounded_over_many_updates() -> None:
    timeline = strip()
    for index in range(100_000):
        timeline.update(index / 1000, [face(1)])
    assert SAMPLES // 2 < timeline.samples <= SAMPLES


def test_memory_is_bounded_over_many_faces() -> None:
    timeline = strip()
    for index in range(20_000):
        timeline.update(index / 1000, [face(index)])
    assert len(timeline.face_ids) == FACES
    assert timeline.face_ids[-1] == 19_999


def test_the_whole_window_is_kept_at_a_high_rate() -> None:
    trace = Trace(10 / (SAMPLES - 1))
    for index in range(20 * 240):
        trace.add(index, index / 240, 0.0, 0.0)
    runs = trace.runs(10.0)
    assert len(runs) == 1
    assert runs[0][0, 0] <= 10.1
    assert runs[0][-1, 0] == pytest.approx((20 * 240 - 1) / 240)


def test_absence_leaves_a_gap() -> None:
    trace = Trace(0.0)
    for update in (1, 2, 3, 7, 8):
        trace.add(update, update / 25, 0.1, 0.2)
    assert [len(run) for run in trace.runs(0.0)] == [3, 2]


def test_a_slow_source_has_no_gaps() -> None:
    trace = Trace(0.0)
    for update in range(5):
        trace.add(update, 3.0 * update, 0.1, 0.2)
    assert [len(run) for run in trace.runs(-1.0)] == [5]


def test_old_samples_leave_the_window() -> None:
    timeline = strip(seconds=1.0)
    timeline.update(0.0, [face(1)])
    timeline.update(0.5, [face(2)])
    assert timeline.face_ids == (1, 2)
    timeline.update(1.4, [])
    assert timeline.face_ids == (2,)
    timeline.update(9.0, [])
    assert timeline.face_ids == ()
    assert timeline.samples == 0


def test_time_running_back_starts_anew() -> None:
    timeline = strip()
    timeline.update(5.0, [face(1)])
    timeline.update(1.0, [face(2)])
    assert timeline.face_ids == (2,)


@pytest.mark.parametrize(("valence", "rows"), [(1.0, (300, 316)), (-1.0, (344, 360))])
def test_pleasant_is_up(valence: float, rows: tuple[int, int]) -> None:
    timeline = strip()
    for index in range(100):
        timeline.update(index / 25, [face(1, valence, valence)])
    mask = ink(timeline)
    assert mask.any()
    assert mask[rows[0] : rows[1]].sum() == mask.sum()


def test_values_out_of_range_stay_on_the_strip() -> None:
    timeline = strip()
    for index in range(100):
        timeline.update(index / 25, [face(1, 40.0, -40.0)])
    assert not ink(timeline)[:300].any()


def test_the_curve_scrolls_left() -> None:
    timeline = strip()
    rightmost = []
    for index in range(200):
        timeline.update(index / 25, [face(1)] if index < 50 else [])
        if index in (60, 120, 180):
            rightmost.append(int(np.flatnonzero(ink(timeline).any(axis=0))[-1]))
    assert rightmost[0] > rightmost[1] > rightmost[2]
    assert rightmost[0] - rightmost[1] == pytest.approx(rightmost[1] - rightmost[2], abs=2)


def coverage(timeline: Timeline, above_zero: bool) -> float:
    columns = ink(timeline)[300 : 328 if above_zero else 360, 300:500]
    if not above_zero:
        columns = columns[32:]
    return float(columns.any(axis=0).mean())


def test_valence_is_solid_and_arousal_dashed() -> None:
    timeline = strip()
    for index in range(260):
        timeline.update(index / 25, [face(1, 0.7, -0.7)])
    assert coverage(timeline, above_zero=True) == 1.0
    assert 0.4 < coverage(timeline, above_zero=False) < 0.9


def test_arousal_is_dashed_at_a_low_rate_too() -> None:
    timeline = strip()
    for index in range(12):
        timeline.update(float(index), [face(1, 0.7, -0.7)])
    assert 0.4 < coverage(timeline, above_zero=False) < 0.9


def test_each_face_has_its_own_colour() -> None:
    timeline = strip()
    for index in range(100):
        timeline.update(index / 25, [face(1, 0.8, 0.8), face(2, -0.8, -0.8)])
    picture = drawn(timeline).astype(int)
    for row in (slice(300, 318), slice(342, 360)):
        shown = PALETTE[1] if row.start == 300 else PALETTE[2]
        other = PALETTE[2] if row.start == 300 else PALETTE[1]
        assert (np.abs(picture[row] - shown).max(axis=2) < 12).any()
        assert not (np.abs(picture[row] - other).max(axis=2) < 12).any()


def test_only_the_strip_is_touched() -> None:
    timeline = strip()
    timeline.update(0.0, [face(1, 1.0, 1.0)])
    assert (drawn(timeline)[:300] == 90).all()


@given(st.lists(st.floats(0, 100), min_size=1, max_size=10))
def test_spread_marks_are_apart_in_order_and_inside(rows: list[float]) -> None:
    placed = spread(rows, 10.0, 100.0)
    assert all(4.999 <= row <= 95.001 for row in placed)
    ordered = [placed[index] for index in np.argsort(rows, kind="stable")]
    assert all(b - a >= 9.999 for a, b in pairwise(ordered))


def test_marks_with_room_stay_where_they_are() -> None:
    assert spread([80.0, 20.0, 50.0], 10.0, 100.0) == [80.0, 20.0, 50.0]


def derived(reliability: float, valence: float = 0.5) -> Prediction:
    return Prediction(1, EVEN, valence, valence, reliability, derived=True)


def coloured(image: Image) -> bool:
    return bool((np.ptp(image.astype(int), axis=2) > 60).any())


def test_what_follows_from_an_uncertain_class_is_grey() -> None:
    sure, unsure, taught = strip(), strip(), strip()
    for index in range(100):
        sure.update(index / 25, [derived(0.5)], 0.3)
        unsure.update(index / 25, [derived(0.2)], 0.3)
        taught.update(index / 25, [Prediction(1, EVEN, 0.5, 0.5, 0.2)], 0.3)
    plot = slice(300, 360), slice(300, 600)
    assert coloured(drawn(sure)[plot])
    assert coloured(drawn(taught)[plot])
    assert not coloured(drawn(unsure)[plot])


def test_curve_changes_its_colour_where_doubt_begins() -> None:
    timeline = strip(4.0)
    for index in range(100):
        timeline.update(index / 25, [derived(0.5 if index < 50 else 0.2)], 0.3)
    image = drawn(timeline)[300:360]
    assert coloured(image[:, 200:330])
    assert not coloured(image[:, 380:610])


def test_strip_says_that_its_numbers_are_derived() -> None:
    plain, marked = strip(), strip()
    plain.update(0.0, [face(1)])
    marked.update(0.0, [derived(0.9, 0.0)])
    keys = (drawn(plain) != drawn(marked)).any(axis=2)[:, :70]
    assert keys.any()


def test_face_without_valence_and_arousal_has_no_curve() -> None:
    timeline = strip()
    timeline.update(0.0, [Prediction(1, EVEN, None, None, 0.5)])
    assert timeline.face_ids == ()
