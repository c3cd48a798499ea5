"""The button that measures how fast the chosen model is on the chosen device."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app.settings.draft import Draft
from app.settings.speed import Speed
from app.window.panels.panel import label
from app.window.settings.measurement import Measure, Measurement


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
            "{0}: {1:.0f} frames a second with one face; detector {2:.1f} ms, landmarks "
            "{3:.1f} ms, expression {4:.1f} ms"
        )
        return words.format(
            speed.device, fps, speed.detect_ms, speed.landmarks_ms, speed.expression_ms
        )

    def stop(self) -> None:
        """Stop a measurement, if one runs; its end is not waited for."""
        if self._running is not None:
            self._running.stop()
            self._running = None
            self._show_button()
