"""The one kind of message of the window: a symbol, a sentence, what can be done, Close."""

from collections.abc import Callable, Sequence
from typing import Literal

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QStyle, QWidget

from app.window.theme import GRID_PX

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
        self.label = QLabel()
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.label.setAccessibleName(self.tr("Message"))
        self.label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.buttons = tuple(QPushButton() for _ in range(offers))
        self.close_button = QPushButton(self.tr("Close"))
        self.close_button.setAccessibleName(self.tr("Close the message"))
        self.close_button.clicked.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID_PX, GRID_PX // 2, GRID_PX, GRID_PX // 2)
        row.setSpacing(GRID_PX)
        row.addWidget(self.symbol)
        row.addWidget(self.label, 1)
        for place, button in enumerate(self.buttons):
            button.clicked.connect(lambda _, place=place: self._clicked(place))
            row.addWidget(button)
        row.addWidget(self.close_button)
        self.hide()

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
