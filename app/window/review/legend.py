"""What the colours of the bands mean: the labels that occur, and how corrections look."""

from collections.abc import Sequence
from typing import Final

from PyQt6.QtCore import QEvent, QRect, Qt
from PyQt6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QWidget

from app.session.palette import label_colour
from app.window.language import class_name

HATCH: Final = QBrush(QColor(16, 16, 16, 110), Qt.BrushStyle.BDiagPattern)  # what a person set
ROWS: Final = 3  # at most: networks may have a hundred classes
GAP_PX: Final = 14


class Legend(QWidget):
    """Squares with words, in as many rows as the width asks for.

    Attributes:
        entries: Colour and words of each; one without a colour is hatched.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        """Start empty, which takes no room."""
        self.entries: list[tuple[str, str]] = []  # Qt sends events while the widget is made
        super().__init__(parent)
        self.setAccessibleName(self.tr("Colours of the labels"))
        self.setFixedHeight(0)

    def show_labels(self, labels: Sequence[str], *, corrected: bool) -> None:
        """Name these labels.

        Args:
            labels: Those that occur.
            corrected: Some were set by a person.
        """
        entries = [(label_colour(label), class_name(label)) for label in labels]
        if corrected:
            entries.append(("", self.tr("corrected")))
        if entries != self.entries:
            self.entries = entries
            self.setAccessibleDescription(", ".join(words for _, words in entries))
            self._fit()

    def places(self) -> list[tuple[QRect, str, str]]:
        """Give where each entry goes, its colour and its words; what has no room is left out."""
        metrics, line = self.fontMetrics(), self.fontMetrics().height()
        found: list[tuple[QRect, str, str]] = []
        x, row = 0, 0
        for colour, words in self.entries:
            width = line + metrics.horizontalAdvance(words)
            if x and x + width > self.width():
                x, row = 0, row + 1
            if row == ROWS:
                place, last, _ = found[-1]
                found[-1] = (place, last, "…")
                break
            found.append(
                (QRect(x, row * (line + 2), min(width, self.width()), line), colour, words)
            )
            x += width + GAP_PX
        return found

    def _fit(self) -> None:
        places = self.places()
        self.setFixedHeight(max((place.bottom() + 1 for place, _, _ in places), default=0))
        self.update()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Take the rows that this width needs."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the size of text."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange:
            self._fit()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the squares and their words."""
        painter = QPainter(self)
        ink = self.palette().windowText().color()
        for place, colour, words in self.places():
            side = round(0.7 * place.height())
            square = QRect(place.left(), place.top() + (place.height() - side) // 2, side, side)
            painter.fillRect(square, QColor(colour or label_colour("")))
            if not colour:
                painter.fillRect(square, HATCH)
            painter.setPen(ink)
            painter.drawText(
                place.adjusted(place.height(), 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words
            )
        painter.end()
