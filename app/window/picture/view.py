"""The picture: the newest frame with the newest faces over it; live, and of a recording."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, cast

from PyQt6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from app.live.presentation import ScaledPicture, Viewport
from app.session.faces import LabelledFace, labelled_faces
from app.session.naming import NAMELESS, NamedFaces
from app.session.palette import RECORDING
from app.window.picture.cover import FaceCover
from app.window.picture.painter import OverlayOptions, OverlayPainter, Placement, face_at, words_of
from app.window.theme import GRID_PX
from engine.drawing.layout import Placer
from engine.types import Analysis, Frame

_FRAME_PX: Final = 4  # around the picture while it is recorded
GROUND: Final = QColor("#0d0e10")


class VideoView(QWidget):
    """Shows pictures and faces; a click on a face asks to select it.

    Pictures come in the size that `target` says, so that painting is copying.

    Attributes:
        drawn: Called after painting with the index of the newest frame whose faces were drawn.
    """

    face_clicked = pyqtSignal(object)  # id of a face, or None beside all faces
    face_menu_wanted = pyqtSignal(int, QPoint)  # id of a face, and where on the screen
    target_changed = pyqtSignal()  # another size, or another side
    emptied = pyqtSignal(bool)  # there is no picture any more, or there is one again

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make an empty view."""
        super().__init__(parent)
        self._picture: ScaledPicture | None = None  # holds the pixels that the image points to
        self._image = QImage()
        self.drawn: Callable[[int], object] | None = None
        self._faces: tuple[LabelledFace, ...] = ()
        self._analysed: int | None = None  # index of the frame that the faces are of
        self._over = True  # they are drawn over the picture
        self._shown: int | None = None
        self._selected: int | None = None
        self._look, self._placer = OverlayOptions(), Placer()
        self._cover = FaceCover()
        self._mirrored = False
        self._hint = ""
        self._recording = self._stale = self._large = False
        self._place: Placement | None = None
        self.setMinimumSize(320, 180)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Video"))
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def sizeHint(self) -> QSize:
        """Ask for a 16:9 place."""
        return QSize(960, 540)

    @property
    def target(self) -> Viewport:
        """What pictures are wanted."""
        ratio = self.devicePixelRatioF()
        width, height = int(self.width() * ratio), int(self.height() * ratio)
        return Viewport(max(1, width), max(1, height), self._mirrored)

    @property
    def picture(self) -> ScaledPicture | None:
        """What is shown."""
        return self._picture

    @property
    def frame(self) -> Frame | None:
        """The frame that is shown."""
        return None if self._picture is None else self._picture.frame

    def set_picture(self, picture: ScaledPicture | None) -> None:
        """Show a picture; None shows the hint."""
        changed = (picture is None) != (self._picture is None)
        self._picture = picture
        if picture is None:
            self._image, self._faces, self._analysed = QImage(), (), None
        else:
            height, width = picture.pixels.shape[:2]
            stride, kind = picture.pixels.strides[0], QImage.Format.Format_RGB32
            # PyQt's stub asks for bytes; any buffer is taken, and not copied.
            pixels = cast("bytes", picture.pixels.data)
            self._image = QImage(pixels, width, height, stride, kind)
        self._arrange()
        self.update()
        if changed:
            self.emptied.emit(picture is None)

    def lay_over(self, top: QWidget, middle: QWidget) -> None:
        """Put widgets over the picture.

        Args:
            top: At its upper edge.
            middle: Over the rest.
        """
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        column.setSpacing(GRID_PX)
        column.addWidget(top)
        column.addWidget(middle, 1)
        column.addStretch(0)

    def set_analysis(
        self,
        analysis: Analysis | None,
        shown: int | None = None,
        selected: int | None = None,
        named: NamedFaces = NAMELESS,
    ) -> None:
        """Draw an analysis over the frames from now on."""
        self.set_faces(() if analysis is None else labelled_faces(analysis, named), shown, selected)
        self._analysed = None if analysis is None else analysis.frame.index

    def set_faces(
        self,
        faces: Sequence[LabelledFace],
        shown: int | None = None,
        selected: int | None = None,
        *,
        drawn: bool = True,
    ) -> None:
        """Draw these faces over the frames from now on; `shown` with a thicker frame.

        Args:
            faces: They.
            shown: Id of the face that the panels are about.
            selected: Id of the face that the user chose.
            drawn: Draw them; else the picture shows them itself, and they can be clicked.
        """
        self._faces, self._analysed, self._over = tuple(faces), None, drawn
        self._cover.note(faces)
        self._shown, self._selected = shown, selected
        self.setAccessibleDescription(self.tr("%n face(s)", "", len(faces)))
        self.update()

    def set_look(self, look: OverlayOptions, *, mirrored: bool) -> None:
        """Choose what is drawn, and whether left and right are swapped."""
        self._look = look
        if mirrored != self._mirrored:
            self._mirrored = mirrored
            self.target_changed.emit()
        self.update()

    def set_blur(self, *, faces: bool, whole: bool) -> None:
        """Cover faces as the recording does, so that the screen shows what will be seen.

        Args:
            faces: Those that are found.
            whole: All of a picture that may hold one nobody found.
        """
        if self._cover.choose(faces=faces, whole=whole):
            self.update()

    def set_hint(self, text: str) -> None:
        """Say what to do while there is no picture."""
        if text != self._hint:  # it is asked several times a second
            self._hint = text
            self.update()

    def set_stale(self, *, stale: bool) -> None:
        """Grey the picture and take the faces away: it is of before."""
        if stale:
            self.set_faces(())
        if stale != self._stale:
            self._stale = stale
            self.update()

    def set_large(self, *, on: bool) -> None:
        """Write one large label, of the followed face, instead of a small one at each."""
        if on != self._large:
            self._large = on
            self.update()

    def set_recording(self, *, on: bool) -> None:
        """Put a frame around the picture while it is recorded."""
        if on != self._recording:
            self._recording = on
            self.update()

    @property
    def place(self) -> Placement | None:
        """Where the picture lies; None without one."""
        return self._place

    @property
    def look(self) -> OverlayOptions:
        """What is drawn."""
        return self._look

    @property
    def faces(self) -> tuple[LabelledFace, ...]:
        """What is drawn over the picture."""
        return self._faces if self._over else ()

    @property
    def hint(self) -> str:
        """What is said while there is no picture."""
        return self._hint

    def _arrange(self) -> None:
        if self._picture is None:
            self._place = None
            return
        width, height = self._picture.frame.size
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
        if self._recording:
            painter.setPen(QPen(QColor(RECORDING), 2 * _FRAME_PX))  # the outer half is cut off
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect())
        if self._large and self._place is not None:
            self._draw_large(painter)
        painter.end()
        if self.drawn is not None and self._analysed is not None and self._place is not None:
            self.drawn(self._analysed)

    def _draw(self, painter: QPainter, place: Placement) -> None:
        # Of another size only for a moment, until the presenter has followed the window.
        wanted = place.area.width() * self.devicePixelRatioF()
        exact = abs(wanted - self._image.width()) < 1
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not exact)
        painter.drawImage(place.area, self._image)
        self._cover.draw(painter, self._image, place.area, place.box)
        if self._stale:
            painter.fillRect(place.area, QColor(40, 42, 46, 190))
        look = replace(self._look, words=not self._large)
        if self._over:
            overlay = OverlayPainter(painter, place, look, self._placer)
            overlay.draw(self._faces, self._shown, self._selected)

    def _write(self, painter: QPainter, text: str, ink: QColor) -> None:
        painter.setPen(ink)
        room = QRectF(self.rect()).adjusted(24, 24, -24, -24)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(room, flags, text)

    def _draw_large(self, painter: QPainter) -> None:
        """Write what the followed face shows at the lower edge, to be read from afar."""
        face = next((face for face in self._faces if face.id == self._shown), None)
        if face is None:
            return
        label, percent, _ = words_of(face, self._look.uncertain_below)
        words = " ".join(part for part in (label, percent) if part)
        font = QFont(painter.font())
        font.setPixelSize(max(28, round(self.height() / 12)))
        font.setBold(True)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        pad = metrics.height() / 3
        area = QRectF(0, 0, metrics.horizontalAdvance(words) + 2 * pad, 1.2 * metrics.height())
        area.moveCenter(QRectF(self.rect()).center())
        area.moveBottom(self.height() - pad)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(10, 11, 13, 215))
        painter.drawRoundedRect(area, 8, 8)
        painter.setPen(QColor("white"))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, words)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Ask for the face under the pointer to be selected."""
        if event is None or self._place is None or event.button() != Qt.MouseButton.LeftButton:
            return
        at = event.position()
        self.face_clicked.emit(face_at(self._faces, *self._place.to_frame(at.x(), at.y())))

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        """Ask for the menu of the face under the pointer; by key, of the one that is followed."""
        if event is None or self._place is None:
            return
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            face = next((face for face in self._faces if face.id == self._shown), None)
            if face is not None:
                at = self._place.box(face.box).center().toPoint()
                self.face_menu_wanted.emit(face.id, self.mapToGlobal(at))
            return
        under = face_at(self._faces, *self._place.to_frame(event.x(), event.y()))
        if under is not None:
            self.face_menu_wanted.emit(under, event.globalPos())

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Walk through the faces with the arrow keys up and down."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event is None or event.key() not in steps:
            super().keyPressEvent(event)
            return
        ids = [face.id for face in self._faces]
        if not ids:
            return
        at = ids.index(self._shown) if self._shown in ids else 0
        self.face_clicked.emit(ids[(at + steps[Qt.Key(event.key())]) % len(ids)])
