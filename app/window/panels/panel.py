"""What all panels have in common: a refresh, a theme, and small painted parts."""

import math
import time
from collections.abc import Callable
from typing import ClassVar

from PyQt6.QtCore import QCoreApplication, QEvent, QRectF, Qt, QTimer
from PyQt6.QtGui import QColor, QFont, QPainter, QPen, QResizeEvent, QShowEvent
from PyQt6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.live.state import LiveState
from app.session.palette import ink_on
from app.window.theme import FOCUS_PX, GRID_PX, Theme, current_theme

MARGIN = GRID_PX  # around a panel's content


class Panel(QWidget):
    """A widget that shows a part of the live state.

    Attributes:
        every_s: Least time between two changes of what is shown; the last state is always shown.
        theme: Its colours.
    """

    every_s: ClassVar[float] = 0.0

    def __init__(
        self, parent: QWidget | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Make an empty panel.

        Args:
            parent: Owns the widget.
            clock: Gives seconds.
        """
        super().__init__(parent)
        self.theme: Theme = current_theme()
        self._clock = clock
        self._live: LiveState | None = None
        self._shown_s = -math.inf
        self._late = QTimer(self)  # shows what came too soon after the last change
        self._late.setSingleShot(True)
        self._late.timeout.connect(self.refresh_now)
        self._veil: QLabel | None = None

    @property
    def waiting(self) -> bool:
        """True while a state will be shown soon."""
        return self._late.isActive()

    def refresh(self, live: LiveState) -> None:
        """Show the state as it is now, or soon; quick, and called for every analysis.

        Args:
            live: The state; kept, so that a hidden panel can catch up when it is shown.
        """
        self._live = live
        if not self.isVisible():
            return
        wait_s = self._shown_s + self.every_s - self._clock()
        if wait_s <= 0:
            self.refresh_now()
        elif not self.waiting:
            self._late.start(math.ceil(1000 * wait_s))

    def remember(self, live: LiveState) -> None:
        """Take the state, to show it once the panel is seen."""
        self._live = live

    def uncovered(self, on: bool) -> None:
        """Draw what was kept, once the panel can be seen again."""
        if on:
            self.refresh_now()

    def refresh_now(self) -> None:
        """Show the last state without waiting."""
        self._late.stop()
        if self._live is not None:
            self._shown_s = self._clock()
            self.show_state(self._live)
            self._show_signal(self._live)

    @property
    def veil(self) -> str:
        """What a panel without signal says; empty while there is one."""
        return "" if self._veil is None or self._veil.isHidden() else self._veil.text()

    def _show_signal(self, live: LiveState) -> None:
        """Lie grey over what is of before, and say since when it is."""
        since = live.lost_at
        if since is None:
            if self._veil is not None:
                self._veil.hide()
            return
        if self._veil is None:
            self._veil = QLabel(self)
            self._veil.setObjectName("veil")
            self._veil.setAlignment(Qt.AlignmentFlag.AlignCenter)
            self._veil.setWordWrap(True)
            self._veil.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        words = QCoreApplication.translate("Panel", "No signal since {time}")
        self._veil.setText(words.format(time=f"{since:%H:%M:%S}"))
        self._veil.setGeometry(self.rect())
        self._veil.show()
        self._veil.raise_()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the veil over everything."""
        super().resizeEvent(event)
        if self._veil is not None:
            self._veil.setGeometry(self.rect())

    def show_state(self, live: LiveState) -> None:
        """Show a state; under 4 ms.

        Args:
            live: The state.
        """
        raise NotImplementedError

    def showEvent(self, event: QShowEvent | None) -> None:
        """Catch up with what happened while hidden."""
        super().showEvent(event)
        self.refresh_now()

    def restyle(self) -> None:
        """Take over the colours of `theme`, which has changed."""
        self.update()

    def changeEvent(self, event: QEvent | None) -> None:
        """Notice a change of theme."""
        super().changeEvent(event)
        kinds = (QEvent.Type.PaletteChange, QEvent.Type.ApplicationPaletteChange)
        if event is not None and event.type() in kinds and self.theme is not current_theme():
            self.theme = current_theme()
            self.restyle()


def label(text: str, role: str = "") -> QLabel:
    """Make a label; the theme's style sheet knows the roles heading, muted and error."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        made.setProperty("role", role)
    return made


def chip_font(font: QFont) -> QFont:
    """Give the font in which chips are written where words are in `font`."""
    bold = QFont(font)
    bold.setBold(True)
    return bold


def draw_chip(painter: QPainter, rect: QRectF, text: str, colour: str) -> None:
    """Draw a face's id on its colour, as the video's overlay does."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(rect, 4, 4)
    painter.setFont(chip_font(painter.font()))
    painter.setPen(QPen(QColor(ink_on(colour))))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()


def draw_focus(widget: QWidget, painter: QPainter, theme: Theme) -> None:
    """Outline a painted widget that has the keyboard's focus."""
    if widget.hasFocus():
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(theme.focus), FOCUS_PX))
        painter.drawRect(widget.rect().adjusted(1, 1, -1, -1))


def growing(widget: QWidget) -> None:
    """Let a widget take the room that is left."""
    widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
