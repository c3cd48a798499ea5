"""The button that measures how fast the chosen model is on the chosen device, and its thread."""

import logging
import threading
from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app.settings.draft import Draft
from app.settings.speed import Speed, measure_speed
from app.window.language import filled
from app.window.panels.panel import label
from app.window.texts import without_options
from engine.analyze import AnalyzerConfig
from engine.errors import FerError

log = logging.getLogger(__name__)

Measure = Callable[[AnalyzerConfig, Callable[[], bool]], Speed | None]


class Measurement(QObject):
    """One measurement on a thread of its own; emits exactly one of its signals at its end.

    Attributes:
        measured: Emitted with a `Speed`.
        stopped: Emitted if it was stopped.
        failed: Emitted with a message.
    """

    measured = pyqtSignal(object)
    stopped = pyqtSignal()
    failed = pyqtSignal(str)

    def __init__(self, config: AnalyzerConfig, measure: Measure = measure_speed) -> None:
        """Take what is to be measured.

        Args:
            config: The networks and the device.
            measure: Does the work.
        """
        super().__init__()
        self._config, self._measure = config, measure
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fer-speed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end; returns at once, and may be called any number of times."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; say whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            speed = self._measure(self._config, self._stop.is_set)
        except FerError as error:
            log.warning("speed: %s", error)
            self.failed.emit(without_options(str(error)))
        except Exception as error:
            log.exception("the speed measurement failed")
            self.failed.emit(f"{type(error).__name__}: {error}")
        else:
            if speed is None:
                self.stopped.emit()
            else:
                self.measured.emit(speed)


class SpeedRow(QWidget):
    """A button, and under it what came out."""

    def __init__(self, draft: Draft, measure: Measure) -> None:
        """Make the row.

        Args:
            draft: Says which model and device.
            measure: Does the work.
        """
        super().__init__()
        self._draft, self._measure = draft, measure
        self._running: Measurement | None = None
        self._possible = True
        self.button = QPushButton()
        self.button.clicked.connect(self._clicked)
        self.result = label("", "muted")
        self.result.setWordWrap(True)
        self.result.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(4)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.result)
        self._show_button()

    def _show_button(self) -> None:
        running = self._running is not None
        self.button.setText(self.tr("Stop") if running else self.tr("Measure speed"))
        self.button.setEnabled(running or self._possible)

    def _say(self, words: str) -> None:
        self.result.setText(words)
        self.result.setVisible(bool(words))

    def set_possible(self, *, possible: bool) -> None:
        """Say whether the draft names a model and a device that are there."""
        self._possible = possible
        self._show_button()

    def forget(self) -> None:
        """Drop a result and a measurement of other settings."""
        self.stop()
        self._say("")

    def _clicked(self) -> None:
        if self._running is not None:
            self.stop()
            self._say(self.tr("Stopped."))
            return
        measurement = Measurement(self._draft.settings().analyzer(), self._measure)
        # Bound methods, not lambdas: Qt drops the connection where this widget is gone by then.
        measurement.measured.connect(self._measured)
        measurement.failed.connect(self._finished)
        self._running = measurement
        self._say(self.tr("Measuring\N{HORIZONTAL ELLIPSIS}"))
        self._show_button()
        measurement.start()

    def _measured(self, speed: Speed) -> None:
        self._finished(self._words(speed))

    def _finished(self, words: str) -> None:
        if self.sender() is self._running:  # else it was stopped, and this came late
            self._running = None
            self._say(words)
            self._show_button()

    def _words(self, speed: Speed) -> str:
        fps = speed.fps(self._draft.values["detect_every"])
        words = self.tr(
            "{0}: the networks alone do {1:.0f} frames a second with one face (detector {2:.1f} "
            "ms, landmarks {3:.1f} ms, expression {4:.1f} ms); camera, window and video come on top"
        )
        stages_ms = (speed.detect_ms, speed.landmarks_ms, speed.expression_ms)
        return filled(words, speed.device, fps, *stages_ms)

    def stop(self) -> None:
        """Stop a measurement, if one runs; its end is not waited for."""
        if self._running is not None:
            self._running.stop()
            self._running = None
            self._show_button()
