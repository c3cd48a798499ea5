"""The picture at the cursor, with boxes where the video does not show them itself."""

from typing import Final

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QImage, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.session.palette import face_colour, ink_on
from app.session.review import Seen
from engine.types import Frame

_GROUND: Final = QColor("#101216")
_WORDS: Final = QColor("#bab6b2")


class VideoView(QWidget):
    """Paints a frame as large as it fits."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Start without a picture."""
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 120)
        self.setAccessibleName(self.tr("Video"))
        self._frame: Frame | None = None  # owns the pixels of the image
        self._image: QImage | None = None
        self._seen: list[Seen] = []
        self._chosen: int | None = None
        self._words = ""

    def sizeHint(self) -> QSize:
        """Ask for a usual picture."""
        return QSize(640, 360)

    def show_frame(self, frame: Frame | None) -> None:
        """Show a picture, or none."""
        self._frame, self._image = frame, None
        if frame is not None:
            height, width = frame.image.shape[:2]
            stride = frame.image.strides[0]
            pixels, form = frame.image.data, QImage.Format.Format_BGR888
            self._image = QImage(pixels, width, height, stride, form)  # type: ignore[call-overload]  # any buffer does
        self.update()

    def show_words(self, words: str) -> None:
        """Say this where there is no picture."""
        self._words = words
        self.setAccessibleDescription(words)
        self.update()

    def show_boxes(self, seen: list[Seen], chosen: int | None) -> None:
        """Draw these boxes over the picture, the chosen face's stronger."""
        self._seen, self._chosen = seen, chosen
        self.update()

    def place(self) -> QRectF:
        """Give where in the widget the picture lies; empty without one."""
        if self._image is None:
            return QRectF()
        width, height = self._image.width(), self._image.height()
        scale = min(self.width() / width, self.height() / height)
        size = QPointF(width * scale, height * scale)
        corner = QPointF((self.width() - size.x()) / 2, (self.height() - size.y()) / 2)
        return QRectF(corner.x(), corner.y(), size.x(), size.y())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), _GROUND)
        if self._image is None:
            painter.setPen(_WORDS)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(12, 12, -12, -12), flags, self._words)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            place = self.place()
            painter.drawImage(place, self._image)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for seen in self._seen:
                self._paint_box(painter, place, seen)
        painter.end()

    def _paint_box(self, painter: QPainter, place: QRectF, seen: Seen) -> None:
        if self._image is None:
            return
        scale = place.width() / self._image.width()
        x, y, width, height = (scale * value for value in seen.box)
        box = QRectF(place.x() + x, place.y() + y, width, height)
        colour = QColor(face_colour(seen.face))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, 3.5 if seen.face == self._chosen else 1.8))
        painter.drawRoundedRect(box, 5, 5)
        font = QFont(self.font())
        font.setBold(seen.face == self._chosen)
        painter.setFont(font)
        by_hand = self.tr(" (corrected)") if seen.corrected else ""
        text = f"{seen.face}  {seen.label}{by_hand}"
        metrics = painter.fontMetrics()
        tag = QRectF(0, 0, metrics.horizontalAdvance(text) + 10, metrics.height() + 4)
        tag.moveBottomLeft(box.topLeft() - QPointF(0, 3))
        if tag.top() < place.top():
            tag.moveTop(box.top() + 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(tag, 3, 3)
        painter.setPen(QColor(ink_on(face_colour(seen.face))))
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, text)
