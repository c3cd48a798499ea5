"""Markers in the bar: a click sets one; beside the arrow are its text, and one that lasts."""

from typing import Final

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QLineEdit, QMenu, QToolButton, QWidget, QWidgetAction

from app.window.actions import key_of, with_key
from app.window.texts import literal, tip

_ARROW_PX = 16
_AROUND_PX = 12
MOST_PX: Final = 160  # of a text


class MarkerChip(QToolButton):
    """Sets the marker of one key."""

    edited = pyqtSignal(str)  # the marker's new text
    key_changed = pyqtSignal()

    def __init__(
        self, number: int, action: QAction, lasting: QAction, parent: QWidget | None = None
    ) -> None:
        """Make it.

        Args:
            number: Of the marker; what it is called where its action has no key.
            action: Sets it.
            lasting: Begins one that lasts, and ends it.
            parent: Owns the chip.
        """
        super().__init__(parent)
        self._number, self._action, self._lasting = number, action, lasting
        self._key, self._words, self._running = "", "", False
        self._most_px = MOST_PX
        self.field = QLineEdit()
        self.field.textEdited.connect(self.edited)
        self.text_menu = QMenu(self)
        holder = QWidgetAction(self.text_menu)
        holder.setDefaultWidget(self.field)
        self.text_menu.addAction(holder)
        self.text_menu.addAction(lasting)
        self.text_menu.aboutToShow.connect(self._to_field)
        self.field.returnPressed.connect(self.text_menu.close)
        self.setMenu(self.text_menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(action.trigger)
        action.changed.connect(self._follow)
        lasting.changed.connect(self._show)
        self._follow()

    def _follow(self) -> None:
        """Show the key that its action has now."""
        key = key_of(self._action) or str(self._number)
        if key != self._key:
            self._key = key
            self.field.setAccessibleName(self.tr("Text of the marker {key}").format(key=key))
            self._show()
            self.key_changed.emit()

    def _to_field(self) -> None:
        self.field.setText(self._words)
        self.field.selectAll()
        self.field.setFocus()

    def show_words(self, words: str, *, running: bool = False) -> None:
        """Show a marker's text, and whether it has begun and not ended."""
        if (words, running) != (self._words, self._running):
            self._words, self._running = words, running
            self._show()

    @property
    def running(self) -> bool:
        """It has begun and not ended."""
        return self._running

    def set_most(self, most_px: int) -> None:
        """Show so much of the text, pixels; with 0 the key alone."""
        if most_px != self._most_px:
            self._most_px = most_px
            self._show()

    def width_for(self, most_px: int) -> int:
        """Say how wide it is with so much of the text, pixels."""
        return self.fontMetrics().horizontalAdvance(self._said(most_px)) + (
            _ARROW_PX + 2 * _AROUND_PX
        )

    def sizeHint(self) -> QSize:
        """Ask for room for the words and the arrow."""
        return QSize(self.width_for(self._most_px), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Never less than that."""
        return self.sizeHint()

    def _said(self, most_px: int) -> str:
        key = f"\N{BLACK CIRCLE} {self._key}" if self._running else self._key
        if not most_px or not self._words:
            return key
        metrics, way = self.fontMetrics(), Qt.TextElideMode.ElideRight
        return f"{key} {metrics.elidedText(self._words, way, most_px)}"

    def _show(self) -> None:
        self.setText(literal(self._said(self._most_px)))
        words = self.tr("Mark: {text} ({key})").format(text=self._words or self._key, key=self._key)
        if self._running:
            lasts = self.tr("{text} lasts until its key is pressed again")
            words = with_key(lasts.format(text=self._words or self._key), self._lasting)
        self.setToolTip(tip(words))
        self.setAccessibleName(words)
        self.updateGeometry()
