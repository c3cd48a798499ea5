import pytest

from app.live.state import LiveState
from app.window.panels.panel import Panel
from app.window.theme import DARK, LIGHT, apply_theme


class Counting(Panel):
    every_s = 0.1

    def __init__(self, **options):
        super().__init__(**options)
        self.shown = []
        self.styled = []

    def show_state(self, live):
        self.shown.append(live.device)

    def restyle(self):
        self.styled.append(self.theme)


@pytest.fixture
def make(qtbot):
    def make(**options):
        panel = Counting(**options)
        qtbot.addWidget(panel)
        panel.show()
        return panel

    return make


def state(device):
    live = LiveState()
    live.device = device
    return live


def test_what_comes_too_soon_is_shown_late_and_only_the_last(make, qtbot):
    panel = make(clock=lambda: 5.0)
    for device in "abc":
        panel.refresh(state(device))
    assert panel.shown == ["a"]
    qtbot.waitUntil(lambda: len(panel.shown) > 1)
    assert panel.shown == ["a", "c"]
    assert not panel.waiting


def test_after_its_time_a_state_is_shown_at_once(make):
    now = [0.0]
    panel = make(clock=lambda: now[0])
    panel.refresh(state("a"))
    now[0] = 0.11
    panel.refresh(state("b"))
    assert panel.shown == ["a", "b"]


def test_hidden_it_does_nothing_and_shown_it_catches_up(make):
    panel = make()
    panel.hide()
    panel.refresh(state("a"))
    assert panel.shown == []
    panel.show()
    assert panel.shown == ["a"]


def test_a_new_theme_restyles_once(make, qapp):
    apply_theme(qapp, "light")
    panel = make()
    apply_theme(qapp, "dark")
    assert panel.styled == [DARK]
    apply_theme(qapp, "dark")
    assert panel.styled == [DARK]
    apply_theme(qapp, "light")
    assert panel.styled == [DARK, LIGHT]
