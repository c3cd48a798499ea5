"""The panels around the picture: where they lie, and when they are drawn."""

from functools import partial
from typing import Final, Literal

from PyQt6.QtCore import QByteArray, QCoreApplication, QEvent, QSettings, Qt, QTimer
from PyQt6.QtGui import QAction, QPaintEvent
from PyQt6.QtWidgets import (
    QDockWidget,
    QMainWindow,
    QScrollArea,
    QStyle,
    QStyleOptionDockWidget,
    QStyleOptionFrame,
    QStylePainter,
    QTabBar,
    QToolBar,
    QWidget,
)

from app.live.state import LiveState
from app.window.keys import keep_own_key
from app.window.panels.affect_plot import AffectPlot
from app.window.panels.circumplex import CircumplexPanel
from app.window.panels.panel import Panel
from app.window.panels.performance import PerformancePanel
from app.window.panels.probabilities import ProbabilitiesPanel
from app.window.panels.recording import RecordingPanel
from app.window.panels.statistics import StatisticsPanel
from app.window.scrolled import Scrolled

translate = QCoreApplication.translate
LAYOUT: Final = 2  # of the docks; another number forgets remembered places
_SCROLLED: Final = ("probabilities", "circumplex", "performance", "recording")
LayoutName = Literal["session", "analysis"]
PICTURE: Final = 0.65  # of the window's width, in the layout of a session
_LOW_PX: Final = 760  # a window lower than this has the plane behind the expression
_BELOW_PX: Final = 176  # the curves, at least
_BELOW: Final = 0.24  # of the window's height
_BELOW_ANALYSIS: Final = 0.31  # where statistics lie there too
_PLANE_EM: Final = 18  # heights of the text for the plane, so that its crosses have names
_DIRECT: Final = Qt.FindChildOption.FindDirectChildrenOnly
_RIGHT, _BOTTOM = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea


