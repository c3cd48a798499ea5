"""Draws faces over the picture, in the widget's own pixels: crisp at any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from PyQt6.QtCore import QCoreApplication, QLineF, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontInfo, QFontMetricsF, QPainter, QPen, QPolygonF

from app.live.presentation import fitted
from app.session.faces import LabelledFace
from app.session.palette import ink_on
from app.window.language import class_name, percent
from app.window.theme import DARK, Theme
from engine.drawing.captions import in_doubt
from engine.drawing.layout import Placer
from engine.drawing.shapes import Rect
from engine.faces.landmarks import BROWS, JAW, LEFT_EYE, MOUTH, NOSE, RIGHT_EYE
from engine.faces.pose import pose_of
from engine.types import Floats

# Over a video the colours are the recorded overlay's, whatever the window wears.
THEME: Final[Theme] = DARK
AXES: Final = (("x", "#e69f00"), ("y", "#56b4e9"), ("z", "#ffffff"))  # told apart by all, and named
_PAD: Final = 6.0
_LEAST_PX: Final = 13  # of labels, unless the window's text is larger
_MOST_PX: Final = 26
_NAME_EM: Final = 7.0  # of a name, heights of the text
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
        words: Faces have their labels; else their ids alone.
    """

    landmarks: bool = False
    head_axes: bool = False
    uncertain_below: float = 0.3
    words: bool = True


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
        return (
            class_name(face.label),
            QCoreApplication.translate("OverlayPainter", "corrected"),
            False,
        )
    if not face.label:
        return "", "", False
    uncertain = in_doubt(face.reliability, behind=face.behind, below=uncertain_below)
    return (
        class_name(face.label) + ("?" if uncertain else ""),
        percent(face.share),
        uncertain,
    )


