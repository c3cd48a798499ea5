"""Valence and arousal of every face over time."""

import math
from typing import Final

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QEvent, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.live.plot_window import LENGTHS_S, PlotWindow, dashed, thinned, ticks
from app.live.state import LiveState
from app.session.history import History
from app.session.naming import NAMELESS, NamedFaces
from app.window.keys import OwnKeys
from app.window.language import filled
from app.window.panels.face_items import SERIES, FaceItems
from app.window.panels.panel import MARGIN, Panel
from app.window.theme import current_theme
from engine.drawing.timeline import spread

MOST_FACES: Final = 8  # drawn at once, as many as there are colours; those seen last
_CELL_PX: Final = 2.0
_DASH_PX: Final = 9.0
_ID_PX: Final = 32  # right of the newest sample: room for the ids, where they are short
_LABEL_EM: Final = 1.25  # from id to id, heights of the text
_BESIDE_PX: Final = 26  # ids closer than this, sideways, are moved apart, if no name is longer
_BEHIND_PX: Final = 6  # from a curve's end to its id
_KEY_GAP_PX: Final = 20
_TICK_PX: Final = 64  # between two ticks, at least
_TALL: Final = 2.2  # height of the plot in units of the values


class AffectPlot(Panel):
    """A scrolling plot: valence solid, arousal dashed, one colour and id per face."""

    every_s = 1 / 15  # painting costs as much as a small network: the analysis needs the cores

    def __init__(self, length_s: float = 30.0, parent: QWidget | None = None) -> None:
        """Make the panel.

        Args:
            length_s: Seconds shown at first.
            parent: Owns the widget.
        """
        super().__init__(parent)
        self.window_of_time = PlotWindow(length_s)
        self.setAccessibleName(self.tr("Valence and arousal over time"))
        self._history = History()
        self._shown: int | None = None
        self._now_s = 0.0
        self._named = NAMELESS
        self._ids_px: float = _ID_PX
        self.faces: dict[int, FaceItems] = {}
        self.plot = self._make_plot()
        self._size_axes()
        self._make_controls()
        self._make_keys()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(4)
        layout.addLayout(self._controls)
        layout.addWidget(self.plot, 1)
        self.restyle()
        self._redraw()

    def _make_plot(self) -> pg.PlotWidget:
        plot = pg.PlotWidget()
        plot.setAccessibleName(self.tr("Plot of valence and arousal"))
        plot.setToolTip(self.tr("Solid line: valence. Dashed line: arousal."))
        plot.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        plot.setMinimumSize(220, 110)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=True, y=False)
        plot.setYRange(-_TALL / 2, _TALL / 2, padding=0)
        plot.getAxis("left").setTicks([[(-1, "\N{MINUS SIGN}1"), (0, "0"), (1, "+1")]])
        self._grid = [pg.InfiniteLine(level, angle=0) for level in (-1, -0.5, 0, 0.5, 1)]
        for line in self._grid:
            plot.addItem(line)
        plot.getViewBox().sigRangeChangedManually.connect(self._moved_by_mouse)
        plot.getViewBox().sigResized.connect(lambda _: self._redraw())
        return plot

    def _size_axes(self) -> None:
        """Give the axes room for their words in the size of today."""
        metrics = self.fontMetrics()
        for name in ("left", "bottom"):
            self.plot.getAxis(name).setStyle(tickFont=self.font())
        self.plot.getAxis("left").setWidth(metrics.horizontalAdvance("+1") + 12)
        self.plot.getAxis("bottom").setHeight(metrics.height() + 4)
        for face, items in self.faces.items():
            items.restyle(face, self.theme, self._named.of(face))
        self._make_room()

    def changeEvent(self, event: QEvent | None) -> None:
        """Notice another size of type."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange and hasattr(self, "plot"):
            self._size_axes()

    def _make_controls(self) -> None:
        self.lengths = QComboBox()
        for seconds in LENGTHS_S:
            self.lengths.addItem(self._length_text(seconds), float(seconds))
        self.lengths.setAccessibleName(self.tr("Length of the plot"))
        self.lengths.setToolTip(self.tr("How much time the plot shows"))
        self.lengths.setCurrentIndex(self.lengths.findData(self.window_of_time.length_s))
        self.lengths.activated.connect(self._length_chosen)
        self.zoom_out = self._button("\N{MINUS SIGN}", self.tr("Show more time (\N{MINUS SIGN})"))
        self.zoom_in = self._button("+", self.tr("Show less time (+)"))
        self.pause = self._button(self.tr("Pause"), self.tr("Hold the plot still (Space)"))
        self.pause.setCheckable(True)
        self.zoom_out.clicked.connect(lambda: self._zoom(-1))
        self.zoom_in.clicked.connect(lambda: self._zoom(1))
        self.pause.toggled.connect(self._pause)
        self._controls = QHBoxLayout()
        self._controls.setSpacing(8)
        self.key = _LineKey()
        self._controls.addWidget(self.key)
        self._controls.addStretch(1)
        for widget in (self.lengths, self.zoom_out, self.zoom_in, self.pause):
            self._controls.addWidget(widget)

    def _button(self, text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    def _make_keys(self) -> None:
        keys = {
            Qt.Key.Key_Plus: lambda: self._zoom(1),
            Qt.Key.Key_Equal: lambda: self._zoom(1),
            Qt.Key.Key_Minus: lambda: self._zoom(-1),
            Qt.Key.Key_Left: lambda: self._pan(-0.25),
            Qt.Key.Key_Right: lambda: self._pan(0.25),
            Qt.Key.Key_Home: lambda: self.pause.setChecked(False),
            Qt.Key.Key_Space: self.pause.toggle,
        }
        OwnKeys(self.plot, keys)

    def _length_text(self, seconds: float) -> str:
        if seconds < 60:
            return filled(self.tr("{0:g} s"), seconds)
        return filled(self.tr("{0:g} min"), seconds / 60)

    def show_state(self, live: LiveState) -> None:
        """Draw what the history holds of the window of time."""
        if live.history is not self._history:  # another session
            self.pause.setChecked(False)
        self._history, self._shown, self._now_s = live.history, live.shown, live.now_s
        self._show_names(live.named)
        self.window_of_time.follow(self._now_s)
        if not self.window_of_time.paused:
            self._redraw()

    def _show_names(self, named: NamedFaces) -> None:
        """Take over what the faces are called."""
        if named is not self._named:
            self._named = named
            for face, items in self.faces.items():
                items.restyle(face, self.theme, named.of(face))
            self._make_room()

    def _make_room(self) -> None:
        """Leave room right of the newest sample for numbers, and for the names that there are."""
        widths = (items.label_px for items in self.faces.values())
        self._ids_px = max(_ID_PX, _BEHIND_PX + max(widths, default=0.0))

    def _redraw(self) -> None:
        window = self.window_of_time
        right_s = window.until_s + self._ids_px * self._pixel_s()
        self.plot.setXRange(window.since_s, right_s, padding=0)
        marks = ticks(window.since_s, right_s, spacing_s=_TICK_PX * self._pixel_s())
        self.plot.getAxis("bottom").setTicks([marks])
        faces = self._faces_in_window()
        for face in [face for face in self.faces if face not in faces]:
            self.faces.pop(face).remove(self.plot)
        for face in faces:
            self._draw_face(face)
        self._place_ids()

    def _faces_in_window(self) -> list[int]:
        window, faces = self.window_of_time, self._history.faces
        until_s = math.inf if window.paused else window.until_s
        seen_s = {face: history.seen_s(until_s) for face, history in faces.items()}
        recent = [face for face, last_s in seen_s.items() if last_s >= window.since_s]
        return sorted(recent, key=lambda face: seen_s[face])[-MOST_FACES:]

    def _draw_face(self, face: int) -> None:
        """Draw one face's curves."""
        if face not in self.faces:
            self.faces[face] = FaceItems(self.plot, face, self.theme, self._named.of(face))
            self._make_room()
        items = self.faces[face]
        window, pixel_s = self.window_of_time, self._pixel_s()
        items.tip = None
        for series in SERIES:
            curve = self._history.curve(face, series, window.since_s, window.until_s)
            line = thinned(curve.times, curve.mean, _CELL_PX * pixel_s)
            if not len(line.times) or line.times[0] > window.until_s:
                items.clear(series)
                continue
            solid = series == "valence"
            items.draw(series, line if solid else dashed(line, _DASH_PX * pixel_s))
            if solid:  # the last point may be beyond the edge, which the line runs up to
                at = max(0, int(np.searchsorted(line.times, window.until_s, side="right")) - 1)
                items.tip = float(line.times[at]), float(line.values[at])
        items.emphasise(chosen=face == self._shown)

    def _pixel_s(self) -> float:
        return self.window_of_time.length_s / (self._width_px() - self._ids_px)

    def _width_px(self) -> float:
        return max(2.0 * self._ids_px, float(self.plot.getViewBox().width()))

    def _place_ids(self) -> None:
        """Put the ids behind the curves' ends; where they collide, they are moved apart."""
        pixel_s = self._pixel_s()
        height = max(50.0, float(self.plot.getViewBox().height()))
        per_unit = height / _TALL
        newest_s = max((items.tip[0] for items in self.faces.values() if items.tip), default=0.0)
        side_by_side = []
        for items in self.faces.values():
            items.label.setVisible(items.tip is not None)
            if items.tip is None:
                continue
            items.label.setPos(items.tip[0] + _BEHIND_PX * pixel_s, items.tip[1])
            if newest_s - items.tip[0] < max(_BESIDE_PX, self._ids_px - _BEHIND_PX) * pixel_s:
                side_by_side.append((items.label, (_TALL / 2 - items.tip[1]) * per_unit))
        gap = min(_LABEL_EM * self.fontMetrics().height(), height / max(1, len(side_by_side)))
        rows = spread([row for _, row in side_by_side], gap, height)
        for (label, _), row in zip(side_by_side, rows, strict=True):
            label.setPos(label.pos().x(), _TALL / 2 - row / per_unit)

    def _length_chosen(self) -> None:
        self.window_of_time.length_s = float(self.lengths.currentData())
        self._redraw()

    def _zoom(self, steps: int) -> None:
        self.window_of_time.zoom(steps)
        self._show_length()
        self._redraw()

    def _pan(self, share: float) -> None:
        self.window_of_time.pan(share)
        self.pause.setChecked(True)
        self._redraw()

    def _moved_by_mouse(self) -> None:
        left_s, right_s = self.plot.getViewBox().viewRange()[0]
        ids_s = (right_s - left_s) * self._ids_px / self._width_px()
        self.window_of_time.show(left_s, right_s - ids_s)
        self.pause.setChecked(True)
        self._show_length()
        self._redraw()

    def _pause(self, paused: bool) -> None:
        self.window_of_time.pause(paused=paused)
        self.pause.setText(self.tr("Paused") if paused else self.tr("Pause"))
        self.window_of_time.follow(self._now_s)
        self._redraw()

    def _show_length(self) -> None:
        """Show the length in the list if it is one of the list's, else as the list's hint."""
        length_s = self.window_of_time.length_s
        self.lengths.setPlaceholderText(self._length_text(round(length_s, 1)))
        self.lengths.setCurrentIndex(self.lengths.findData(length_s))

    def restyle(self) -> None:
        """Take over the theme's colours."""
        theme = self.theme
        self.plot.setBackground(theme.base)
        for line in self._grid:
            line.setPen(pg.mkPen(theme.muted if line.value() == 0 else theme.grid, width=1))
        for name in ("left", "bottom"):
            axis = self.plot.getAxis(name)
            axis.setPen(pg.mkPen(theme.border))
            axis.setTextPen(pg.mkPen(theme.muted))
        for face, items in self.faces.items():
            items.restyle(face, theme, self._named.of(face))
        self.key.update()
        self._redraw()


class _LineKey(QWidget):
    """Says which line is which."""

    def __init__(self) -> None:
        super().__init__()
        self._words = (self.tr("valence"), self.tr("arousal"))
        self.setAccessibleName(self.tr("Solid line: valence. Dashed line: arousal."))

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(
            sum(metrics.horizontalAdvance(word) + 32 + _KEY_GAP_PX for word in self._words),
            metrics.height() + 4,
        )

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self.width() < self.sizeHint().width() - _KEY_GAP_PX:
            return  # half a word helps nobody; the plot's tip says it too
        painter, theme, x = QPainter(self), current_theme(), 0.0
        middle = round(self.height() / 2)
        for word, style in zip(
            self._words, (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine), strict=True
        ):
            width = 2 if style is Qt.PenStyle.SolidLine else 1.4
            painter.setPen(QPen(QColor(theme.text), width, style))
            painter.drawLine(round(x), middle, round(x) + 26, middle)
            painter.setPen(QColor(theme.text))
            advance = self.fontMetrics().horizontalAdvance(word)
            rect = QRectF(x + 32, 0, advance + 2, self.height())
            painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, word)
            x += advance + 32 + _KEY_GAP_PX