class Dock(QDockWidget):
    """A dock that leaves keys to its widgets, also where it floats."""

    def event(self, event: QEvent | None) -> bool:
        """Leave keys to the widgets that do something with them."""
        return keep_own_key(event) or super().event(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Write the title in today's size: Qt's own goes on with that of when the dock was made."""
        painter = QStylePainter(self)
        if self.isFloating():
            frame = QStyleOptionFrame()
            frame.initFrom(self)
            painter.drawPrimitive(QStyle.PrimitiveElement.PE_FrameDockWidget, frame)
        title = QStyleOptionDockWidget()
        self.initStyleOption(title)
        painter.drawControl(QStyle.ControlElement.CE_DockWidgetTitle, title)


class Docks:
    """The window's panels, each in a dock of its own.

    Attributes:
        probabilities: What the selected face shows.
        statistics: What all faces showed.
        panels: All that show the live state, by name.
        docks: By name, the recording's too.
    """

    def __init__(
        self, window: QMainWindow, recording: RecordingPanel, uncertain_below: float
    ) -> None:
        """Make the panels and put them around the window's picture."""
        self._window, self._recording = window, recording
        self._before: QByteArray | None = None  # where all was before they were hidden together
        self.layout: LayoutName | None = "session"  # None once panels were put elsewhere
        self.probabilities = ProbabilitiesPanel(uncertain_below)
        self.statistics = StatisticsPanel()
        self.panels: dict[str, Panel] = {
            "probabilities": self.probabilities,
            "circumplex": CircumplexPanel(),
            "statistics": self.statistics,
            "performance": PerformancePanel(),
            "affect": AffectPlot(),
        }
        widgets: dict[str, QWidget] = {**self.panels, "recording": recording}
        self.docks = {name: self._dock(name, widget) for name, widget in widgets.items()}
        self._low = self._arranging = False
        self.arrange("session")

    @property
    def shown(self) -> tuple[QAction, ...]:
        """What shows and hides each of them."""
        toggles = (dock.toggleViewAction() for dock in self.docks.values())
        return tuple(toggle for toggle in toggles if toggle is not None)

    def _dock(self, name: str, widget: QWidget) -> QDockWidget:
        titles = {
            "probabilities": translate("MainWindow", "Expression"),
            "circumplex": translate("MainWindow", "Valence and arousal"),
            "statistics": translate("MainWindow", "Statistics"),
            "performance": translate("MainWindow", "Performance"),
            "affect": translate("MainWindow", "Valence and arousal over time"),
            "recording": translate("MainWindow", "Recording"),
        }
        dock = Dock(titles[name], self._window)
        dock.setObjectName(name)  # by which its place is remembered
        dock.setWidget(Scrolled(widget) if name in _SCROLLED else widget)
        dock.topLevelChanged.connect(self.moved)  # no lambda: one that is collected first crashes
        if isinstance(widget, Panel):
            dock.visibilityChanged.connect(widget.uncovered)
        return dock

    def write_marker(self) -> None:
        """Lead to the field for a marker's text, wherever its panel is."""
        dock = self.docks["recording"]
        dock.show()
        dock.raise_()
        dock.activateWindow()
        field = self._recording.mark_text
        field.setFocus()
        area = dock.widget()
        if isinstance(area, QScrollArea):  # a panel that comes to the front is laid out later
            later = QTimer(area)
            later.setSingleShot(True)
            later.timeout.connect(partial(area.ensureWidgetVisible, field))
            later.timeout.connect(later.deleteLater)
            later.start(0)

    def moved(self) -> None:
        """Take note that the user put panels elsewhere: no layout gives them shares any more."""
        if not self._arranging:
            self.layout = None

    def arrange(self, layout: LayoutName) -> None:
        """Put all panels where a layout has them, whatever was done to them.

        Args:
            layout: ``session`` shows the answer, the plane and the curves; ``analysis`` all.
        """
        window, docks, whole = self._window, self.docks, layout == "analysis"
        self.layout, self._arranging = layout, True
        for dock in docks.values():
            dock.setFloating(False)
            window.removeDockWidget(dock)
        for name in ("affect", "statistics", "performance"):
            window.addDockWidget(_BOTTOM, docks[name])
            docks[name].setVisible(whole or name == "affect")
        window.tabifyDockWidget(docks["statistics"], docks["performance"])
        window.addDockWidget(_RIGHT, docks["probabilities"])
        docks["probabilities"].show()
        self._stack(low=window.height() < _LOW_PX)
        if whole:
            docks["statistics"].raise_()
        self._arranging = False
        self.fit()

    def fit(self) -> None:
        """Give the panels of a layout their shares of the window; for when it changes its size."""
        if self.layout is None or self._before is not None:
            return
        window, docks = self._window, self.docks
        across, down = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        width, height = window.width(), window.height()
        if (height < _LOW_PX) != self._low:
            self._stack(low=not self._low)
        share = 1 - PICTURE if self.layout == "session" else 0.4
        window.resizeDocks([docks["probabilities"]], [round(share * width)], across)
        below = max(_BELOW_PX, round(self._below * height))
        window.resizeDocks([docks["affect"]], [below], down)
        if self.layout == "analysis":
            bottom = [docks["affect"], docks["statistics"]]
            window.resizeDocks(bottom, [round(0.55 * width), round(0.45 * width)], across)
        if not self._low:
            menus = window.menuBar()
            bars = 0 if menus is None else menus.sizeHint().height()
            bars += sum(bar.sizeHint().height() for bar in window.findChildren(QToolBar))
            room = height - below - bars
            plane = _PLANE_EM * docks["circumplex"].fontMetrics().height()
            natural = min(docks["probabilities"].sizeHint().height(), room - plane)
            natural = max(natural, docks["probabilities"].minimumSizeHint().height())
            rest = max(1, room - natural)
            window.resizeDocks([docks["probabilities"], docks["circumplex"]], [natural, rest], down)
        for bar in window.findChildren(
            QTabBar, options=_DIRECT
        ):  # Qt makes them as they are needed
            bar.setElideMode(Qt.TextElideMode.ElideNone)  # arrows where there is no room for all

    @property
    def _below(self) -> float:
        """Say what share of the window's height the panels below the picture have."""
        return _BELOW_ANALYSIS if self.layout == "analysis" else _BELOW

    def _stack(self, *, low: bool) -> None:
        """Put plane and recording below the expression, or behind it where there is no height."""
        window, docks, self._low = self._window, self.docks, low
        front = "recording" if not docks["recording"].visibleRegion().isEmpty() else "circumplex"
        for name in ("circumplex", "recording"):
            window.removeDockWidget(docks[name])
        if low:
            window.tabifyDockWidget(docks["probabilities"], docks["circumplex"])
        else:
            window.addDockWidget(_RIGHT, docks["circumplex"])
        window.tabifyDockWidget(docks["circumplex"], docks["recording"])
        for name in ("circumplex", "recording"):
            docks[name].show()
        docks["probabilities" if low and front == "circumplex" else front].raise_()

    def hide_all(self, hide: bool) -> None:
        """Hide every panel, or show them as they were before that."""
        if hide and self._before is None:
            self._before = self._window.saveState(LAYOUT)
            for dock in self.docks.values():
                dock.hide()
        elif not hide and self._before is not None:
            before, self._before = self._before, None
            self._window.restoreState(before, LAYOUT)

    def restore(self, kept: QSettings) -> None:
        """Put window and panels where they were when `keep` was called last."""
        for key, restore in (
            ("geometry", self._window.restoreGeometry),
            ("docks", lambda state: self._window.restoreState(state, LAYOUT)),
        ):
            value = kept.value(key)
            if isinstance(value, QByteArray) and restore(value) and key == "docks":
                name = kept.value("layout")
                self.layout = name if name in ("session", "analysis") else None
                beside = self._window.tabifiedDockWidgets(self.docks["circumplex"])
                self._low = self.docks["probabilities"] in beside

    def raise_floating(self) -> None:
        """Put panels that float over the window, which is shown after they are."""
        for dock in self.docks.values():
            if dock.isFloating() and dock.isVisible():
                dock.raise_()

    def keep(self, kept: QSettings) -> None:
        """Remember where window and panels are."""
        self.hide_all(False)  # the full screen is not what is remembered
        kept.setValue("geometry", self._window.saveGeometry())
        kept.setValue("docks", self._window.saveState(LAYOUT))
        kept.setValue("layout", self.layout or "")

    def refresh(self, live: LiveState) -> None:
        """Draw the panels that can be seen; the others once they are."""
        for panel in self.panels.values():
            if not panel.visibleRegion().isEmpty():
                panel.refresh(live)
            else:
                panel.remember(live)