class _Words(NamedTuple):
    """What a label says: the name or number, then what the face shows."""

    chip: str
    label: str
    percent: str
    uncertain: bool

    @property
    def bare(self) -> bool:
        """It is the id alone."""
        return not (self.label or self.percent)

    @property
    def said(self) -> tuple[str, ...]:
        """Its parts that are not empty."""
        return tuple(part for part in (self.chip, self.label, self.percent) if part)

    def shorter(self) -> "tuple[_Words, ...]":
        """Give the same with less and less: without the percentage, then the id alone."""
        return self, self._replace(percent=""), self._replace(label="", percent="")


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
        least = max(_LEAST_PX, QFontInfo(self._font).pixelSize() + 1)
        most = max(_MOST_PX, least)
        self._font.setPixelSize(round(min(max(place.area.height() / 32, least), most)))
        self._metrics = QFontMetricsF(self._font)

    def draw(self, faces: Sequence[LabelledFace], shown: int | None, selected: int | None) -> None:
        """Draw every face, then the labels over them.

        Args:
            faces: What to draw.
            shown: Id of the face that the panels are about; its frame is thicker.
            selected: Id of the face that the user chose; its label says so.
        """
        labels = self._labels(faces, selected)
        plates = self._plates(faces, labels, shown)
        for face, words in zip(faces, labels, strict=True):
            colour = QColor(THEME.face(face.hue))
            if face.landmarks is not None and self._look.landmarks:
                self._landmarks(face.landmarks, colour)
            if face.landmarks is not None and self._look.head_axes:
                self._axes(face.landmarks)
            box = self._place.box(face.box)
            self._box(box, colour, thick=face.id == shown, dashed=words.uncertain)
        for face in faces:
            plate = plates.get(face.id)
            if plate is not None:
                rect, words = plate
                self._label(QRectF(*rect[:2], rect.width, rect.height), words, face.hue)

    def label_places(
        self,
        faces: Sequence[LabelledFace],
        selected: int | None = None,
        shown: int | None = None,
    ) -> dict[int, tuple[Rect, str]]:
        """Say where each face's plate goes and what it reads; never on other faces and plates.

        Args:
            faces: Whose plates.
            selected: Id of the face that the user chose.
            shown: Id of the face that the panels are about; it chooses its place first.

        Returns:
            By face: pixels of the widget, and its words; a face without room has none.
        """
        plates = self._plates(faces, self._labels(faces, selected), shown)
        return {face: (rect, " ".join(words.said)) for face, (rect, words) in plates.items()}

    def _labels(self, faces: Sequence[LabelledFace], selected: int | None) -> list[_Words]:
        below = self._look.uncertain_below
        labels = [
            _Words(
                self._called(face) + (" ●" if face.id == selected else ""), *words_of(face, below)
            )
            for face in faces
        ]
        return labels if self._look.words else [words.shorter()[-1] for words in labels]

    def _called(self, face: LabelledFace) -> str:
        """Give its name, where that is long its beginning, or its number."""
        room = _NAME_EM * self._metrics.height()
        return self._metrics.elidedText(face.called, Qt.TextElideMode.ElideRight, room)

    def _plates(
        self, faces: Sequence[LabelledFace], labels: Sequence[_Words], shown: int | None
    ) -> dict[int, tuple[Rect, _Words]]:
        self._placer.begin()
        boxes = [self._place.box(face.box) for face in faces]
        rects = [
            Rect.at(box.left(), box.top(), round(box.width()), round(box.height())) for box in boxes
        ]
        plates: dict[int, tuple[Rect, _Words]] = {}
        for at in sorted(range(len(faces)), key=lambda at: faces[at].id != shown):
            taken = [*rects[:at], *rects[at + 1 :], *(rect for rect, _ in plates.values())]
            plate = self._plate(faces[at].id, rects[at], labels[at], taken)
            if plate is not None:
                plates[faces[at].id] = plate
        wanted = {face.id: words for face, words in zip(faces, labels, strict=True)}
        if {face: words for face, (_, words) in plates.items()} == wanted:
            return plates
        return {
            face: plate if face == shown else self._short(plate) for face, plate in plates.items()
        }

    def _short(self, plate: tuple[Rect, _Words]) -> tuple[Rect, _Words]:
        """Take the percentage away: it gets tight."""
        rect, words = plate
        less = words._replace(percent="")
        return Rect.at(rect.x0, rect.y0, round(sum(self._widths(less))), rect.height), less

    def _plate(
        self, face: int, box: Rect, words: _Words, taken: Sequence[Rect]
    ) -> tuple[Rect, _Words] | None:
        """Find room around a box or in its top, inside the picture; say less where there is none.

        In a crowd a plate may be left out: the box tells.
        """
        area = self._place.area
        inside = Rect.at(area.left(), area.top(), round(area.width()), round(area.height()))
        offers = [
            (rect, less) for less in words.shorter() for rect in self._around(box, less, inside)
        ]
        choice = self._placer.place(face, [rect for rect, _ in offers], taken)
        if choice is None:
            return None
        rect, less = offers[choice]
        return None if rect is None else (rect, less)

    def _around(self, box: Rect, words: _Words, inside: Rect) -> list[Rect | None]:
        """Offer rows above and below a box, its sides, and what of its own top hides no eyes."""
        width = round(sum(self._widths(words)))
        height = round(self._metrics.height() + _PAD)
        top = max(box.y0, inside.y0) + 3
        places: list[tuple[int, int | None]] = [
            *(
                (x, row)
                for x in (box.x0, box.x1 - width)
                for row in (box.y0 - height - 3, box.y1 + 3)
            ),
            (box.x1 + 3, max(box.y0, inside.y0)),
            (box.x0 - 3 - width, max(box.y0, inside.y0)),
            (box.x0, top if box.height > 5 * height or words.bare else None),
        ]
        found: list[Rect | None] = []
        for x, row in places:
            if row is None:
                found.append(None)
                continue
            rect = Rect.at(x, row, width, height)
            beside = x in (box.x1 + 3, box.x0 - 3 - width)
            moved = rect if beside else rect.moved_into(inside)
            good = moved.y0 == row and moved.within(inside)
            found.append(moved if good else None)
        return found

    def _widths(self, words: _Words) -> tuple[float, float, float]:
        chip, label, percent = (
            self._metrics.horizontalAdvance(text)
            for text in (words.chip, words.label, words.percent)
        )
        return (
            chip + 2 * _PAD,
            label + 2 * _PAD if words.label else 0.0,
            percent + _PAD if words.percent else 0.0,
        )

    def _label(self, area: QRectF, words: _Words, hue: int) -> None:
        colour = QColor(THEME.face(hue))
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
