"""Play, pause, step, speed and the place in a file."""

import math
from collections.abc import Callable
from typing import Final

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    QToolButton,
    QWidget,
)

from app.sources.player import SPEEDS
from app.window.icons import icon
from app.window.language import clock

TICKS: Final = 1000  # of the slider, for a whole file
HOUR_S: Final = 3600.0


class Transport(QWidget):
    """Shows where a file is and says what the user wants of it."""

    play_pause = pyqtSignal()
    stepped = pyqtSignal(int)
    sought = pyqtSignal(float)  # seconds
    speed_chosen = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make the bar, at the beginning and playing."""
        super().__init__(parent)
        self._duration_s, self._playing = 0.0, True
        self._button = self._tool(self.tr("Play or pause"), self.play_pause.emit)
        self._back = self._tool(self.tr("One frame back"), lambda: self.stepped.emit(-1))
        self._forward = self._tool(self.tr("Next frame"), lambda: self.stepped.emit(1))
        self._slider = _SeekBar()
        self._slider.setRange(0, TICKS)
        self._slider.setAccessibleName(self.tr("Place in the file"))
        self._slider.actionTriggered.connect(self._slider_acted)
        self._time = QLabel()
        self._time.setAccessibleName(self.tr("Time"))
        self._frame = QLabel()
        self._frame.setAccessibleName(self.tr("Frame"))
        self.speed = QComboBox()
        self.speed.setAccessibleName(self.tr("Speed"))
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:g}x", speed)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.activated.connect(lambda at: self.speed_chosen.emit(SPEEDS[at]))
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(8)
        for widget in (
            self._back,
            self._button,
            self._forward,
            self._slider,
            self._time,
            self._frame,
            self.speed,
        ):
            row.addWidget(widget, 1 if widget is self._slider else 0)
        self._draw_icons()
        self.show_state(0.0, 0.0, playing=True)

    def changeEvent(self, event: QEvent | None) -> None:
        """Draw the icons anew where the theme changed."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._draw_icons()

    def _draw_icons(self) -> None:
        ink = self.palette().buttonText().color()
        self._back.setIcon(icon("step_back", ink))
        self._forward.setIcon(icon("step_on", ink))
        self._button.setIcon(icon("pause" if self._playing else "play", ink))

    def _tool(self, name: str, act: Callable[[], object]) -> QToolButton:
        button = QToolButton()
        button.setAutoRaise(True)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.clicked.connect(act)
        return button

    def show_state(
        self,
        position_s: float,
        duration_s: float,
        *,
        playing: bool,
        speed: float = 1.0,
        frame: int = 1,
        counted: bool = True,
        frame_s: float = 0.0,
    ) -> None:
        """Show where the file is, and how it plays.

        Args:
            position_s: Of the frame that is shown.
            duration_s: Of the file; 0 if unknown.
            playing: It is not paused.
            speed: One of `SPEEDS`.
            frame: Number of the frame that is shown, from 1.
            counted: False if that is told from its time.
            frame_s: How long one lasts: what the arrow keys move the slider by, at least.
        """
        self._duration_s = duration_s
        if duration_s > 0:
            self._slider.setSingleStep(max(1, math.ceil(TICKS * frame_s / duration_s)))
        if duration_s > 0 and not self._slider.isSliderDown():
            self._slider.setValue(round(TICKS * min(position_s / duration_s, 1.0)))
        digits = 2 if duration_s < HOUR_S else 1
        position, duration = (
            clock(seconds, digits=digits, passed=True) for seconds in (position_s, duration_s)
        )
        self._time.setText(f"{position} / {duration}")
        words = self.tr("frame {n}") if counted else self.tr("≈ frame {n}")
        self._frame.setText(words.format(n=frame))
        about = self.tr("Told from the time: the frames before were not all read yet")
        self._frame.setToolTip("" if counted else about)
        self.speed.setCurrentIndex(SPEEDS.index(speed))
        if playing != self._playing:
            self._playing = playing
            self._draw_icons()

    def _seek_to_slider(self, value: int) -> None:
        self.sought.emit(value / TICKS * self._duration_s)

    def _slider_acted(self) -> None:
        """Follow a key, the wheel, a click or the dragged handle."""
        self._seek_to_slider(self._slider.sliderPosition())


class _SeekBar(QSlider):
    """A slider whose handle jumps to where it is clicked, and is dragged from there."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Put the handle under the pointer; Qt would move it a page towards it."""
        style = self.style()
        if event is not None and style is not None and event.button() == Qt.MouseButton.LeftButton:
            option = QStyleOptionSlider()
            self.initStyleOption(option)
            parts, kind = QStyle.SubControl, QStyle.ComplexControl.CC_Slider
            groove = style.subControlRect(kind, option, parts.SC_SliderGroove, self)
            handle = style.subControlRect(kind, option, parts.SC_SliderHandle, self)
            if not handle.contains(event.position().toPoint()):
                at = round(event.position().x() - groove.x() - handle.width() / 2)
                span = groove.width() - handle.width()
                value = QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), at, span)
                self.setSliderPosition(value)
        super().mousePressEvent(event)
