"""The bar over the picture: recording or not, for how long, and what else there is to know."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QAction, QFont, QResizeEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from app.session.controller import View
from app.session.timecode import timecode
from app.window.session.symbols import record_symbol, stop_symbol

HEIGHT_PX: Final = 48
_ICON_PX: Final = 18
_GAP_PX: Final = 8
_STATE_PX: Final = 90  # that the words in the middle have at least
_AROUND_PX: Final = 28  # a chip's edges, and the gap to the next

Tone = Literal["plain", "good", "warn"]


@dataclass(frozen=True, slots=True)
class Chip:
    """A few words about one thing.

    Attributes:
        name: What it is about.
        text: What it says.
        short: The same where there is little room; empty where it can be left out.
        tip: What it says in full.
        tone: ``warn`` where something is wrong.
    """

    name: str
    text: str
    short: str = ""
    tip: str = ""
    tone: Tone = "plain"


class SessionBar(QFrame):
    """Shows the state of the session; its buttons trigger the window's actions."""

    def __init__(self, record: QAction, snapshot: QAction, parent: QWidget | None = None) -> None:
        """Make the bar of a session that does not record.

        Args:
            record: Starts and stops.
            snapshot: Saves the picture.
            parent: Owns the bar.
        """
        super().__init__(parent)
        self.setObjectName("session")
        self.setAccessibleName(self.tr("Session"))
        self.setFixedHeight(HEIGHT_PX)
        self._record = record
        self.record_button = self._button(record)
        self.snapshot_button = self._button(snapshot)
        self.time_label = QLabel()
        self.time_label.setFont(_tabular(self.font()))
        self.time_label.setAccessibleName(self.tr("Time of the recording"))
        self.state_label = QLabel()
        self.state_label.setTextFormat(Qt.TextFormat.PlainText)
        self.state_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.state_label.setMinimumWidth(60)
        self.state_label.setAccessibleName(self.tr("State of the recording"))
        self._state = ""
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(8, 6, 8, 6)
        self._row.setSpacing(_GAP_PX)
        for widget in (self.record_button, self.time_label):
            self._row.addWidget(widget)
        self._row.addWidget(self.state_label, 1)
        self._row.addWidget(self.snapshot_button)
        self.chips: dict[str, QLabel] = {}
        self._chips: tuple[Chip, ...] = ()
        self._texts: list[str] = []
        self._recording: bool | None = None
        self._show_recording(on=False)

    def _button(self, action: QAction) -> QPushButton:
        button = QPushButton()
        button.setIconSize(QSize(_ICON_PX, _ICON_PX))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # Space plays on after a click
        button.clicked.connect(action.trigger)

        def follow() -> None:
            text = action.text().replace("&", "")
            button.setText(text)
            button.setAccessibleName(text)
            button.setToolTip(f"{text} ({action.shortcut().toString()})")
            button.setEnabled(action.isEnabled())

        action.changed.connect(follow)
        follow()
        return button

    def show_view(self, view: View, state: str) -> None:
        """Show what the controller says.

        Args:
            view: It.
            state: In words.
        """
        if view.recording != self._recording:
            self._show_recording(on=view.recording)
        self.time_label.setText(timecode(view.elapsed_s, hour_digits=1, passed=True))
        if state != self._state:
            self._state = state
            self._elide()

    def _show_recording(self, *, on: bool) -> None:
        self._recording = on
        self.record_button.setIcon(stop_symbol() if on else record_symbol())
        self.setProperty("recording", on)
        self.time_label.setVisible(on)
        style = self.style()
        if style is not None:  # so that the sheet's rules are looked at again
            for widget in (self, self.time_label, self.state_label, *self.chips.values()):
                style.unpolish(widget)
                style.polish(widget)

    def show_chips(self, chips: Sequence[Chip]) -> None:
        """Show these, in order, and no others; shorter where there is no room."""
        texts = self._fitting(chips)
        if (tuple(chips), texts) == (self._chips, self._texts):
            return
        self._chips, self._texts = tuple(chips), texts
        wanted = {chip.name: chip for chip in chips}
        for name in [name for name in self.chips if name not in wanted]:
            self.chips.pop(name).deleteLater()
        for place, chip in enumerate(chips):
            label = self.chips.get(chip.name)
            if label is None:
                label = self.chips[chip.name] = QLabel()
                label.setTextFormat(Qt.TextFormat.PlainText)
                label.setProperty("role", "chip")
                fixed = QSizePolicy.Policy.Fixed
                label.setSizePolicy(fixed, fixed)
                self._row.insertWidget(3 + place, label)
            text = texts[place]
            label.setVisible(bool(text))
            if (label.text(), label.property("tone")) != (text, chip.tone):
                label.setText(text)
                label.setProperty("tone", chip.tone)
                if (style := self.style()) is not None:
                    style.unpolish(label)
                    style.polish(label)
            label.setToolTip(chip.tip or chip.text)
            label.setAccessibleName(f"{chip.name}: {chip.tip or chip.text}")

    def _fitting(self, chips: Sequence[Chip]) -> list[str]:
        """Give what each chip says: in full, else in short, and what matters least not at all."""
        others = (self.record_button, self.time_label, self.snapshot_button)
        taken = sum(w.sizeHint().width() + _GAP_PX for w in others if not w.isHidden())
        room = self.width() - taken - _STATE_PX
        metrics = self.fontMetrics()

        def needed(texts: Sequence[str]) -> int:
            return sum(metrics.horizontalAdvance(text) + _AROUND_PX for text in texts if text)

        texts = [chip.text for chip in chips]
        if needed(texts) > room:
            texts = [chip.short for chip in chips]
        for place in range(len(chips) - 1, -1, -1):
            if needed(texts) > room and chips[place].tone == "plain":
                texts[place] = ""
        return texts

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the words."""
        super().resizeEvent(event)
        self.show_chips(self._chips)
        self._elide()

    def _elide(self) -> None:
        room = max(20, self.state_label.width())
        metrics = self.state_label.fontMetrics()
        shown = metrics.elidedText(self._state, Qt.TextElideMode.ElideRight, room)
        self.state_label.setText(shown)
        self.state_label.setToolTip(self._state)
        self.state_label.setAccessibleDescription(self._state)


def _tabular(font: QFont) -> QFont:
    """Give figures of one width, so that a running timer does not shake."""
    made = QFont(font)
    made.setPointSizeF(1.3 * font.pointSizeF())
    made.setBold(True)
    if hasattr(made, "setFeature") and (tag := QFont.Tag.fromString("tnum")) is not None:  # Qt 6.7
        made.setFeature(tag, 1)
    return made
