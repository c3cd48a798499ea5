"""The picture: the newest frame with the newest analysis over it."""

from collections.abc import Callable
from typing import Final, cast

from PyQt6.QtCore import QEvent, QRectF, QSize, Qt, pyqtSignal
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

from app.live.presentation import Picture, Target
from app.window.picture.painter import Look, OverlayPainter, Placement, face_at
from engine.drawing.layout import Placer
from engine.types import Analysis, Frame

GROUND: Final = QColor("#0d0e10")


class VideoView(QWidget):
    """Shows pictures and faces; a click on a face asks to select it.

    Pictures come in the size that `target` says, so that painting is copying.

    Attributes:
        drawn: Called after painting with the index of the newest frame whose faces were drawn.
    """

    face_clicked = pyqtSignal(object)  # id of a face, or None beside all faces
    target_changed = pyqtSignal()  # another size, or another side

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make an empty view."""
        super().__init__(parent)
        self._picture: Picture | None = None  # holds the pixels that the image points to
        self._image = QImage()
        self.drawn: Callable[[int], object] | None = None
        self._analysis: Analysis | None = None
        self._shown: int | None = None
        self._selected: int | None = None
        self._look, self._placer = Look(), Placer()
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
    def target(self) -> Target:
        """What pictures are wanted."""
        ratio = self.devicePixelRatioF()
        width, height = int(self.width() * ratio), int(self.height() * ratio)
        return Target(max(1, width), max(1, height), self._mirrored)

    @property
    def frame(self) -> Frame | None:
        """The frame that is shown."""
        return None if self._picture is None else self._picture.frame

    def set_picture(self, picture: Picture | None) -> None:
        """Show a picture; None shows the hint."""
        self._picture = picture
        if picture is None:
            self._image, self._analysis = QImage(), None
        else:
            height, width = picture.pixels.shape[:2]
            stride, kind = picture.pixels.strides[0], QImage.Format.Format_RGB32
            # PyQt's stub asks for bytes; any buffer is taken, and not copied.
            pixels = cast("bytes", picture.pixels.data)
            self._image = QImage(pixels, width, height, stride, kind)
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
        self._look = look
        if mirrored != self._mirrored:
            self._mirrored = mirrored
            self.target_changed.emit()
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
        if self._picture is None:
            self._place = None
            return
        height, width = self._picture.frame.image.shape[:2]
        ratio = self.devicePixelRatioF()
        mirrored = self._picture.mirrored
        self._place = Placement.fit(width, height, QRectF(self.rect()), ratio, mirrored=mirrored)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the picture anew."""
        super().resizeEvent(event)
        self._arrange()
        self.target_changed.emit()

    def event(self, event: QEvent | None) -> bool:
        """Want other pictures on a screen of another density."""
        if event is not None and event.type() == QEvent.Type.DevicePixelRatioChange:
            self._arrange()
            self.target_changed.emit()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw picture, faces and message."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), GROUND)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._place is None:
            self._write(painter, self._hint, QColor("#a9adb4"))
        else:
            self._draw(painter, self._place)
        if self._message:
            self._banner(painter)
        painter.end()
        if self.drawn is not None and self._analysis is not None and self._place is not None:
            self.drawn(self._analysis.frame.index)

    def _draw(self, painter: QPainter, place: Placement) -> None:
        # Of another size only for a moment, until the presenter has followed the window.
        wanted = place.area.width() * self.devicePixelRatioF()
        exact = abs(wanted - self._image.width()) < 1
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not exact)
        painter.drawImage(place.area, self._image)
        if self._analysis is not None:
            overlay = OverlayPainter(painter, place, self._look, self._placer)
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
