"""Keys that a widget needs itself are not taken by a window's actions: WCAG 2.1.1.

A window's action with the key Space would else be pressed instead of the button that has the focus.
"""

from collections.abc import Callable, Mapping
from typing import Final

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QLabel,
    QMenuBar,
    QTabBar,
    QWidget,
)

_Key = Qt.Key
_ARROWS: Final = frozenset({_Key.Key_Left, _Key.Key_Right, _Key.Key_Up, _Key.Key_Down})
_ENDS: Final = frozenset({_Key.Key_Home, _Key.Key_End, _Key.Key_PageUp, _Key.Key_PageDown})
_SPACE: Final = frozenset({_Key.Key_Space})
# What each kind of widget does something with; a list is gone through from its top.
_OWN: Final[tuple[tuple[type[QWidget], frozenset[Qt.Key]], ...]] = (
    (QAbstractButton, _SPACE),
    (QComboBox, _SPACE | _ARROWS | _ENDS),
    (QAbstractSlider, _ARROWS | _ENDS),
    (QTabBar, _ARROWS | _ENDS),
    (QMenuBar, _SPACE | _ARROWS | {_Key.Key_Escape}),
    (QLabel, _ARROWS | _ENDS),
)
_WAITS: Final = "waits for the focus"
_NO_KEYS: Final = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


def keep_own_key(event: QEvent | None) -> bool:
    """Let the widget with the focus have a key that it does something with; for a window's `event`.

    Returns:
        True if the event is taken: the key goes to the widget.
    """
    if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.ShortcutOverride:
        return False
    widget = QApplication.focusWidget()
    if widget is None or event.modifiers() & _NO_KEYS:
        return False
    looks_for_row = isinstance(widget, QComboBox) and event.text().isalnum()
    if looks_for_row or event.key() in own_keys(widget):
        event.accept()
        return True
    return False


def own_keys(widget: QWidget) -> frozenset[Qt.Key]:
    """Give the keys without Ctrl and Alt that a widget does something with itself."""
    return next((keys for kind, keys in _OWN if isinstance(widget, kind)), frozenset())


def enable(widget: QWidget, on: bool) -> None:
    """Enable a widget or not; the focus of one that is disabled waits until it is enabled again.

    Qt hands it to the neighbour: Space, meant for the film, would press that or overwrite its text.
    """
    if on == widget.isEnabledTo(widget.parentWidget()):
        return
    window = widget.window()
    focused = None if window is None else window.focusWidget()
    if not on and focused is widget:
        widget.clearFocus()
        widget.setProperty(_WAITS, True)
    widget.setEnabled(on)
    if on and widget.property(_WAITS):
        widget.setProperty(_WAITS, False)
        if focused is None:
            widget.setFocus(Qt.FocusReason.OtherFocusReason)


class OwnKeys(QObject):
    """Gives a widget keys that no action of the window takes while it has the focus."""

    def __init__(self, widget: QWidget, keys: Mapping[Qt.Key, Callable[[], object]]) -> None:
        """Listen to the widget.

        Args:
            widget: It; owns this.
            keys: What each key does.
        """
        super().__init__(widget)
        self._keys = dict(keys)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take the keys."""
        if not isinstance(event, QKeyEvent) or event.modifiers() & _NO_KEYS:
            return False
        act = self._keys.get(event.key())  # type: ignore[call-overload]  # keys are whole numbers
        if act is None:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress:
            act()
            return True
        return False
