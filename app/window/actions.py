"""Everything the user can do from menu, toolbar and keyboard: one frozen record of actions."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

from PyQt6.QtCore import QCoreApplication
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QWidget

# Name to text and key; an empty key has none.
TEXTS: Final[dict[str, tuple[str, str]]] = {
    "open_file": ("&Open file…", "Ctrl+O"),
    "open_stream": ("Open &network stream…", "Ctrl+U"),
    "open_screen": ("Look at the &screen", "Ctrl+Shift+G"),
    "open_session": ("Open &recording…", "Ctrl+Shift+O"),
    "close_source": ("&Close source", "Ctrl+W"),
    "quit": ("&Quit", "Ctrl+Q"),
    "play_pause": ("&Play or pause", "Space"),
    "step_back": ("One frame &back", ","),
    "step_on": ("One frame &on", "."),
    "back": ("&5 seconds back", "Left"),
    "forward": ("5 seconds &forward", "Right"),
    "mirror": ("&Mirror cameras", "M"),
    "landmarks": ("&Landmarks", "L"),
    "head_axes": ("&Head axes", "H"),
    "follow_largest": ("&Follow the largest face", "Esc"),
    "full_screen": ("F&ull screen", "F11"),
    "settings": ("&Settings…", "Ctrl+,"),
    "privacy": ("What the numbers &mean, and privacy", "F1"),
    "about": ("&About fer-live", ""),
}
CHECKED: Final = frozenset({"mirror", "landmarks", "head_axes", "full_screen"})


@dataclass(frozen=True, slots=True)
class Actions:
    """The window's actions, by name."""

    open_file: QAction
    open_stream: QAction
    open_screen: QAction
    open_session: QAction
    close_source: QAction
    quit: QAction
    play_pause: QAction
    step_back: QAction
    step_on: QAction
    back: QAction
    forward: QAction
    mirror: QAction
    landmarks: QAction
    head_axes: QAction
    follow_largest: QAction
    full_screen: QAction
    settings: QAction
    privacy: QAction
    about: QAction

    @property
    def playing(self) -> tuple[QAction, ...]:
        """What moves a file."""
        return (self.play_pause, self.step_back, self.step_on, self.back, self.forward)

    @property
    def drawing(self) -> tuple[QAction, ...]:
        """What is drawn, and how."""
        return (self.mirror, self.landmarks, self.head_axes)

    @property
    def showing(self) -> tuple[QAction, ...]:
        """What else the view shows."""
        return (self.follow_largest, self.full_screen)

    def named(self) -> dict[str, QAction]:
        """Give them by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def make_actions(parent: QWidget, intents: dict[str, Callable[..., object]]) -> Actions:
    """Make the actions and connect each to what it asks for.

    Args:
        parent: Owns them.
        intents: What to call, by name; those in `CHECKED` get the new state.
    """
    made = {}
    for name, (text, key) in TEXTS.items():
        action = QAction(QCoreApplication.translate("Actions", text), parent)
        action.setShortcut(QKeySequence(key))
        action.setCheckable(name in CHECKED)
        (action.toggled if name in CHECKED else action.triggered).connect(intents[name])
        parent.addAction(action)
        made[name] = action
    return Actions(**made)
