"""Actions: declared in a record, made and wired once."""

from dataclasses import dataclass

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QWidget

from app.window.actions import action, actions, make_actions


@dataclass(frozen=True, slots=True)
class Some:
    go: QAction = action("&Go", "Ctrl+G Ctrl+H")
    on: QAction = action("On", "O", checkable=True)
    numbers: tuple[QAction, ...] = actions({1: ("one", "1"), 2: ("two", "")})


@pytest.fixture
def done():
    return []


@pytest.fixture
def made(qtbot, done):
    widget = QWidget()
    qtbot.addWidget(widget)
    intents = {
        "go": lambda: done.append("gone"),
        "on": lambda on: done.append(on),
        "numbers": lambda number: done.append(number),
    }
    made = make_actions(Some, widget, intents)
    widget.show()
    widget.activateWindow()
    return widget, made


def test_each_does_what_is_asked_of_it(made, done):
    _, some = made
    some.go.trigger()
    some.on.trigger()
    some.on.trigger()
    for number in some.numbers:
        number.trigger()
    assert done == ["gone", True, False, 1, 2]


def test_every_one_of_its_keys_works_in_the_window(qtbot, made, done):
    widget, _ = made
    for key in (Qt.Key.Key_G, Qt.Key.Key_H):
        qtbot.keyClick(widget, key, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(widget, Qt.Key.Key_1)
    assert done == ["gone", "gone", 1]


def test_a_choice_says_what_it_is(made):
    _, some = made
    assert [number.text() for number in some.numbers] == ["one", "two"]
    assert some.on.isCheckable()
    assert not some.go.isCheckable()


@pytest.mark.parametrize("names", [("go", "on"), ("go", "on", "numbers", "off")])
def test_an_action_without_intent_or_an_intent_without_action_is_a_bug(qtbot, names):
    widget = QWidget()
    qtbot.addWidget(widget)
    with pytest.raises(ValueError, match=r"Some: .*\['(numbers|off)'\]"):
        make_actions(Some, widget, dict.fromkeys(names, print))
