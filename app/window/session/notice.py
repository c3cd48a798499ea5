"""One line under the session's bar: what was saved, what went wrong; stays until it is closed."""

from collections.abc import Callable

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget


class Notice(QFrame):
    """Says one thing at a time; hidden while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make it, hidden."""
        super().__init__(parent)
        self.setObjectName("notice")
        self._act: Callable[[], object] | None = None
        self.label = QLabel()
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.label.setAccessibleName(self.tr("Message"))
        self.label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.button = QPushButton()
        self.button.clicked.connect(self._clicked)
        self.close_button = QPushButton(self.tr("Close"))
        self.close_button.setAccessibleName(self.tr("Close the message"))
        self.close_button.clicked.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(8)
        row.addWidget(self.label, 1)
        row.addWidget(self.button)
        row.addWidget(self.close_button)
        self.hide()

    @property
    def text(self) -> str:
        """What is said; empty while hidden."""
        return self.label.text() if not self.isHidden() else ""

    def say(self, text: str, *, offer: str = "", act: Callable[[], object] | None = None) -> None:
        """Say something, instead of what was said before.

        Args:
            text: It.
            offer: Words of a button beside it; none if empty.
            act: What that does.
        """
        self.label.setText(text)
        self._act = act
        self.button.setText(offer)
        self.button.setVisible(bool(offer))
        self.setVisible(bool(text))

    def clear(self) -> None:
        """Say nothing."""
        self.say("")

    def _clicked(self) -> None:
        act = self._act
        self.clear()
        if act is not None:
            act()
