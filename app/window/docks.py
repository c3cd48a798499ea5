"""The panels around the picture: where they lie, and when they are drawn."""

from typing import Final

from PyQt6.QtCore import QByteArray, QCoreApplication, QEvent, QSettings, Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QDockWidget, QFrame, QMainWindow, QScrollArea, QWidget

from app.live.state import LiveState
from app.window.keys import keep_own_key
from app.window.panels.affect_plot import AffectPlot
from app.window.panels.circumplex import CircumplexPanel
from app.window.panels.panel import Panel
from app.window.panels.performance import PerformancePanel
from app.window.panels.probabilities import ProbabilitiesPanel
from app.window.panels.recording import RecordingPanel
from app.window.panels.statistics import StatisticsPanel

translate = QCoreApplication.translate
LAYOUT: Final = 1  # of the docks; another number forgets remembered places
_RIGHT, _BOTTOM = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea


class Dock(QDockWidget):
    """A dock that leaves keys to its widgets, also where it floats."""

    def event(self, event: QEvent | None) -> bool:
        """Leave keys to the widgets that do something with them."""
        return keep_own_key(event) or super().event(event)


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
        self._window = window
        self._before: QByteArray | None = None  # where all was before they were hidden together
        self.probabilities = ProbabilitiesPanel(uncertain_below)
        self.statistics = StatisticsPanel()
        self.panels: dict[str, Panel] = {
            "probabilities": self.probabilities,
            "circumplex": CircumplexPanel(),
            "statistics": self.statistics,
            "performance": PerformancePanel(),
            "affect": AffectPlot(),
        }
        widgets: dict[str, QWidget] = {**self.panels, "recording": _scrolled(recording)}
        self.docks = {name: self._dock(name, widget) for name, widget in widgets.items()}
        self._place()

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
            "affect": translate("MainWindow", "Over time"),
            "recording": translate("MainWindow", "Recording"),
        }
        dock = Dock(titles[name], self._window)
        dock.setObjectName(name)  # by which its place is remembered
        dock.setWidget(widget)
        return dock

    def _place(self) -> None:
        window, docks = self._window, self.docks
        for name in ("probabilities", "circumplex", "recording"):
            window.addDockWidget(_RIGHT, docks[name])
        for name in ("affect", "statistics", "performance"):
            window.addDockWidget(_BOTTOM, docks[name])
        window.tabifyDockWidget(docks["circumplex"], docks["recording"])
        window.tabifyDockWidget(docks["statistics"], docks["performance"])
        docks["circumplex"].raise_()
        docks["statistics"].raise_()
        window.setCorner(Qt.Corner.BottomRightCorner, _RIGHT)
        across, down = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        window.resizeDocks([docks["probabilities"]], [320], across)
        window.resizeDocks([docks["affect"], docks["statistics"]], [620, 420], across)
        window.resizeDocks([docks["affect"]], [220], down)

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
            if isinstance(value, QByteArray):
                restore(value)

    def keep(self, kept: QSettings) -> None:
        """Remember where window and panels are."""
        self.hide_all(False)  # the full screen is not what is remembered
        kept.setValue("geometry", self._window.saveGeometry())
        kept.setValue("docks", self._window.saveState(LAYOUT))

    def refresh(self, live: LiveState) -> None:
        """Draw the panels that can be seen."""
        for panel in self.panels.values():
            if not panel.visibleRegion().isEmpty():
                panel.refresh(live)


def _scrolled(panel: QWidget) -> QScrollArea:
    """Let a panel be lower than its content: screens of 640 pixels are in use."""
    area = QScrollArea()
    area.setWidget(panel)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    bar = area.verticalScrollBar()
    beside = bar.sizeHint().width() if bar is not None else 0
    area.setMinimumWidth(panel.minimumSizeHint().width() + beside)
    return area
