"""Words that need no more width than they are given: what has no room for itself is elided."""

import re
from typing import Final

from PyQt6.QtCore import QEvent, QSize, Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QLabel, QWidget

from app.window.texts import tip

LEAST_EM: Final = 8  # of its width, heights of the text


class Wrapped(QLabel):
    """A message of any words: it wraps, and a path longer than a line loses its middle.

    Qt's own label asks for the width of its longest word, and a panel that has grown once stays so.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        """Say something."""
        super().__init__(parent)
        self._whole = ""
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def text(self) -> str:
        """Give what it says, all of it."""
        return self._whole

    def setText(self, text: str | None) -> None:
        """Say something else."""
        if (text or "") != self._whole:
            self._whole = text or ""
            self._fit()
            self.updateGeometry()

    @property
    def shown(self) -> str:
        """What of it has room."""
        return super().text()

    def minimumSizeHint(self) -> QSize:
        """Ask for a few words' width."""
        width = min(super().sizeHint().width(), LEAST_EM * self.fontMetrics().height())
        return QSize(width, self.fontMetrics().height())

    def sizeHint(self) -> QSize:
        """Ask for no more width: words that were elided would ask for what they have."""
        hint = super().sizeHint()
        return QSize(min(hint.width(), self.minimumSizeHint().width()), hint.height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the words anew."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent | None) -> None:
        """Fit the words in another size."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        metrics, room = self.fontMetrics(), self.contentsRect().width() - 2 * self.margin()
        parts = re.split(r"(\s+)", self._whole)
        middle = Qt.TextElideMode.ElideMiddle
        shown = "".join(
            metrics.elidedText(part, middle, room)
            if room > 0 and metrics.horizontalAdvance(part) > room and not part.isspace()
            else part
            for part in parts
        )
        if shown != super().text():
            super().setText(shown)
        self.setToolTip(tip(self._whole) if shown != self._whole else "")
        self.setAccessibleDescription(self._whole if shown != self._whole else "")
