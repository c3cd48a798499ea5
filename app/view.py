"""The picture: the newest frame with the newest analysis over it."""

from typing import Final, cast

import numpy as np
from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PyQt6.QtWidgets import QWidget

from app.painter import Look, OverlayPainter, Placement, face_at
from engine.types import Analysis, Frame, Image

GROUND: Final = QColor("#0d0e10")


def image_of(picture: Image) -> QImage:
    """Wrap (H, W, 3) uint8 BGR pixels, contiguous, without a copy: they must outlive it."""
    height, width = picture.shape[:2]
    # PyQt's stub asks for bytes; any buffer is taken, and not copied.
    return QImage(
        cast("bytes", picture.data), width, height, 3 * width, QImage.Format.Format_BGR888
    )


class VideoView(QWidget):
    """Shows frames and faces; a click on a face asks to select it."""

    face_clicked = pyqtSignal(object)  # id of a face, or None beside all faces

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make an empty view."""
        super().__init__(parent)
        self._frame: Frame | None = None
        self._pixels: Image | None = None
        self._image = QImage()
        self._analysis: Analysis | None = None
        self._shown: int | None = None
        self._selected: int | None = None
        self._look = Look()
        self._mirrored = False
        self._hint, self._message = "", ""
        self._place: Placement | None = None
        self.setMinimumSize(320, 180)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Video"))
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def sizeHint(self) -> QSize:
        """Ask for a 16:9 place."""
        return QSize(960, 540)

    @property
    def frame(self) -> Frame | None:
        """The frame that is shown."""
        return self._frame

    def set_frame(self, frame: Frame | None) -> None:
        """Show a frame; None shows the hint."""
        self._frame = frame
        # Kept beside the image, which only points to it.
        self._pixels = None if frame is None else np.ascontiguousarray(frame.image)
        self._image = QImage() if self._pixels is None else image_of(self._pixels)
        if frame is None:
            self._analysis = None
        self._arrange()
        self.update()

    def set_analysis(
        self, analysis: Analysis | None, shown: int | None = None, selected: int | None = None
    ) -> None:
        """Draw an analysis over the frames from now on."""
        self._analysis, self._shown, self._selected = analysis, shown, selected
        self._describe()
        self.update()

    def set_look(self, look: Look, *, mirrored: bool) -> None:
        """Choose what is drawn, and whether left and right are swapped."""
        self._look, self._mirrored = look, mirrored
        self._arrange()
        self.update()

    def set_hint(self, text: str) -> None:
        """Say what to do while there is no picture."""
        self._hint = text
        self.update()

    def set_message(self, text: str) -> None:
        """Say over the picture what is wrong; empty takes it away."""
        self._message = text
        self.update()

    @property
    def message(self) -> str:
        """What is said over the picture."""
        return self._message

    def _describe(self) -> None:
        faces = 0 if self._analysis is None else len(self._analysis.tracks)
        self.setAccessibleDescription(self.tr("%n face(s)", "", faces))

    def _arrange(self) -> None:
        if self._frame is None:
            self._place = None
            return
        height, width = self._frame.image.shape[:2]
        room = QRectF(self.rect())
        self._place = Placement.fit(width, height, room, mirrored=self._mirrored)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the picture anew."""
        super().resizeEvent(event)
        self._arrange()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw picture, faces and message."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), GROUND)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        if self._place is None:
            self._write(painter, self._hint, QColor("#a9adb4"))
        else:
            self._draw(painter, self._place)
        if self._message:
            self._banner(painter)
        painter.end()

    def _draw(self, painter: QPainter, place: Placement) -> None:
        painter.save()
        if place.mirrored:
            painter.translate(2 * place.area.center().x(), 0)
            painter.scale(-1, 1)
        painter.drawImage(place.area, self._image)
        painter.restore()
        if self._analysis is not None:
            overlay = OverlayPainter(painter, place, self._look)
            overlay.draw(self._analysis, self._shown, self._selected)

    def _write(self, painter: QPainter, text: str, ink: QColor) -> None:
        painter.setPen(ink)
        room = QRectF(self.rect()).adjusted(24, 24, -24, -24)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(room, flags, text)

    def _banner(self, painter: QPainter) -> None:
        metrics = painter.fontMetrics()
        room = QRectF(self.rect()).adjusted(32, 0, -32, 0)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        needed = QRectF(metrics.boundingRect(room.toRect(), flags.value, self._message))
        area = needed.adjusted(-14, -10, 14, 10)
        area.moveCenter(QRectF(self.rect()).center())
        area.moveTop(16)
        painter.setPen(QColor("#ff9d8f"))
        painter.setBrush(QColor(20, 12, 12, 230))
        painter.drawRoundedRect(area, 6, 6)
        painter.drawText(area, flags, self._message)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Ask for the face under the pointer to be selected."""
        if event is None or self._place is None or event.button() != Qt.MouseButton.LeftButton:
            return
        at = event.position()
        tracks = () if self._analysis is None else self._analysis.tracks
        self.face_clicked.emit(face_at(tracks, *self._place.to_frame(at.x(), at.y())))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Walk through the faces with the arrow keys up and down."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event is None or event.key() not in steps:
            super().keyPressEvent(event)
            return
        ids = [] if self._analysis is None else [track.id for track in self._analysis.tracks]
        if not ids:
            return
        at = ids.index(self._shown) if self._shown in ids else 0
        self.face_clicked.emit(ids[(at + steps[Qt.Key(event.key())]) % len(ids)])
