"""How fast the session runs, and on what."""

import time
from collections.abc import Callable
from typing import Final

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFormLayout, QLabel, QWidget

from app.live.state import LiveState
from app.window.language import filled
from app.window.panels.panel import MARGIN, Panel, label

_NONE: Final = "\N{EN DASH}"


class PerformancePanel(Panel):
    """Rate, latencies, frames left out, device and model."""

    every_s = 0.25  # numbers that change faster cannot be read

    def __init__(
        self, parent: QWidget | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Make the panel.

        Args:
            parent: Owns the widget.
            clock: Gives seconds.
        """
        super().__init__(parent, clock=clock)
        self.setAccessibleName(self.tr("Performance"))
        self._form = QFormLayout(self)
        self._form.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        self._form.setHorizontalSpacing(16)
        self._form.setVerticalSpacing(4)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.fps = self._row(
            self.tr("Analysis rate"), self.tr("Analyses a second over the last seconds")
        )
        self.p50 = self._row(
            self.tr("Latency, median"), self.tr("From the camera to the window, half are faster")
        )
        self.p95 = self._row(
            self.tr("Latency, 95 %"), self.tr("From the camera to the window, 95 % are faster")
        )
        self.dropped = self._row(
            self.tr("Frames not analysed"),
            self.tr(
                "Left out because a newer one had arrived; the picture shows them all the same"
            ),
        )
        self.frames = self._row(self.tr("Frames analysed"), self.tr("Since the source was opened"))
        self.device = self._row(self.tr("Device"), self.tr("What the networks run on"))
        self.model = self._row(self.tr("Model"), self.tr("What reads the faces"))

    def _row(self, name: str, tip: str) -> QLabel:
        value, title = QLabel(_NONE), label(name, "muted")
        value.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        value.setAccessibleName(name)
        for widget in (value, title):
            widget.setToolTip(tip)
        self._form.addRow(title, value)
        return value

    def show_state(self, live: LiveState) -> None:
        """Show the session's figures."""
        performance = live.performance
        fps = performance.fps
        self.fps.setText(filled(self.tr("{0:.1f} fps"), fps) if fps else _NONE)
        self.p50.setText(self._milliseconds(performance.p50_ms))
        self.p95.setText(self._milliseconds(performance.p95_ms))
        frames, dropped = performance.frames, performance.dropped
        share = 100 * dropped / max(1, frames + dropped)
        self.dropped.setText(self.tr("{0} ({1:.0f} %)").format(dropped, share))
        self.frames.setText(str(frames))
        self.device.setText(live.device or _NONE)
        self.model.setText(live.model or _NONE)

    def _milliseconds(self, value: float | None) -> str:
        return _NONE if value is None else self.tr("{0:.0f} ms").format(value)
