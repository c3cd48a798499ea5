"""The plane of valence and arousal, with the last seconds of every face as a fading trail."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from app.live.plot_window import thinned
from app.live.state import LiveState
from app.session.history import Curve
from app.session.naming import NAMELESS, NamedFaces
from app.window.language import class_name, filled
from app.window.panels.panel import MARGIN, Panel, chip_font, draw_chip, draw_focus, growing
from app.window.theme import Theme, current_theme
from engine.labels import VALENCE_AROUSAL, Expression
from engine.types import Floats

TRAIL_S: Final = 5.0
_CELL_S: Final = 0.1  # of the trail: 50 points a face
_FADES: Final = 12  # shades of a trail
_GAP_S: Final = 1.0  # a face that is away for longer has no trail
_MOST_FACES: Final = 8
_NAME_EM: Final = 5  # of a face's name, heights of the text
# Above their crosses, these names would run into disgust's and the axis's.
_NAMED_BELOW: Final = (Expression.CONTEMPT, Expression.SADNESS)
_NAMED_ABOVE_FROM: Final = 15  # heights of the text: in a smaller plane names are beside crosses
_NAMED_FROM: Final = 8  # one that is smaller still has crosses only
_BESIDE: Final = 0.8  # of the side that it could have, for words outside the circle
_ASIDE_PX: Final = 6.0  # words beside the circle, and names beside their crosses


class CircumplexPanel(Panel):
    """Where faces are on the plane, and where they came from."""

    every_s = 1 / 15  # painting costs as much as a small network: the analysis needs the cores

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make the panel."""
        super().__init__(parent)
        self.setAccessibleName(self.tr("Plane of valence and arousal"))
        self.plane = Plane()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.addWidget(self.plane)

    def show_state(self, live: LiveState) -> None:
        """Take the trails' last seconds from the history."""
        self.plane.show_trails(trails(live), live.shown, live.labels, live.named)

    def restyle(self) -> None:
        """Take over the theme's colours."""
        self.plane.update()


def trails(live: LiveState, length_s: float = TRAIL_S) -> dict[int, Floats]:
    """Give what every face that is in the picture showed lately.

    Args:
        live: The state.
        length_s: How far to look back.

    Returns:
        By face: (N, 2) float32 valence, arousal, oldest first, N at least 1; the stretch since
        the face was last away.
    """
    now_s = live.now_s
    found: dict[int, Floats] = {}
    if live.analysis is None:
        return found
    for face, history in live.history.faces.items():
        if history.seen_s(now_s) < now_s - _GAP_S:
            continue
        curves = [
            _up_to(now_s, live.history.curve(face, name, now_s - length_s, now_s))
            for name in ("valence", "arousal")
        ]
        lines = [thinned(curve.times, curve.mean, _CELL_S) for curve in curves]
        places = np.stack([line.values for line in lines], axis=1)
        ends = np.flatnonzero(~lines[0].joined)
        start = int(ends[-2]) + 1 if len(ends) > 1 else 0
        newest = [
            curve.mean[-1] for curve in curves if len(curve.mean)
        ]  # not merged with those before
        if not newest or np.isnan(newest).any():  # a model without valence and arousal
            continue
        found[face] = np.concatenate([places[start:], np.array([newest], np.float32)])
    faces = live.history.faces
    latest = sorted(found, key=lambda face: faces[face].seen_s(now_s))[-_MOST_FACES:]
    return {face: found[face] for face in latest}


def _up_to(now_s: float, curve: Curve) -> Curve:
    """Leave out what is later: it was seen before the file was gone back in."""
    count = len(curve.times)
    if count and curve.times[-1] > now_s:
        count -= 2 if count > 1 and np.isnan(curve.times[-2]) else 1
    return Curve(curve.times[:count], curve.low[:count], curve.high[:count], curve.mean[:count])


