import numpy as np
import pytest
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from app.session.review import open_review
from app.window.review.timelines import Timelines
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
