"""Choosing a part of the screen with the pointer or the keyboard."""

from typing import Final

from PyQt6.QtCore import QPoint, QRect, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QScreen,
)
from PyQt6.QtWidgets import QWidget

SMALLEST_PX: Final = 32
STEP_PX: Final = 10
_SHADE: Final = QColor(0, 0, 0, 130)


def as_source(region: QRect, screen: QRect, ratio: float) -> str:
    """Name a region as `fer-app --source` does.

    Args:
        region: In the screen, device-independent pixels.
        screen: Where the screen lies on the desktop, device-independent pixels.
        ratio: Device pixels for each of those.
    """
    left, top = screen.x() + region.x(), screen.y() + region.y()
    numbers = (left, top, region.width(), region.height())
    return "screen:" + ",".join(str(round(number * ratio)) for number in numbers)


class RegionPicker(QWidget):
    """Covers the screen with its own dimmed picture, on which a region is drawn.

    The pointer draws it; the arrow keys move it, with Shift they size it; Enter takes it, Escape
    gives up. It deletes itself.
    """

    picked = pyqtSignal(str)  # the region, as `Choice.name` has it

    def __init__(self, screen: QScreen) -> None:
        """Take the screen's picture; `show` it with `showFullScreen`."""
        super().__init__(None, Qt.WindowType.FramelessWindowHint | Qt.WindowType.Window)
        self._screen = screen
        self._picture: QPixmap = screen.grabWindow()
        size = screen.geometry().size()
        quarter = size / 4
        self._region = QRect(QPoint(quarter.width(), quarter.height()), size / 2)
        self._from: QPoint | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setGeometry(screen.geometry())
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName(self.tr("Choose a part of the screen"))
        self._describe()

    @property
    def region(self) -> QRect:
        """What is chosen now, device-independent pixels of the screen."""
        return self._region

    def _set(self, region: QRect) -> None:
        inside = QRect(QPoint(0, 0), self._screen.geometry().size())
        self._region = region.normalized().intersected(inside)
        self._describe()
        self.update()

    def _describe(self) -> None:
        region = self._region
        text = self.tr("{0} by {1} pixels at {2}, {3}")
        numbers = (region.width(), region.height(), region.x(), region.y())
        self.setAccessibleDescription(text.format(*numbers))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin a region."""
        if event is not None:
            self._from = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Draw it."""
        if event is not None and self._from is not None:
            self._set(QRect(self._from, event.position().toPoint()))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Take it; a mere click takes what is shown."""
        self._from = None
        self._take()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move, size, take or give up."""
        steps = {
            Qt.Key.Key_Left: (-STEP_PX, 0),
            Qt.Key.Key_Right: (STEP_PX, 0),
            Qt.Key.Key_Up: (0, -STEP_PX),
            Qt.Key.Key_Down: (0, STEP_PX),
        }
        if event is None:
            return
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            self.close()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take()
        elif key in steps:
            across, down = steps[key]
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._set(self._region.adjusted(0, 0, across, down))
            else:
                self._set(self._region.translated(across, down))

    def _take(self) -> None:
        if min(self._region.width(), self._region.height()) < SMALLEST_PX:
            return
        ratio = self._screen.devicePixelRatio()
        self.picked.emit(as_source(self._region, self._screen.geometry(), ratio))
        self.close()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the screen, dimmed around the region."""
        painter = QPainter(self)
        painter.drawPixmap(self.rect(), self._picture)
        region = self._region
        whole = self.rect()
        for part in (
            QRect(0, 0, whole.width(), region.top()),
            QRect(0, region.bottom() + 1, whole.width(), whole.height()),
            QRect(0, region.top(), region.left(), region.height()),
            QRect(region.right() + 1, region.top(), whole.width(), region.height()),
        ):
            painter.fillRect(part, _SHADE)
        painter.setPen(QPen(QColor("#ffffff"), 2))
        painter.drawRect(region)
        self._write(painter)
        painter.end()

    def _write(self, painter: QPainter) -> None:
        size = f"{self._region.width()} x {self._region.height()}"
        keys = self.tr("Enter: take it, Escape: give up, arrow keys: move, Shift: size")
        text = f"{size}    {keys}"
        area = painter.fontMetrics().boundingRect(text).adjusted(-10, -6, 10, 6)
        area.moveCenter(QPoint(self.rect().center().x(), 24 + area.height() // 2))
        painter.fillRect(area, QColor(16, 18, 22, 235))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)