class Plane(QWidget):
    """The painted plane."""

    def __init__(self) -> None:
        """Make an empty plane."""
        super().__init__()
        self._trails: dict[int, Floats] = {}
        self._shown: int | None = None
        self._labels: tuple[str, ...] = ()
        self._named = NAMELESS
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Valence across, arousal upwards"))
        growing(self)

    def minimumSizeHint(self) -> QSize:
        """Keep the words apart, and where that needs less than 190 pixels, have names."""
        return QSize(190, min(190, (_NAMED_FROM + 2) * self.fontMetrics().height() + 14))

    def sizeHint(self) -> QSize:
        """Ask for a square."""
        return QSize(300, 300)

    def show_trails(
        self,
        trails: dict[int, Floats],
        shown: int | None,
        labels: tuple[str, ...] = (),
        named: NamedFaces = NAMELESS,
    ) -> None:
        """Show these trails.

        Args:
            trails: As `trails` gives them.
            shown: The face that the panels are about, drawn last and strongest.
            labels: Classes whose places are marked; all of them if the model knows none.
            named: What the faces are called.
        """
        self._trails, self._shown, self._labels = trails, shown, labels
        self._named = named
        self.setAccessibleDescription(self.spoken())
        self.update()

    def spoken(self) -> str:
        """Say where the shown face is."""
        trail = self._trails.get(self._shown or 0)
        if trail is None:
            return self.tr("no face")
        valence, arousal = trail[-1].tolist()
        words = self.tr("face {0}: valence {1:+.2f}, arousal {2:+.2f}")
        return filled(words, self._named.short(self._shown or 0), valence, arousal)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw plane, places and trails."""
        painter, theme = QPainter(self), current_theme()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = self.area()
        order = sorted(self._trails, key=lambda face: (face == self._shown, face))
        chips = self.chip_places(area, reversed(order))
        self._draw_plane(painter, theme, area)
        self._draw_places(painter, theme, area, list(chips.values()))
        for face in order:
            self._draw_trail(painter, theme, area, face)
            draw_chip(painter, chips[face], self._called(face), theme.face(self._named.hue(face)))
        draw_focus(self, painter, theme)

    def area(self) -> QRectF:
        """Give the square around the circle, pixels of the widget."""
        line = self.fontMetrics().height()
        side = min(self.width() - 8.0, self.height() - 2.0 * line - 12)
        beside = self.width() - 2 * (max(self._word_widths()) + _ASIDE_PX + 2)
        if beside >= _BESIDE * side:  # the words have room outside
            side = min(side, beside)
        side = max(60.0, side)
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _word_widths(self) -> tuple[int, int]:
        """Say how wide the words at the ends of the horizontal axis are."""
        metrics = self.fontMetrics()
        left, right = self.tr("unpleasant"), self.tr("pleasant")
        return metrics.horizontalAdvance(left), metrics.horizontalAdvance(right)

    def word_places(self, area: QRectF) -> dict[str, QRectF]:
        """Name the ends of the axes: top and bottom outside the circle, the sides where room is."""
        line, metrics = self.fontMetrics().height(), self.fontMetrics()
        middle, places = area.center(), {}
        for word, top in (
            (self.tr("excited"), area.top() - line - 3),
            (self.tr("calm"), area.bottom() + 3),
        ):
            width = metrics.horizontalAdvance(word)
            places[word] = QRectF(middle.x() - width / 2, top, width, line)
        left, right = self._word_widths()
        row = middle.y() - line / 2
        ends = (area.left() - _ASIDE_PX - left, area.right() + _ASIDE_PX)
        if ends[0] < 0 or ends[1] + right > self.width():  # below the axis, inside the circle
            row, ends = middle.y() + 2, (area.left() + 6, area.right() - 6 - right)
            if ends[0] + left + line / 2 > ends[1]:
                return places
        places[self.tr("unpleasant")] = QRectF(ends[0], row, left, line)
        places[self.tr("pleasant")] = QRectF(ends[1], row, right, line)
        return places

    def name_places(self, area: QRectF) -> dict[str, QRectF]:
        """Put the classes' names at their crosses, inside the widget, none over another word."""
        line, metrics = self.fontMetrics().height(), self.fontMetrics()
        places: dict[str, QRectF] = {}
        if area.width() < _NAMED_FROM * line:
            return places
        inside, taken = QRectF(self.rect()), list(self.word_places(area).values())
        for expression, (valence, arousal) in VALENCE_AROUSAL.items():
            if self._labels and expression.label not in self._labels:
                continue
            at = self.at(area, valence, arousal)
            width = metrics.horizontalAdvance(class_name(expression.label))
            left = QRectF(at.x() - _ASIDE_PX - width, at.y() - line / 2, width, line)
            right = QRectF(at.x() + _ASIDE_PX, left.top(), width, line)
            above = QRectF(at.x() - width / 2, at.y() - line - 2, width, line)
            below = QRectF(above.left(), at.y() + 3, width, line)
            offers = [left, above, right] if valence < -0.4 else [right, above, left]
            if area.width() >= _NAMED_ABOVE_FROM * line:
                offers = [below if expression in _NAMED_BELOW else above, *offers]
            elif not (valence or arousal):  # beside it is the axis
                offers = [above, below]
            for offer in [*offers, below]:
                if inside.contains(offer) and not any(map(offer.intersects, taken)):
                    places[expression.label] = offer
                    taken.append(offer)
                    break
        return places

    @staticmethod
    def at(area: QRectF, valence: float, arousal: float) -> QPointF:
        """Give where a point of the plane lies, pixels of the widget."""
        reach = area.width() / 2
        return area.center() + QPointF(valence * reach, -arousal * reach)

    def _draw_plane(self, painter: QPainter, theme: Theme, area: QRectF) -> None:
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.setBrush(QColor(theme.base))
        painter.drawEllipse(area)
        painter.setPen(QPen(QColor(theme.grid), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        half = area.width() / 4
        painter.drawEllipse(area.adjusted(half, half, -half, -half))
        painter.setPen(QPen(QColor(theme.border), 1))
        painter.drawLine(self.at(area, -1, 0), self.at(area, 1, 0))
        painter.drawLine(self.at(area, 0, -1), self.at(area, 0, 1))
        painter.setPen(QColor(theme.text))
        for word, place in self.word_places(area).items():
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, word)

    def _draw_places(
        self, painter: QPainter, theme: Theme, area: QRectF, chips: Sequence[QRectF]
    ) -> None:
        """Mark the classes' published places faintly, and name those that no id covers."""
        painter.setPen(QPen(QColor(theme.muted), 1))
        for expression, (valence, arousal) in VALENCE_AROUSAL.items():
            if not self._labels or expression.label in self._labels:
                at = self.at(area, valence, arousal)
                painter.drawLine(at - QPointF(3, 0), at + QPointF(3, 0))
                painter.drawLine(at - QPointF(0, 3), at + QPointF(0, 3))
        for label, place in self.name_places(area).items():
            if not any(map(place.intersects, chips)):
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, class_name(label))

    def _draw_trail(self, painter: QPainter, theme: Theme, area: QRectF, face: int) -> None:
        points = [self.at(area, v, a) for v, a in np.clip(self._trails[face], -1, 1).tolist()]
        shown = face == self._shown
        colour = QColor(theme.face(self._named.hue(face)))
        edges = np.linspace(0, len(points) - 1, _FADES + 1).round().astype(int).tolist()
        for step, (first, last) in enumerate(pairwise(edges), 1):
            fading = QColor(colour)
            fading.setAlphaF(step / _FADES)
            painter.setPen(QPen(fading, 3 if shown else 1.5))
            if first < last:
                painter.drawPolyline(QPolygonF(points[first : last + 1]))
        painter.setPen(QPen(QColor(theme.base), 1.5))
        painter.setBrush(colour)
        painter.drawEllipse(points[-1], 6 if shown else 4, 6 if shown else 4)

    def _called(self, face: int) -> str:
        """Give a face's name, where that is long its beginning, or its number."""
        metrics = QFontMetrics(chip_font(self.font()))
        room, way = _NAME_EM * metrics.height(), Qt.TextElideMode.ElideRight
        return metrics.elidedText(self._named.short(face), way, room)

    def chip_places(self, area: QRectF, faces: Iterable[int]) -> dict[int, QRectF]:
        """Put the ids beside their points, inside the widget, none over another or a word."""
        places: dict[int, QRectF] = {}
        height = self.fontMetrics().height()
        inside, words = QRectF(self.rect()), list(self.word_places(area).values())
        metrics = QFontMetrics(chip_font(self.font()))
        for face in faces:
            tip = self.at(area, *np.clip(self._trails[face][-1], -1, 1).tolist())
            width = metrics.horizontalAdvance(self._called(face)) + 8
            inwards = height + 1 if tip.y() < area.center().y() else -height - 1
            sides = (tip.x() + 9, tip.x() - 9 - width)
            rows = (tip.y() - height / 2 + inwards * row for row in range(self.height() // height))
            offers = (QRectF(x, row, width, height) for row in rows for x in sides)
            free = (
                offer
                for offer in offers
                if inside.contains(offer)
                and not any(map(offer.intersects, [*places.values(), *words]))
            )
            places[face] = next(free, QRectF(sides[0], tip.y() - height / 2, width, height))
        return places
