import pytest

from app.live.state import LiveState
from app.window.panels.performance import PerformancePanel


@pytest.fixture
def panel(qtbot):
    made = PerformancePanel()
    qtbot.addWidget(made)
    made.show()
    return made


def test_figures_are_those_of_the_session(panel, make_live):
    live = make_live(frames=47)
    panel.refresh(live)
    assert panel.p50.text() == "24 ms"
    assert panel.dropped.text() == "3 (6 %)"
    assert panel.frames.text() == "47"
    assert (panel.device.text(), panel.model.text()) == ("cpu", "poster-rt")
    assert panel.fps.text().endswith(" fps")


def test_before_the_first_frame_there_are_dashes(panel):
    panel.refresh(LiveState())
    for value in (panel.fps, panel.p50, panel.p95, panel.device):
        assert value.text() == "\N{EN DASH}"


def test_figures_change_four_times_a_second(qtbot, make_live):
    now = [0.0]
    panel = PerformancePanel(clock=lambda: now[0])
    qtbot.addWidget(panel)
    panel.show()
    panel.refresh(make_live(frames=5))
    now[0] = 0.1
    panel.refresh(make_live(frames=9))
    assert panel.frames.text() == "5"
    now[0] = 0.3
    panel.refresh(make_live(frames=9))
    assert panel.frames.text() == "9"
