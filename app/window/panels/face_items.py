"""What the plot of valence and arousal draws of one face."""

from typing import Final

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QFontMetricsF
from PyQt6.QtWidgets import QApplication, QGraphicsEllipseItem, QGraphicsItem

from app.live.plot_window import Line
from app.session.naming import NOBODY, NamedFace
from app.session.palette import ink_on
from app.window.theme import Theme

SERIES: Final = ("valence", "arousal")
_END_PX: Final = 6.5  # across the mark at a curve's end
_NAME_EM: Final = 5.0  # of a name, heights of the text


class FaceItems:
    """What is drawn of one face: two curves with a mark at the end of each, and its id."""

    def __init__(
        self, plot: pg.PlotWidget, face: int, theme: Theme, named: NamedFace = NOBODY
    ) -> None:
        # As paths: what pyqtgraph draws as arrays of segments, scatter plots too, leaks an object
        # at each painting (a slice of PyQt's `sip.array` is never freed; PyQt6-sip 13.13).
        self.curves = {series: pg.PlotCurveItem(skipFiniteCheck=True) for series in SERIES}
        self._ends = {series: _end_mark(plot) for series in SERIES}
        self.tip: tuple[float, float] | None = None
        self._chosen: bool | None = None
        self._colour = ""
        self.label = pg.TextItem(str(face), anchor=(0, 0.5))
        self.label.textItem.document().setDocumentMargin(1.5)
        for curve in self.curves.values():
            curve.setSegmentedLineMode("off")
            plot.addItem(curve)
        plot.addItem(self.label, ignoreBounds=True)
        self.restyle(face, theme, named)

    def draw(self, series: str, line: Line) -> None:
        """Show a curve, and its mark at the end."""
        joined = line.joined.astype(np.int32)
        self.curves[series].setData(line.times, line.values, connect=joined)
        self._ends[series].setPos(line.times[-1], line.values[-1])
        self._ends[series].show()

    def clear(self, series: str) -> None:
        """Show no curve."""
        self.curves[series].setData([], [])
        self._ends[series].hide()

    def emphasise(self, *, chosen: bool) -> None:
        """Draw the face that the panels are about with thicker lines."""
        if chosen == self._chosen:
            return
        self._chosen = chosen
        width = 2.2 if chosen else 1.2
        for series, curve in self.curves.items():
            curve.setPen(
                pg.mkPen(self._colour, width=width if series == "valence" else 0.7 * width)
            )
            curve.setZValue(2 if chosen else 1)
        self.label.setZValue(3 if chosen else 2)

    @property
    def label_px(self) -> float:
        """Width of the name or number."""
        return float(self.label.boundingRect().width())

    def restyle(self, face: int, theme: Theme, named: NamedFace) -> None:
        """Take over a theme's colours, and what the face is called."""
        self._colour = theme.face(named.hue(face))
        font = QApplication.font()
        self.label.setFont(font)
        metrics = QFontMetricsF(font)
        way, room = Qt.TextElideMode.ElideRight, _NAME_EM * metrics.height()
        self.label.setPlainText(metrics.elidedText(named.name or str(face), way, room))
        self.label.fill = pg.mkBrush(self._colour)
        self.label.setColor(ink_on(self._colour))
        for series, end in self._ends.items():
            end.setPen(pg.mkPen(self._colour, width=1.5))
            end.setBrush(QColor(self._colour if series == "valence" else theme.base))
        self._chosen = None

    def remove(self, plot: pg.PlotWidget) -> None:
        """Take everything out of the plot."""
        for item in (*self.curves.values(), *self._ends.values(), self.label):
            plot.removeItem(item)


def _end_mark(plot: pg.PlotWidget) -> QGraphicsEllipseItem:
    """Add a disc whose size is in pixels, whatever the plot's range."""
    mark = QGraphicsEllipseItem(-_END_PX / 2, -_END_PX / 2, _END_PX, _END_PX)
    mark.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
    mark.setZValue(2)
    plot.addItem(mark, ignoreBounds=True)
    return mark
