"""The usual disc for recording, and the square for stopping."""

from typing import Final

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPixmap

_DISC: Final = "#d55e00"  # vermillion of the palette: told by the symbol's form too
_SIDE_PX: Final = 40


def record_symbol() -> QIcon:
    """Draw the disc."""
    return _symbol(stop=False)


def stop_symbol() -> QIcon:
    """Draw the square."""
    return _symbol(stop=True)


def _symbol(*, stop: bool) -> QIcon:
    pixmap = QPixmap(_SIDE_PX, _SIDE_PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(_DISC))
    inner = pixmap.rect().adjusted(6, 6, -6, -6)
    if stop:
        painter.drawRect(inner)
    else:
        painter.drawEllipse(inner)
    painter.end()
    return QIcon(pixmap)
