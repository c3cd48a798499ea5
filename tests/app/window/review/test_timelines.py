from itertools import pairwise

import numpy as np
import pytest
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from app.session.folder import Marker
from app.session.review import Review, open_review
from app.window.review import timelines as timelines_module
from app.window.review.timelines import Timelines
from app.window.theme import apply_theme
from scripts.benches.review import write_recording


@pytest.fixture
def timelines(qtbot, tmp_path):
    write_recording(tmp_path / "records.csv", 5, 1)  # 9000 frames
    window = QWidget()  # pyqtgraph takes a plot apart that is closed by itself
    layout = QVBoxLayout(window)
    made = Timelines()
    layout.addWidget(made)
    qtbot.addWidget(window)
    window.resize(700, 300)
    window.show()
    qtbot.waitExposed(window)
    made.show_review(open_review(tmp_path / "records.csv"), anew=True)
    made.grab()
    yield made
    window.close()


def drawn(timelines):
    return [curve.curve.getData() for curve in timelines.curves.values()]


def test_a_long_curve_is_drawn_with_a_low_and_a_high_for_each_column(timelines):
    whole = [curve.getOriginalDataset() for curve in timelines.curves.values()]
    for (times, values), (_, all_values) in zip(drawn(timelines), whole, strict=True):
        assert len(all_values) == 9000
        assert 600 < len(times) <= 2 * 720
        assert np.ptp(values) == pytest.approx(np.ptp(all_values), abs=0.05)  # no peak is lost


def test_close_up_every_frame_is_drawn_and_nothing_beside(timelines):
    timelines.zoom(1 / 60, 150.0)  # five seconds
    timelines.grab()
    for times, _ in drawn(timelines):
        assert 150 <= len(times) <= 154


def test_of_many_faces_the_longest_and_the_chosen_one_have_curves(qtbot, write_records):
    count = timelines_module.CURVES + 5
    frames = [
        (n / 10, {face: ("fear", 0.1, 0.2) for face in range(1, count + 1) if n == 0 or face > 5})
        for n in range(2)
    ]
    review = open_review(write_records("rows.csv", frames))
    timelines = Timelines()
    qtbot.addWidget(timelines)
    timelines.show_review(review, anew=True)
    assert {face for _, face in timelines.curves} == set(range(6, count + 1))
    timelines.show_chosen(3)
    assert {face for _, face in timelines.curves} == {3, *range(6, count + 1)}
    assert timelines.curves["valence", 3].getOriginalDataset()[1].tolist() == pytest.approx([0.1])


def test_markers_in_sight_are_named(qtbot, write_records, two_faces):
    opened = open_review(write_records("rows.csv", two_faces))
    markers = tuple(Marker(n / 100, f"marker {n}") for n in range(1000))
    timelines = Timelines()
    qtbot.addWidget(timelines)
    timelines.show_review(Review("many", opened.edits, markers=markers), anew=True)
    assert 0 < len(timelines.marker_words) <= timelines_module.WORDS
    timelines.plots[0].setXRange(4.995, 5.205, padding=0)
    names = {word.toPlainText() for word in timelines.marker_words}
    assert names >= {f"marker {n}" for n in range(502, 518)}
    assert names <= {f"marker {n}" for n in range(498, 523)}


def test_texts_of_markers_do_not_cover_each_other(qtbot, write_records, two_faces):
    opened = open_review(write_records("rows.csv", two_faces))
    markers = tuple(Marker(0.4 * n, f"a rather long note {n}") for n in range(20))
    window = QWidget()  # pyqtgraph takes a plot apart that is closed by itself
    layout = QVBoxLayout(window)
    made = Timelines()
    layout.addWidget(made)
    qtbot.addWidget(window)
    window.resize(900, 600)
    window.show()
    made.show_review(Review("many", opened.edits, markers=markers), anew=True)
    qtbot.waitUntil(lambda: len(made.marker_words) > 3)
    boxes = [word.mapRectToScene(word.boundingRect()) for word in made.marker_words]
    for at, box in enumerate(boxes):
        inner = box.adjusted(2, 4, -2, -4)  # without the margin around the letters
        assert not any(inner.intersects(other) for other in boxes[at + 1 :])


def test_no_name_lies_over_another_in_large_text(qtbot, qapp, timelines, write_records, two_faces):
    review = open_review(write_records("three.csv", two_faces))
    axis, window = timelines.bands.getAxis("left"), timelines.window()
    apply_theme(qapp, "dark", 100)
    timelines.show_review(review, anew=True)
    window.resize(700, 220)
    apply_theme(qapp, "dark", 200)
    qtbot.wait(100)
    rows_px = timelines.bands.vb.height() / len(review.faces)
    line = timelines.fontMetrics().height()
    (ticks,) = axis._tickLevels
    assert [words for _, words in ticks][:1] == ["face 1"]
    assert all(b[0] - a[0] >= line / rows_px - 1e-6 for a, b in pairwise(ticks))
    assert not timelines.plots[0].getAxis("left").label.isVisible()
    window.resize(700, 900)
    qtbot.waitUntil(lambda: len(axis._tickLevels[0]) == 3)
    assert timelines.plots[0].getAxis("left").label.isVisible()
    apply_theme(qapp, "dark", 100)
