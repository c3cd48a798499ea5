"""The bar over the picture: recording or not, for how long, and what else there is to know."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from PyQt6.QtCore import QEvent, QObject, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QResizeEvent
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from app.session.options import KEYS
from app.session.timecode import timecode
from app.session.view import View
from app.window.actions import with_key
from app.window.icons import icon
from app.window.keys import enable
from app.window.panels.panel import label as made_label
from app.window.session.markers import MOST_PX, MarkerChip
from app.window.symbols import record_symbol, stop_symbol
from app.window.texts import literal, tip, without_marks
from app.window.theme import GRID_PX

HEIGHT_PX: Final = 48
_ICON_PX: Final = 18
_GAP_PX: Final = GRID_PX
_STATE_PX: Final = 90  # that the words in the middle have, where all chips are in full
_LEAST_STATE_PX: Final = 10
_SHORT_PX: Final = 48  # of a marker's text, where room is short
_SOURCE_PX: Final = 240  # most of the source's name and size
_LEAST_SOURCE_PX: Final = 72
_ARROW_PX: Final = 28  # a menu button's arrow and edges

Tone = Literal["plain", "good", "warn"]


@dataclass(frozen=True, slots=True)
class Chip:
    """A few words about one thing.

    Attributes:
        name: What it is about.
        text: What it says.
        short: The same where there is little room; empty where it can be left out.
        tip: What it says in full.
        tone: ``warn`` where something is wrong; what is ``plain`` is left out where room is short.
    """

    name: str
    text: str
    short: str = ""
    tip: str = ""
    tone: Tone = "plain"


class SessionBar(QFrame):
    """Shows the state of the session; its buttons trigger the window's actions."""

    marker_edited = pyqtSignal(str, str)  # its key, its new text

    def __init__(
        self,
        record: QAction,
        pause: QAction,
        snapshot: QAction,
        markers: Sequence[tuple[QAction, QAction]],
        parent: QWidget | None = None,
    ) -> None:
        """Make the bar of a session that does not record.

        Args:
            record: Starts and stops.
            pause: Holds a recording, and lets it go on; shown while one runs.
            snapshot: Saves the picture.
            markers: Set the markers of `KEYS`, and begin and end those that last.
            parent: Owns the bar.
        """
        super().__init__(parent)
        self.setObjectName("session")
        self.setAccessibleName(self.tr("Session"))
        self.setFixedHeight(HEIGHT_PX)
        self.source = ""
        self.source_button = self._make_source()
        self._record = record
        self.record_button = self._button(record)
        self.pause_button = self._button(pause, icon_only=True)
        self.snapshot_button = self._button(snapshot)
        self.time_label = made_label("", "title")
        self.time_label.setAccessibleName(self.tr("Time of the recording"))
        self.markers = {
            key: MarkerChip(number, *both)
            for number, (key, both) in enumerate(zip(KEYS, markers, strict=True), 1)
        }
        for key, chip in self.markers.items():
            chip.edited.connect(partial(self.marker_edited.emit, key))
            chip.key_changed.connect(self._fit)
        self.state_label = QLabel()
        self.state_label.setTextFormat(Qt.TextFormat.PlainText)
        self.state_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.state_label.setAccessibleName(self.tr("State of the recording"))
        self.state_label.installEventFilter(self)
        self._states: tuple[str, ...] = ("",)
        self.chips: dict[str, QLabel] = {}
        self._chips: tuple[Chip, ...] = ()
        self._texts: list[str] = []
        self._recording: bool | None = None
        self._paused: bool | None = None
        self._lay_out()
        record.changed.connect(self._fit)
        self._show_recording(on=False)

    def _make_source(self) -> QToolButton:
        button = QToolButton()
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        return button

    def _lay_out(self) -> None:
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(GRID_PX, GRID_PX // 2, GRID_PX, GRID_PX // 2)
        self._row.setSpacing(_GAP_PX)
        for widget in (
            self.source_button,
            self.record_button,
            self.pause_button,
            self.time_label,
        ):
            self._row.addWidget(widget)
        for chip in self.markers.values():
            self._row.addWidget(chip)
        self._row.addWidget(self.snapshot_button)
        self._row.addWidget(self.state_label, 1)
        self.show_source("")

    def in_toolbar(self) -> QToolBar:
        """Give a toolbar that holds this alone, over the whole width, and cannot be put away."""
        holder = QToolBar(self.tr("Session"))
        holder.setObjectName("bar")  # by which its place is remembered
        holder.setMovable(False)
        holder.addWidget(self)
        holder.setContentsMargins(0, 0, 0, 0)
        if (row := holder.layout()) is not None:
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(0)
        if (toggle := holder.toggleViewAction()) is not None:
            toggle.setVisible(False)  # a recording has to be seen
        return holder

    def set_source_menu(self, menu: QMenu) -> None:
        """Say what the source's button opens."""
        self.source_button.setMenu(menu)

    def show_source(self, text: str) -> None:
        """Show what is looked at: its name, size and rate; empty for nothing."""
        self.source = text
        self._fit()

    def _button(self, action: QAction, *, icon_only: bool = False) -> QPushButton:
        button = QPushButton()
        button.setIconSize(QSize(_ICON_PX, _ICON_PX))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # Space plays on after a click
        button.clicked.connect(action.trigger)

        def follow() -> None:
            text = without_marks(action.text())
            if not icon_only and (button.text() or not button.accessibleName()):
                button.setText(literal(text))  # one without was given no room
            button.setAccessibleName(text)
            button.setToolTip(with_key(text, action))
            enable(button, action.isEnabled())

        action.changed.connect(follow)
        follow()
        return button

    def show_view(self, view: View, states: Sequence[str]) -> None:
        """Show what the controller says.

        Args:
            view: It.
            states: The same in words, in full and then shorter: the first that has room is shown.
        """
        time = timecode(view.elapsed_s, hour_digits=1, passed=True)
        longer = len(time) != len(self.time_label.text())
        self.time_label.setText(time)
        if view.recording != self._recording:
            self._show_recording(on=view.recording)
            longer = True
        if longer:
            self._fit()
        if view.paused != self._paused:
            self._paused = view.paused
            self._draw_pause()
        if tuple(states) != self._states:
            self._states = tuple(states)
            self._say_state()

    def _draw_pause(self) -> None:
        ink = self.palette().buttonText().color()
        self.pause_button.setIcon(icon("play" if self._paused else "pause", ink))

    def changeEvent(self, event: QEvent | None) -> None:
        """Draw the symbol in another theme's ink."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._draw_pause()

    def _show_recording(self, *, on: bool) -> None:
        self._recording = on
        self.record_button.setIcon(stop_symbol() if on else record_symbol())
        self.setProperty("recording", on)
        self.time_label.setVisible(on)
        self.pause_button.setVisible(on)
        style = self.style()
        if style is not None:  # so that the sheet's rules are looked at again
            parts = (self.time_label, self.state_label, self.source_button)
            for widget in (self, *parts, *self.markers.values(), *self.chips.values()):
                style.unpolish(widget)
                style.polish(widget)

    def show_markers(self, texts: Sequence[str], running: Sequence[str] = ()) -> None:
        """Show the texts of the markers of `KEYS`, and which of them have begun and not ended."""
        before = [chip.text() for chip in self.markers.values()]
        for (key, chip), text in zip(self.markers.items(), texts, strict=True):
            chip.show_words(text, running=key in running)
        if before != [chip.text() for chip in self.markers.values()]:
            self._fit()

    def show_chips(self, chips: Sequence[Chip]) -> None:
        """Show these, in order, and no others; shorter where there is no room."""
        if tuple(chips) == self._chips:
            return
        self._chips = tuple(chips)
        wanted = {chip.name: chip for chip in chips}
        for name in [name for name in self.chips if name not in wanted]:
            gone = self.chips.pop(name)
            gone.hide()  # it takes room until it is deleted
            gone.deleteLater()
        first = self._row.indexOf(self.state_label) + 1
        for place, chip in enumerate(chips):
            label = self.chips.get(chip.name)
            if label is None:
                label = self.chips[chip.name] = QLabel()
                label.setTextFormat(Qt.TextFormat.PlainText)
                label.setProperty("role", "chip")
                fixed = QSizePolicy.Policy.Fixed
                label.setSizePolicy(fixed, fixed)
                self._row.insertWidget(first + place, label)
            if label.property("tone") != chip.tone:
                label.setProperty("tone", chip.tone)
                if (style := self.style()) is not None:
                    style.unpolish(label)
                    style.polish(label)
            label.setToolTip(tip(chip.tip or chip.text))
            label.setAccessibleName(f"{chip.text}: {chip.tip}" if chip.tip else chip.text)
        self._fit()

    def _fit(self) -> None:
        """Say all in full; where room is short the chips, the markers, the source say less."""
        record = without_marks(self._record.text())
        said = self.record_button.fontMetrics().horizontalAdvance(record)
        fixed = (self.record_button, self.pause_button, self.time_label)
        taken = sum(w.sizeHint().width() + _GAP_PX for w in fixed if not w.isHidden())
        taken += 0 if self.record_button.text() else said
        snapshot = self.snapshot_button.sizeHint().width() + _GAP_PX
        taken += snapshot
        room = self.width() - taken - 6 * GRID_PX  # edges, and gaps beside source, state and chips
        metrics = self.fontMetrics()

        around = _GAP_PX + max((_around(label) for label in self.chips.values()), default=0)

        def needed(texts: Sequence[str]) -> int:
            return sum(metrics.horizontalAdvance(text) + around for text in texts if text)

        def marked(most_px: int) -> int:
            chips = self.markers.values()
            return sum(chip.width_for(most_px) + _GAP_PX for chip in chips)

        name = self.source or self.tr("Source")
        source = min(_SOURCE_PX, metrics.horizontalAdvance(name) + _ARROW_PX)
        full, brief = [chip.text for chip in self._chips], [chip.short for chip in self._chips]
        least_source = min(source, _LEAST_SOURCE_PX)
        ways = [
            (full, MOST_PX, source, _STATE_PX),
            (full, _SHORT_PX, source, _STATE_PX),
            (full, 0, source, _STATE_PX),
            (brief, 0, source, _LEAST_STATE_PX),
            (brief, 0, least_source, _LEAST_STATE_PX),
        ]
        for texts, most_px, source, state in ways:
            left = room - needed(texts) - marked(most_px) - source - state
            if left >= 0:
                break
        for place in range(len(texts) - 1, -1, -1):
            if left < 0 and texts[place] and self._chips[place].tone == "plain":
                left += needed([texts[place]])
                texts[place] = ""
        tight = left < 0  # the snapshot's key and the panel are there still
        left += snapshot if tight else 0
        self.snapshot_button.setHidden(tight)
        tighter = left < 0  # the symbol of the record button says it too
        left += said if tighter else 0
        self.record_button.setText("" if tighter else literal(record))
        for marker in reversed(self.markers.values()):
            marker.set_most(most_px)
            goes = left < 0 and not marker.running  # its key sets it all the same
            left += marker.width_for(0) + _GAP_PX if goes else 0
            if marker.isHidden() != goes:
                marker.setHidden(goes)
        self._show_source(name, source + max(0, min(left, _SOURCE_PX - source)))
        for chip, text in zip(self._chips, texts, strict=True):
            label = self.chips[chip.name]
            label.setVisible(bool(text))
            if label.text() != text:
                label.setText(text)

    def _show_source(self, name: str, width: int) -> None:
        button = self.source_button
        room = width - _ARROW_PX
        shown = button.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room)
        button.setText(literal(shown))
        button.setFixedWidth(width)
        words = self.tr("Source: {name}").format(name=name)
        button.setToolTip(tip(words))
        button.setAccessibleName(words)

    def event(self, event: QEvent | None) -> bool:
        """Fit the words where a part of the bar needs other room, as with another font."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the words."""
        super().resizeEvent(event)
        self._fit()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Fit the state's words into the room that the layout leaves them."""
        resized = event is not None and event.type() == QEvent.Type.Resize
        if watched is self.state_label and resized:
            self._say_state()
        return super().eventFilter(watched, event)

    def _say_state(self) -> None:
        room, width = self.state_label.width(), self.state_label.fontMetrics().horizontalAdvance
        shown = next((words for words in self._states if width(words) <= room), "")
        self.state_label.setText(shown)  # half a word helps nobody; the panel and the tip say it
        self.state_label.setToolTip(tip(self._states[0]))
        self.state_label.setAccessibleDescription(self._states[0])


def _around(label: QLabel) -> int:
    """Say how wide a chip's edges are, pixels: they grow with the text."""
    return label.sizeHint().width() - label.fontMetrics().horizontalAdvance(label.text())
