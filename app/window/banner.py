"""The one kind of message of the window: a symbol, a sentence, what can be done, Close."""

from collections.abc import Callable, Sequence
from typing import Literal

from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QPushButton, QStyle, QWidget

from app.window.flow import Flow
from app.window.theme import GRID_PX
from app.window.wrapped import Wrapped

Tone = Literal["good", "bad"]
Offer = tuple[str, Callable[[], object]]


class Banner(QFrame):
    """Says one thing at a time until it is closed; hidden while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None, *, offers: int = 2) -> None:
        """Make it, hidden.

        Args:
            parent: Owns it.
            offers: Most that can be offered at once.
        """
        super().__init__(parent)
        self.setObjectName("banner")
        self._acts: list[Callable[[], object]] = []
        self.symbol = QLabel()
        self.label = Wrapped()
        self.label.setAccessibleName(self.tr("Message"))
        self.label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.buttons = tuple(QPushButton() for _ in range(offers))
        self.close_button = QPushButton(self.tr("Close"))
        self.close_button.setAccessibleName(self.tr("Close the message"))
        self.close_button.clicked.connect(self.clear)
        for place, button in enumerate(self.buttons):
            button.clicked.connect(lambda _, place=place: self._clicked(place))
        self._lay_out()
        self.hide()

    def _lay_out(self) -> None:
        self._whole = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._whole.setContentsMargins(GRID_PX, GRID_PX // 2, GRID_PX, GRID_PX // 2)
        words, self._offered = QHBoxLayout(), Flow(Qt.AlignmentFlag.AlignRight)
        for row in (self._whole, words):
            row.setSpacing(GRID_PX)
        words.addWidget(self.symbol)
        words.addWidget(self.label, 1)
        for button in (*self.buttons, self.close_button):
            self._offered.add(button)
        self._whole.addLayout(words, 1)
        self._whole.addWidget(self._offered)

    def _fit(self) -> None:
        """Put the buttons below the words, where those would have less than half the room."""
        buttons = self._offered.sizeHint().width()
        ways = QBoxLayout.Direction
        way = ways.TopToBottom if buttons > self.width() / 2 else ways.LeftToRight
        if self._whole.direction() != way:
            self._whole.setDirection(way)

    def event(self, event: QEvent | None) -> bool:
        """Find the room for other words, or in another size."""
        done = super().event(event)
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return done

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Find the room for all of it."""
        super().resizeEvent(event)
        self._fit()

    @property
    def button(self) -> QPushButton:
        """What is offered first."""
        return self.buttons[0]

    @property
    def text(self) -> str:
        """What is said; empty while hidden."""
        return self.label.text() if not self.isHidden() else ""

    def say(
        self, text: str, *, offers: Sequence[Offer] = (), tone: Tone = "good", closes: bool = True
    ) -> None:
        """Say something, instead of what was said before.

        Args:
            text: It.
            offers: No more than it was made for: the words of a button, and what that does.
            tone: ``bad`` where something went wrong.
            closes: It can be closed, without more.
        """
        self.label.setText(text)
        self._acts = [act for _, act in offers]
        for place, button in enumerate(self.buttons):
            button.setText(offers[place][0] if place < len(offers) else "")
            button.setVisible(place < len(offers))
        self.close_button.setVisible(closes)
        kinds = QStyle.StandardPixmap
        kind = kinds.SP_MessageBoxWarning if tone == "bad" else kinds.SP_MessageBoxInformation
        style = self.style()
        if style is not None:
            side = 2 * GRID_PX
            self.symbol.setPixmap(style.standardIcon(kind).pixmap(side, side))
            if self.property("tone") != tone:
                self.setProperty("tone", tone)
                style.unpolish(self)
                style.polish(self)
        self.setVisible(bool(text))

    def clear(self) -> None:
        """Say nothing."""
        self.say("")

    def _clicked(self, place: int) -> None:
        act = self._acts[place]
        self.clear()
        act()
