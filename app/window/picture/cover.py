"""Covers faces on the screen as they are covered in the recording: the picture tells the truth."""

import time
from collections.abc import Callable, Iterable
from typing import Final

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QImage, QPainter, QPainterPath

from app.session.faces import LabelledFace
from engine.faces.blur import BLOCKS, HOLD_S, MARGIN

_WHOLE_BLOCKS: Final = 4 * BLOCKS  # that are left of a whole picture, along each side


class FaceCover:
    """Remembers where faces were, and draws over them; off at first.

    A face is covered for a second after it was seen last; a picture that stands still keeps all of
    its faces covered. What comes later cannot be known here,
    unlike in a recording, which waits for it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Cover nothing.

        Args:
            clock: Gives seconds.
        """
        self._clock = clock
        self._faces_too, self._whole = False, False
        self._seen: dict[int, tuple[tuple[float, float, float, float], float]] = {}
        self._present: frozenset[int] = frozenset()

    def choose(self, *, faces: bool, whole: bool) -> bool:
        """Say what is covered; True if that is something else than before.

        Args:
            faces: Those that are found.
            whole: All of a picture in which nobody was found or somebody was lost.
        """
        wanted, before = (faces, faces and whole), (self._faces_too, self._whole)
        self._faces_too, self._whole = wanted
        return wanted != before

    @property
    def on(self) -> bool:
        """True while faces are covered."""
        return self._faces_too

    def note(self, faces: Iterable[LabelledFace]) -> None:
        """Remember where faces are now."""
        now_s = self._clock()
        self._seen = {n: seen for n, seen in self._seen.items() if now_s - seen[1] <= HOLD_S}
        found = {face.id: (face.box, now_s) for face in faces}
        self._present = frozenset(found)
        self._seen |= found

    def draw(
        self,
        painter: QPainter,
        image: QImage,
        area: QRectF,
        box_of: Callable[[tuple[float, float, float, float]], QRectF],
    ) -> None:
        """Cover what is to be covered.

        Args:
            painter: On the widget.
            image: The picture.
            area: Where it lies in the widget.
            box_of: Maps a box of the frame to the widget.
        """
        if not self._faces_too or image.isNull() or area.isEmpty():
            return
        unsure = not self._present or not self._present >= self._seen.keys()
        if self._whole and unsure:
            _smear(painter, image, area, area, _WHOLE_BLOCKS)
            return
        for box, _ in self._seen.values():
            place = box_of(box)
            side_x, side_y = MARGIN * place.width(), MARGIN * place.height()
            around = place.adjusted(-side_x, -side_y, side_x, side_y)
            path = QPainterPath()
            path.addEllipse(around)
            path.addRect(place)
            path.setFillRule(Qt.FillRule.WindingFill)
            painter.save()
            painter.setClipPath(path)
            _smear(painter, image, area, around & area, BLOCKS)
            painter.restore()


def _smear(painter: QPainter, image: QImage, area: QRectF, part: QRectF, blocks: int) -> None:
    """Draw a part of the picture from the averages of a few squares."""
    if part.isEmpty():
        return
    ratio = image.width() / area.width()
    left, top = ratio * (part.left() - area.left()), ratio * (part.top() - area.top())
    rect = QRectF(left, top, ratio * part.width(), ratio * part.height()).toAlignedRect()
    rect &= image.rect()
    if rect.isEmpty():
        return
    ways = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    small = image.copy(rect).scaled(blocks, blocks, *ways)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(part, small)
