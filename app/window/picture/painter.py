"""Draws faces over the picture, in the widget's own pixels: crisp at any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from PyQt6.QtCore import QCoreApplication, QLineF, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from app.live.presentation import fitted
from app.session.faces import LabelledFace
from app.session.palette import ink_on
from app.window.theme import DARK, Theme
from engine.drawing.layout import Placer
from engine.drawing.shapes import Rect
from engine.faces.landmarks import BROWS, JAW, LEFT_EYE, MOUTH, NOSE, RIGHT_EYE
from engine.faces.pose import pose_of
from engine.types import Floats

# Over a video the colours are the recorded overlay's, whatever the window wears.
THEME: Final[Theme] = DARK
AXES: Final = (("x", "#e69f00"), ("y", "#56b4e9"), ("z", "#ffffff"))  # told apart by all, and named
_PAD: Final = 6.0
_PARTS: Final = (
    (JAW, False),
    (slice(BROWS.start, BROWS.start + 5), False),
    (slice(BROWS.start + 5, BROWS.stop), False),
    (slice(NOSE.start, NOSE.start + 4), False),
    (slice(NOSE.start + 4, NOSE.stop), False),
    (RIGHT_EYE, True),
    (LEFT_EYE, True),
    (slice(MOUTH.start, MOUTH.start + 12), True),
    (slice(MOUTH.start + 12, MOUTH.stop), True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayOptions:
    """What is drawn over the picture.

    Attributes:
        landmarks: The 68 points.
        head_axes: Where heads point.
        uncertain_below: Reliability, 0 to 1, below which a label counts as uncertain.
    """

    landmarks: bool = False
    head_axes: bool = False
    uncertain_below: float = 0.3


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the picture lies in the widget.

    Attributes:
        area: The picture, widget pixels.
        width: Of the frame, pixels.
        height: Of the frame, pixels.
        mirrored: Left and right are swapped.
    """

    area: QRectF
    width: int
    height: int
    mirrored: bool

    @classmethod
    def fit(
        cls, width: int, height: int, room: QRectF, ratio: float, *, mirrored: bool
    ) -> "Placement":
        """Put a frame into a room as large as it fits, in the middle, on whole device pixels.

        Args:
            width: Of the frame, pixels.
            height: Of the frame, pixels.
            room: In the widget.
            ratio: Device pixels for each of the widget's.
            mirrored: Swap left and right.
        """
        inside = max(1, int(room.width() * ratio)), max(1, int(room.height() * ratio))
        size = fitted(width, height, *inside)
        left, top = ((have - need) // 2 / ratio for have, need in zip(inside, size, strict=True))
        area = QRectF(room.left() + left, room.top() + top, size[0] / ratio, size[1] / ratio)
        return cls(area, width, height, mirrored)

    def to_widget(self, points: Floats) -> Floats:
        """Map (..., 2) pixels of the frame, whose integers are pixel centres."""
        placed = (points + 0.5) * np.float32(self.area.width() / self.width)
        if self.mirrored:
            placed[..., 0] = np.float32(self.area.width()) - placed[..., 0]
        return placed + np.array([self.area.left(), self.area.top()], np.float32)

    def to_frame(self, x: float, y: float) -> tuple[float, float]:
        """Map a place in the widget to pixels of the frame."""
        scale = self.width / self.area.width()
        x -= self.area.left()
        if self.mirrored:
            x = self.area.width() - x
        return x * scale - 0.5, (y - self.area.top()) * scale - 0.5

    def box(self, box: Sequence[float] | Floats) -> QRectF:
        """Map a box (4,), x0 y0 x1 y1."""
        corners = self.to_widget(np.asarray(box, np.float32).reshape(2, 2))
        low, high = corners.min(axis=0), corners.max(axis=0)
        return QRectF(float(low[0]), float(low[1]), *(float(v) for v in high - low))


def face_at(faces: Sequence[LabelledFace], x: float, y: float) -> int | None:
    """Give the id of the face at a place of the frame: the smallest box that holds it."""
    inside = [
        ((x1 - x0) * (y1 - y0), face.id)
        for face in faces
        for x0, y0, x1, y1 in (face.box,)
        if x0 <= x <= x1 and y0 <= y <= y1
    ]
    return min(inside)[1] if inside else None


def words_of(face: LabelledFace, uncertain_below: float) -> tuple[str, str, bool]:
    """Say what a face shows: the label, its percentage, and whether it is uncertain.

    What a person set has no percentage and is certain; all is empty where no network knows
    expressions.
    """
    if face.corrected:
        return face.label, QCoreApplication.translate("OverlayPainter", "corrected"), False
    if not face.label:
        return "", "", False
    uncertain = face.reliability is not None and face.reliability < uncertain_below
    return face.label + ("?" if uncertain else ""), f"{round(100 * face.share)}%", uncertain


class _Words(NamedTuple):
    """What a label says: the id, then what the face shows."""

    chip: str
    label: str
    percent: str
    uncertain: bool


class OverlayPainter:
    """Draws faces with `QPainter`; everything is measured in the font's size."""

    def __init__(
        self,
        painter: QPainter,
        place: Placement,
        look: OverlayOptions,
        placer: Placer | None = None,
    ) -> None:
        """Draw over a picture.

        Args:
            painter: On the widget.
            place: Where the picture lies in it.
            look: What is drawn.
            placer: Keeps labels from jumping; the same from picture to picture.
        """
        self._painter, self._place, self._look = painter, place, look
        self._placer = placer or Placer()
        self._font = QFont(painter.font())
        self._font.setPixelSize(round(min(max(place.area.height() / 32, 13), 26)))
        self._metrics = QFontMetricsF(self._font)

    def draw(self, faces: Sequence[LabelledFace], shown: int | None, selected: int | None) -> None:
        """Draw every face, then the labels over them.

        Args:
            faces: What to draw.
            shown: Id of the face that the panels are about; its frame is thicker.
            selected: Id of the face that the user chose; its label says so.
        """
        labels = self._labels(faces, selected)
        for face, words in zip(faces, labels, strict=True):
            colour = QColor(THEME.face(face.id))
            if face.landmarks is not None and self._look.landmarks:
                self._landmarks(face.landmarks, colour)
            if face.landmarks is not None and self._look.head_axes:
                self._axes(face.landmarks)
            box = self._place.box(face.box)
            self._box(box, colour, thick=face.id == shown, dashed=words.uncertain)
        for face, words, rect in zip(faces, labels, self._rooms(faces, labels), strict=True):
            self._label(QRectF(*rect[:2], rect.width, rect.height), words, face.id)

    def label_places(
        self, faces: Sequence[LabelledFace], selected: int | None = None
    ) -> list[Rect]:
        """Say where each face's label goes, pixels of the widget: off other faces and labels."""
        return self._rooms(faces, self._labels(faces, selected))

    def _labels(self, faces: Sequence[LabelledFace], selected: int | None) -> list[_Words]:
        below = self._look.uncertain_below
        return [
            _Words(f"{face.id}" + (" ●" if face.id == selected else ""), *words_of(face, below))
            for face in faces
        ]

    def _rooms(self, faces: Sequence[LabelledFace], labels: Sequence[_Words]) -> list[Rect]:
        self._placer.begin()
        boxes = [self._place.box(face.box) for face in faces]
        rects = [
            Rect.at(box.left(), box.top(), round(box.width()), round(box.height())) for box in boxes
        ]
        taken: list[Rect] = []
        for at, (face, words) in enumerate(zip(faces, labels, strict=True)):
            others = rects[:at] + rects[at + 1 :] + taken
            taken.append(self._room(face.id, rects[at], words, others))
        return taken

    def _room(self, face: int, box: Rect, words: _Words, taken: Sequence[Rect]) -> Rect:
        """Find room above, below or in the top of a box, inside the picture."""
        width = round(sum(self._widths(words)))
        height = round(self._metrics.height() + _PAD)
        area = self._place.area
        inside = Rect.at(area.left(), area.top(), round(area.width()), round(area.height()))
        candidates: list[Rect | None] = []
        rows = (box.y0 - height - 3, box.y1 + 3, max(box.y0, inside.y0) + 3)
        for row in rows:
            moved = Rect.at(box.x0, row, width, height).moved_into(inside)
            candidates.append(moved if moved.y0 == row else None)
        choice = self._placer.place(face, candidates, taken)
        found = None if choice is None else candidates[choice]
        return found or Rect.at(box.x0, rows[0], width, height).moved_into(inside)

    def _widths(self, words: _Words) -> tuple[float, float, float]:
        chip, label, percent = (
            self._metrics.horizontalAdvance(text)
            for text in (words.chip, words.label, words.percent)
        )
        return chip + 2 * _PAD, label + 2 * _PAD, percent + _PAD

    def _label(self, area: QRectF, words: _Words, face: int) -> None:
        colour = QColor(THEME.face(face))
        chip, label, percent = self._widths(words)
        left, top, height = area.left(), area.top(), area.height()
        self._chip(area, "", QColor(10, 11, 13, 215), QColor("white"))
        ink = QColor(ink_on(colour.name()))
        self._chip(QRectF(left, top, chip, height), words.chip, colour, ink)
        self._text(QRectF(left + chip, top, label, height), words.label, QColor("white"))
        place = QRectF(left + chip + label - _PAD / 2, top, percent, height)
        self._text(place, words.percent, QColor(200, 204, 210))

    def _box(self, box: QRectF, colour: QColor, *, thick: bool, dashed: bool) -> None:
        width = 3.5 if thick else 2.0
        for ink, extra in ((QColor(0, 0, 0, 140), 2.0), (colour, 0.0)):
            pen = QPen(ink, width + extra)
            if dashed and not extra:
                pen.setDashPattern([4, 3])
            self._painter.setPen(pen)
            self._painter.setBrush(Qt.BrushStyle.NoBrush)
            self._painter.drawRoundedRect(box, 6, 6)

    def _chip(self, area: QRectF, text: str, ground: QColor, ink: QColor) -> None:
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(ground)
        self._painter.drawRoundedRect(area, 5, 5)
        if text:
            self._text(area, text, ink)

    def _text(self, area: QRectF, text: str, ink: QColor) -> None:
        self._painter.setFont(self._font)
        self._painter.setPen(ink)
        self._painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)

    def _landmarks(self, landmarks: Floats, colour: QColor) -> None:
        points = self._place.to_widget(landmarks)
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        for ink, width in ((QColor(0, 0, 0, 120), 3.0), (colour, 1.4)):
            self._painter.setPen(QPen(ink, width))
            for part, closed in _PARTS:
                line = QPolygonF([QPointF(float(x), float(y)) for x, y in points[part]])
                if closed:
                    self._painter.drawPolygon(line)
                else:
                    self._painter.drawPolyline(line)

    def _axes(self, landmarks: Floats) -> None:
        pose = pose_of(landmarks)
        if pose is None:
            return
        origin, *ends = (QPointF(float(x), float(y)) for x, y in self._place.to_widget(pose.axes))
        for end, (name, colour) in zip(ends, AXES, strict=True):
            self._painter.setPen(QPen(QColor(0, 0, 0, 140), 5.0))
            self._painter.drawLine(QLineF(origin, end))
            self._painter.setPen(QPen(QColor(colour), 2.5))
            self._painter.drawLine(QLineF(origin, end))
            self._painter.setPen(QColor("white"))
            self._painter.drawText(end + QPointF(3, -3), name)
