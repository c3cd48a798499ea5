"""Valence, arousal and labels over time, with markers, one cursor and the chosen span."""

from collections.abc import Sequence
from math import ceil
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QPalette
from PyQt6.QtWidgets import QWidget

from app.session.folder import Marker
from app.session.naming import NAMELESS
from app.session.palette import face_colour, ink_on, label_colour
from app.session.review import Review
from app.session.spans import Span
from app.window.language import class_name
from app.window.picture.naming import face_words
from app.window.review.axis import TimeAxis
from app.window.review.legend import HATCH

SERIES: Final = ("valence", "arousal")
AXIS_PX: Final = 62
AXIS_GAP_PX: Final = 8  # beside its words
NAME_EM: Final = 8  # of a face's name, heights of the text
WORDS: Final = 60  # spans, and markers, named at once; more could not be read
CURVES: Final = 100  # faces whose curves are drawn: those seen longest, and the chosen one
MARKER_ROWS: Final = 3  # of their texts in the uppermost plot, at most
MARKER_GAP_PX: Final = 10
BANDS_MOST: Final = 0.55  # of the height that the faces' bands take so that all are named
LETTERS: Final = 200  # of a marker's text
LASTING: Final = (1.04, 1.24)  # where the uppermost plot shows how long markers last


class Timelines(pg.GraphicsLayoutWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Three plots over one another, linked in time.

    Signals:
        time_chosen: The cursor was moved to this time, seconds.
        span_chosen: This stretch was chosen, seconds.
        face_chosen: A face's band was clicked, at this time.
    """

    time_chosen = pyqtSignal(float)
    span_chosen = pyqtSignal(float, float)
    face_chosen = pyqtSignal(int, float)

    _built = False  # Qt sends events while the widget is being made

    def __init__(self, parent: QWidget | None = None) -> None:
        """Start empty."""
        super().__init__(parent)
        self.setAccessibleName(self.tr("Timelines"))
        self._review: Review | None = None
        self._faces: tuple[int, ...] = ()
        self._spans: list[tuple[int, Span]] = []
        self._drawn: object = None  # the numbers whose curves are shown
        self._named = NAMELESS  # what they are called
        self.curves: dict[tuple[str, int], Any] = {}  # by series and face
        self._bars: list[tuple[Any, Any]] = []  # plot and what is drawn in it
        self._marks: list[tuple[Any, Any]] = []
        self.marker_words: list[Any] = []
        self._marked: tuple[Marker, ...] | None = None  # what was drawn last
        self.words: list[Any] = []
        self._moving = False
        self._chosen: int | None = None
        self.plots: list[Any] = []
        for row in range(3):
            self.plots.append(self._make_plot(row))
        self.bands = self.plots[2]
        self.cursors = [self._make_cursor(plot) for plot in self.plots]
        self.region = pg.LinearRegionItem(movable=True)
        self.region.setZValue(5)
        self.region.hide()
        self.region.sigRegionChangeFinished.connect(self._region_moved)
        self.bands.addItem(self.region)
        self.bands.vb.sigXRangeChanged.connect(self._name_spans)
        for plot in self.plots:
            plot.vb.sigResized.connect(lambda _: self._name_rows())
        self.scene().sigMouseClicked.connect(self._clicked)
        self._built = True
        self._paint_palette()
        self._size_axes()

    def _make_plot(self, row: int) -> Any:  # noqa: ANN401 - pyqtgraph has no types
        axes = {"bottom": TimeAxis("bottom")}
        plot = self.addPlot(row=row, col=0, axisItems=axes)
        plot.setMouseEnabled(x=True, y=False)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.getAxis("left").setWidth(AXIS_PX)
        if row < 2:
            plot.setYRange(-1.25, 1.25, padding=0)
            plot.getAxis("left").setTicks([[(-1, "\N{MINUS SIGN}1"), (0, "0"), (1, "+1")]])
            names = (self.tr("valence"), self.tr("arousal"))
            plot.setLabel("left", names[row])
            plot.getAxis("bottom").setStyle(showValues=False)
            plot.showGrid(y=True, alpha=0.25)
            plot.setDownsampling(auto=True, mode="peak")  # of all its curves, whatever they ask for
            plot.setClipToView(True)
        else:
            plot.invertY(True)
        if self.plots:
            plot.setXLink(self.plots[0])
        return plot

    def _make_cursor(self, plot: Any) -> Any:  # noqa: ANN401 - pyqtgraph has no types
        cursor = pg.InfiniteLine(0, angle=90, movable=True)
        cursor.setZValue(10)
        cursor.sigDragged.connect(lambda line: self.time_chosen.emit(float(line.value())))
        plot.addItem(cursor)
        return cursor

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        kind = None if event is None or not self._built else event.type()
        if kind == QEvent.Type.PaletteChange:
            self._paint_palette()
        elif kind == QEvent.Type.FontChange:
            self._size_axes()

    def _size_axes(self) -> None:
        """Write the axes in today's size."""
        for plot in self.plots:
            for side in ("left", "bottom"):
                plot.getAxis(side).setStyle(tickFont=self.font())
        self._make_room()
        self._name_rows()
        self._name_spans()

    def _paint_palette(self) -> None:
        palette = self.palette()
        self.setBackground(palette.color(QPalette.ColorRole.Base))
        ink = palette.color(QPalette.ColorRole.Text)
        for plot in self.plots:
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(ink)
                plot.getAxis(side).setTextPen(ink)
        for cursor in self.cursors:
            cursor.setPen(pg.mkPen(ink, width=2))
            cursor.setHoverPen(pg.mkPen(palette.color(QPalette.ColorRole.Highlight), width=3))
        wash = QColor(palette.color(QPalette.ColorRole.Highlight))
        wash.setAlpha(70)
        self.region.setBrush(wash)
        self.region.setHoverBrush(wash)
        if self._review is not None:
            self._pen_curves()
            self._redraw_markers()  # the bands' colours fit both themes

    def show_review(self, review: Review, *, anew: bool = False) -> None:
        """Draw a review; `anew` shows all of its time."""
        numbers = review.table.numbers
        if anew or numbers is not self._drawn or review.named != self._named:
            # A new label changes no curve.
            self._review, self._faces = review, review.faces
            self._drawn, self._named = numbers, review.named
            self._redraw_curves()
        if anew or review.markers is not self._marked:
            self._review, self._marked = review, review.markers
            self._redraw_markers()
        self._redraw_bands()
        self._make_room()
        length_s = max(review.duration_s, 0.1)
        if anew:
            for plot in self.plots:
                plot.setLimits(xMin=-0.02 * length_s, xMax=1.02 * length_s, minXRange=0.2)
            self.plots[0].setXRange(0, length_s, padding=0)
            self.region.hide()
        self._name_spans()

    def _clear(self, items: list[tuple[Any, Any]]) -> None:
        for plot, item in items:
            plot.removeItem(item)
        items.clear()

    def _redraw_curves(self) -> None:
        drawn = self._faces_drawn()
        for plot, series in zip(self.plots[:2], SERIES, strict=True):
            for face in [f for s, f in self.curves if s == series and f not in drawn]:
                curve = self.curves.pop((series, face))
                curve.clear()  # removed with data, it would look for a view that is gone
                plot.removeItem(curve)
            for face in drawn:
                self._draw_curve(plot, face, series)
        self._pen_curves()
        self._name_rows()
        self.bands.setYRange(-0.6, max(len(self._faces), 1) - 0.4, padding=0)

    def _make_room(self) -> None:
        """Make the bands as high as their names need; the curves get what is left."""
        axis = self.bands.getAxis("bottom").height()
        line = self.fontMetrics().height() + 1
        wanted = (len(self._faces) + 0.2) * line + axis
        most = BANDS_MOST * self.height()
        self.ci.layout.setRowMinimumHeight(2, min(wanted, most))

    def _name_rows(self) -> None:
        """Write who is who beside the bands."""
        metrics, way = self.fontMetrics(), Qt.TextElideMode.ElideRight
        line = metrics.height()
        step = max(1, ceil(line / self._row_px())) if self._faces else 1  # else they would overlap
        words = [
            (row, metrics.elidedText(face_words(self._named, face), way, NAME_EM * line))
            for row, face in list(enumerate(self._faces))[::step]
        ]
        widest = max((metrics.horizontalAdvance(text) for _, text in words), default=0)
        for plot in self.plots:
            plot.getAxis("left").setWidth(max(AXIS_PX, line + widest + 2 * AXIS_GAP_PX))
        self.bands.getAxis("left").setTicks([words])
        for plot, series in zip(self.plots[:2], SERIES, strict=True):
            room = plot.vb.height() >= metrics.horizontalAdvance(series)
            plot.getAxis("left").showLabel(room)

    def _row_px(self) -> float:
        """Give the height of a face's band."""
        return max(1.0, float(self.bands.vb.height()) / max(len(self._faces), 1))

    def _faces_drawn(self) -> list[int]:
        """Give the faces whose curves are drawn: a day at a busy door has thousands."""
        if self._review is None or len(self._faces) <= CURVES:
            return list(self._faces)
        tracks = sorted(self._review.tracks(), key=lambda track: -track.face.seen_s)
        longest = {track.face.id for track in tracks[:CURVES]} | {self._chosen}
        return [face for face in self._faces if face in longest]

    def _draw_curve(self, plot: Any, face: int, series: str) -> None:  # noqa: ANN401
        if self._review is None:
            return
        times, values = self._review.series(face, series)
        times = times.copy()  # the review keeps its own
        gaps = np.flatnonzero(np.isnan(times))
        times[gaps] = times[gaps - 1]  # clipping needs rising times; the value stays a break
        if (series, face) not in self.curves:
            # Low and high for each column of pixels.
            curve = pg.PlotDataItem(connect="finite", autoDownsampleFactor=1.0)
            plot.addItem(curve)
            curve.setPen(self._pen(face))
            self.curves[series, face] = curve
        self.curves[series, face].setData(times, values)

    def _pen(self, face: int) -> Any:  # noqa: ANN401 - pyqtgraph has no types
        # Pens wider than 1 are slow to draw with, so one curve only has such.
        light = self.palette().color(QPalette.ColorRole.Base).lightness() > 127
        width = 2.5 if face == self._chosen else 1.0
        return pg.mkPen(face_colour(self._named.hue(face), light=light), width=width)

    def _pen_curves(self) -> None:
        for (_, face), curve in self.curves.items():
            curve.setPen(self._pen(face))

    def _redraw_bands(self) -> None:
        self._clear(self._bars)
        if self._review is None:
            return
        self._spans = [
            (row, span) for row, face in enumerate(self._faces) for span in self._review.spans(face)
        ]
        for label in dict.fromkeys(span.label for _, span in self._spans):
            spans = [(row, span) for row, span in self._spans if span.label == label]
            self._draw_bars(spans, QBrush(QColor(label_colour(label))))
        by_hand = [(row, span) for row, span in self._spans if span.corrected]
        self._draw_bars(by_hand, HATCH)

    @property
    def labels(self) -> list[str]:
        """The labels that the bands show."""
        seen = {span.label for _, span in self._spans} - {""}
        known = self._review.labels if self._review is not None else ()
        return [label for label in known if label in seen]

    @property
    def corrected(self) -> bool:
        """Whether a person set any of them."""
        return any(span.corrected for _, span in self._spans)

    def _draw_bars(self, spans: list[tuple[int, Span]], brush: QBrush) -> None:
        if not spans:
            return
        rows = np.array([row for row, _ in spans])
        bars = pg.BarGraphItem(
            x0=[span.start_s for _, span in spans],
            x1=[span.end_s for _, span in spans],
            y0=rows - 0.4,
            y1=rows + 0.4,
            brush=brush,
            pen=None,
        )
        self.bands.addItem(bars)
        self._bars.append((self.bands, bars))

    def _redraw_markers(self) -> None:
        self._clear(self._marks)
        if self._review is None:
            return
        pen = pg.mkPen(self.palette().color(QPalette.ColorRole.Text), style=Qt.PenStyle.DotLine)
        lasting = [(m.time_s, m.end_s) for m in self._review.markers if m.end_s is not None]
        times = [marker.time_s for marker in self._review.markers] + [end for _, end in lasting]
        low, high = -10.0, len(self._faces) + 10.0  # out of sight in all plots
        for plot in self.plots:
            lines = pg.PlotCurveItem(
                np.repeat(times, 2), np.tile((low, high), len(times)), pen=pen, connect="pairs"
            )
            plot.addItem(lines, ignoreBounds=True)
            self._marks.append((plot, lines))
        if lasting:
            self._draw_lasting(*zip(*lasting, strict=True))
        self._name_markers()

    def _draw_lasting(self, starts: Sequence[float], ends: Sequence[float]) -> None:
        """Draw how long markers last, along the top."""
        wash = QColor(self.palette().color(QPalette.ColorRole.Highlight))
        wash.setAlpha(150)  # two at once are seen as two, and so are two in a row
        edge, (low, high) = self.palette().color(QPalette.ColorRole.Base), LASTING
        bars = pg.BarGraphItem(x0=starts, x1=ends, y0=low, y1=high, brush=wash, pen=edge)
        self.plots[0].addItem(bars, ignoreBounds=True)
        self._marks.append((self.plots[0], bars))

    def _name_markers(self) -> None:
        """Write the markers' texts beside those that are in sight."""
        for item in self.marker_words:
            self.plots[0].removeItem(item)
        self.marker_words.clear()
        (left, right), _ = self.bands.vb.viewRange()
        per_s = self.bands.vb.width() / max(right - left, 1e-6)
        metrics = self.fontMetrics()
        box = self.plots[0].vb
        (_, _), (low, high) = box.viewRange()
        step = (high - low) * (metrics.height() + MARKER_GAP_PX / 2) / max(box.height(), 1.0)
        # Below the middle, where there is room for two rows.
        top = min(high, max(-0.05, low + 2 * step))
        rows = max(1, min(MARKER_ROWS, int((top - low) / max(step, 1e-6) + 1e-6)))
        free_px = [0.0] * rows  # where the next text of each row may begin
        markers = self._review.markers if self._review is not None else ()
        for marker in [m for m in markers if left <= m.time_s <= right][:WORDS]:
            begin_px, text = (marker.time_s - left) * per_s, marker.text[:LETTERS]
            wide_px = metrics.horizontalAdvance(text) + MARKER_GAP_PX
            before = begin_px + wide_px > self.bands.vb.width() and begin_px >= wide_px
            start_px = begin_px - wide_px * before  # at the end it stands before its line
            row = next((at for at, free in enumerate(free_px) if free <= start_px), None)
            if row is None:  # no room: the line alone
                continue
            free_px[row] = start_px + wide_px
            ink = self.palette().color(QPalette.ColorRole.Text)
            word = pg.TextItem(text, color=ink, anchor=(int(before), 0))
            word.setPos(marker.time_s, top - row * step)
            self.plots[0].addItem(word, ignoreBounds=True)
            self.marker_words.append(word)

    def _name_spans(self, *_: object) -> None:
        """Write the labels into the bands that are wide enough."""
        for item in self.words:
            self.bands.removeItem(item)
        self.words.clear()
        (left, right), _ = self.bands.vb.viewRange()
        per_s = self.bands.vb.width() / max(right - left, 1e-6)
        metrics = self.fontMetrics()
        too_low = metrics.height() > 1.2 * self._row_px()
        names = {label: class_name(label) for label in {span.label for _, span in self._spans}}
        widths = {label: metrics.horizontalAdvance(name) for label, name in names.items()}
        for row, span in [] if too_low else self._spans:
            start, end = max(span.start_s, left), min(span.end_s, right)
            if (end - start) * per_s < widths[span.label] + 2 * MARKER_GAP_PX:
                continue
            if len(self.words) == WORDS:
                break
            ink = ink_on(label_colour(span.label))
            word = pg.TextItem(names[span.label], color=ink, anchor=(0.5, 0.5))
            word.setPos((start + end) / 2, row)
            word.setZValue(6)  # over the chosen span
            self.bands.addItem(word)
            self.words.append(word)
        self._name_markers()

    def resizeEvent(self, event: Any) -> None:  # noqa: ANN401 - Qt's name
        """Name the spans that are wide enough now."""
        super().resizeEvent(event)
        if self._built:
            self._make_room()
            self._name_spans()

    def show_time(self, time_s: float) -> None:
        """Put the cursor to a time, and scroll to it if it is out of sight."""
        for cursor in self.cursors:
            cursor.setValue(time_s)
        (left, right), _ = self.bands.vb.viewRange()
        if not left <= time_s <= right:
            self.plots[0].setXRange(time_s, time_s + (right - left), padding=0)

    def zoom(self, factor: float, around_s: float) -> None:
        """Show `factor` times the time that is in sight, around a time."""
        (left, right), _ = self.bands.vb.viewRange()
        half = factor * (right - left) / 2
        self.plots[0].setXRange(around_s - half, around_s + half, padding=0)

    def show_span(self, span: tuple[float, float] | None) -> None:
        """Show the chosen stretch, or none."""
        self.region.setVisible(span is not None)
        if span is not None:
            self._moving = True
            self.region.setRegion(span)
            self._moving = False

    def show_chosen(self, face: int | None) -> None:
        """Draw the chosen face's curves stronger."""
        if face != self._chosen:
            self._chosen = face
            if face in self._faces and (SERIES[0], face) not in self.curves:
                for plot, series in zip(self.plots[:2], SERIES, strict=True):
                    self._draw_curve(plot, face, series)
            self._pen_curves()

    def _region_moved(self) -> None:
        if not self._moving:
            start_s, end_s = self.region.getRegion()
            self.span_chosen.emit(float(start_s), float(end_s))

    def _clicked(self, event: Any) -> None:  # noqa: ANN401 - pyqtgraph has no types
        if event.button() != Qt.MouseButton.LeftButton or self._review is None:
            return
        for plot in self.plots:
            if plot.vb.sceneBoundingRect().contains(event.scenePos()):
                at = plot.vb.mapSceneToView(event.scenePos())
                row = round(at.y())
                if plot is self.bands and 0 <= row < len(self._faces):
                    self.face_chosen.emit(self._faces[row], float(at.x()))
                else:
                    self.time_chosen.emit(float(at.x()))
                return
