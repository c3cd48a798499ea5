"""Icons drawn in the window's own text colour, so that they can be seen in every theme."""

from typing import Final, Literal

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF

Name = Literal["play", "pause", "step_back", "step_on"]
SIDE: Final = 48  # pixels; shown at a third of it and less


def icon(name: Name, colour: QColor) -> QIcon:
    """Draw one icon of the transport bar."""
    pixmap = QPixmap(SIDE, SIDE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    if name == "step_back":  # the mirror image of the other
        painter.translate(SIDE, 0)
        painter.scale(-1, 1)
    if name == "pause":
        painter.drawRect(QRectF(11, 9, 9, 30))
        painter.drawRect(QRectF(28, 9, 9, 30))
    elif name == "play":
        _triangle(painter, 13, 40)
    else:
        _triangle(painter, 10, 32)
        painter.drawRect(QRectF(32, 9, 6, 30))
    painter.end()
    return QIcon(pixmap)


def _triangle(painter: QPainter, left: float, right: float) -> None:
    painter.drawPolygon(QPolygonF([QPointF(left, 8), QPointF(right, 24), QPointF(left, 40)]))
