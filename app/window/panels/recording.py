"""The panel that records: it shows what the controller says, and hands on what the user wants."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.session.controller import RecordingController
from app.session.disk import shown_bytes
from app.session.options import KEYS, RecordingOptions
from app.session.timecode import timecode
from app.session.view import View
from app.window.actions import key_of, with_key
from app.window.keys import OwnKeys, enable
from app.window.language import said
from app.window.menus import MainActions
from app.window.panels.panel import MARGIN
from app.window.panels.panel import label as made_label
from app.window.symbols import record_symbol, stop_symbol
from app.window.texts import tip
from app.window.theme import GRID_PX
from app.window.wrapped import Wrapped

REFRESH_MS: Final = 200
_ICON_PX: Final = 20


class RecordingPanel(QWidget):
    """Record and stop, what is recorded, timer, free space, markers, snapshot.

    Attributes:
        stands: Says whether a file is paused or at its end, so that nothing is recorded.

    Signals:
        saved: A recording has ended; its folder, for the review.
        asked: A recording is to begin with its sheet.
        left: A marker's field is done with: the picture is to have the focus.
    """

    saved = pyqtSignal(Path)
    asked = pyqtSignal()
    left = pyqtSignal()

    def __init__(self, controller: RecordingController, parent: QWidget | None = None) -> None:
        """Show the state of a controller, which outlives the panel."""
        super().__init__(parent)
        self._controller = controller
        self._was_recording = False
        self._loading = False
        self._shown: RecordingOptions | None = None
        self._record: QAction | None = None
        self.stands: Callable[[], bool] = lambda: False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(GRID_PX)
        layout.addLayout(self._build_buttons())
        layout.addWidget(self._build_state())
        layout.addLayout(self._build_choices())
        layout.addLayout(self._build_folder())
        layout.addLayout(self._build_markers())
        layout.addStretch(1)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        self.refresh()

    def _build_buttons(self) -> QHBoxLayout:
        self.record_button = QPushButton()
        self.record_button.setIconSize(QSize(_ICON_PX, _ICON_PX))
        self.record_button.setMinimumHeight(36)
        self.record_button.clicked.connect(self.record_or_stop)
        self.snapshot_button = QPushButton(self.tr("Snapshot"))
        self.snapshot_button.setMinimumHeight(36)
        self.snapshot_button.setToolTip(self.tr("Save the picture as a PNG file"))
        self.snapshot_button.clicked.connect(self.snapshot)
        row = QHBoxLayout()
        row.setSpacing(GRID_PX)
        row.addWidget(self.record_button, 1)
        row.addWidget(self.snapshot_button)
        return row

    def _build_state(self) -> QWidget:
        self.time_label = QLabel()
        self.time_label.setProperty("role", "title")
        self.time_label.setAccessibleName(self.tr("Time of the recording"))
        self.state_label = QLabel()
        self.state_label.setWordWrap(True)
        self.state_label.setAccessibleName(self.tr("State of the recording"))
        self.message_label = Wrapped()
        self.message_label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.message_label.setAccessibleName(self.tr("Message"))
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setSpacing(GRID_PX)
        grid.setContentsMargins(0, 4, 0, 4)
        grid.addWidget(self.time_label, 0, 0)
        grid.addWidget(self.state_label, 0, 1)
        grid.addWidget(self.message_label, 1, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        return holder

    def _build_choices(self) -> QGridLayout:
        self.video_box = self._box(self.tr("Video"), "video")
        self.records_box = self._box(self.tr("Records"), "records")
        self.annotate_box = self._box(self.tr("Draw boxes and labels"), "annotate")
        self.clean_box = self._box(self.tr("Clean copy too"), "clean")
        self.clean_box.setToolTip(
            self.tr(
                "A second video without boxes and labels; where faces are blurred, they are "
                "blurred in both. Encoding takes twice the time"
            )
        )
        self.timeline_box = self._box(self.tr("Strip and class bars"), "timeline")
        self.timeline_box.setToolTip(
            self.tr("Draw valence and arousal along the bottom, and bars beside the faces")
        )
        self.blur_box = self._box(self.tr("Blur faces"), "blur")
        self.whole_box = self._box(self.tr("Whole picture when unsure"), "blur_whole")
        self.whole_box.setToolTip(
            self.tr("Blur all of a picture in which nobody was found or somebody was lost")
        )
        self.blur_note = made_label(self.tr("A face that is never found stays bare."), "muted")
        self.blur_note.setWordWrap(True)
        self.records_box.setToolTip(self.tr("A table with a row for each face in each frame"))
        self.blur_box.setToolTip(
            self.tr(
                "Blur the faces that are found in video and snapshots, from a second before "
                "they are found to a second after they are lost"
            )
        )
        self.sound_box = self._box(self.tr("Sound"), "sound")
        self.sound_box.setToolTip(
            self.tr(
                "The file's own sound; of a camera, what the microphone hears. Voices are not "
                "changed: also where faces are blurred, people may be known by them"
            )
        )
        self.sheet_box = self._box(self.tr("Ask who is recorded"), "sheet")
        self.sheet_box.setToolTip(
            self.tr(
                "A sheet before each recording: participant, session, condition, notes, consent"
            )
        )
        self.limit_box = QSpinBox()
        self.limit_box.setRange(0, 24 * 60)
        self.limit_box.setSuffix(self.tr(" min"))
        self.limit_box.setSpecialValueText(self.tr("no limit"))
        self.limit_box.setAccessibleName(self.tr("Stop after, minutes"))
        self.limit_box.valueChanged.connect(self._choose_limit)
        label = QLabel(self.tr("Stop &after"))
        label.setBuddy(self.limit_box)
        grid = QGridLayout()
        grid.setSpacing(GRID_PX)
        grid.addWidget(self.video_box, 0, 0)
        grid.addWidget(self.records_box, 0, 1)
        drawn = (self.annotate_box, self.clean_box, self.timeline_box)
        wide = (self.sound_box, *drawn, self.blur_box, self.whole_box)
        for row, widget in enumerate((*wide, self.blur_note, self.sheet_box), 1):
            grid.addWidget(widget, row, 0, 1, 2)
        grid.addWidget(label, len(wide) + 3, 0)
        grid.addWidget(self.limit_box, len(wide) + 3, 1)
        return grid

    def _box(self, text: str, name: str) -> QCheckBox:
        box = QCheckBox(text)
        box.setAccessibleName(text)
        box.toggled.connect(lambda on: self._choose(name, on))
        return box

    def _build_folder(self) -> QGridLayout:
        self.folder_label = QLabel()
        self.folder_label.setTextFormat(Qt.TextFormat.PlainText)
        self.folder_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.folder_label.setAccessibleName(self.tr("Folder of the recordings"))
        self.folder_button = QPushButton(self.tr("Folder…"))
        self.folder_button.setAccessibleName(self.tr("Choose the folder of the recordings"))
        self.folder_button.clicked.connect(self._choose_folder)
        self.free_label = Wrapped()  # it may name the folder
        self.free_label.setAccessibleName(self.tr("Free space"))
        grid = QGridLayout()
        grid.setSpacing(GRID_PX)
        grid.addWidget(self.folder_label, 0, 0)
        grid.addWidget(self.folder_button, 0, 1)
        grid.addWidget(self.free_label, 1, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        return grid

    def _build_markers(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(GRID_PX)
        title = QLabel(self.tr("Markers"))
        font = title.font()
        font.setBold(True)
        title.setFont(font)
        grid.addWidget(title, 0, 0, 1, 2)
        self.key_buttons: dict[str, QPushButton] = {}
        self.key_texts: dict[str, QLineEdit] = {}
        for row, key in enumerate(KEYS, 1):
            text = QLineEdit()
            text.textChanged.connect(self._choose_texts)
            text.returnPressed.connect(self.left.emit)
            OwnKeys(text, {Qt.Key.Key_Escape: self.left.emit})
            button = QPushButton()
            button.clicked.connect(partial(self.mark_by_key, key))
            grid.addWidget(button, row, 0)
            grid.addWidget(text, row, 1)
            self.key_buttons[key], self.key_texts[key] = button, text
            self._name_marker(key, key)
        self.mark_text = QLineEdit()
        self.mark_text.setPlaceholderText(self.tr("another marker"))
        self.mark_text.setAccessibleName(self.tr("Text of another marker"))
        self.mark_text.returnPressed.connect(self._mark_and_leave)
        OwnKeys(self.mark_text, {Qt.Key.Key_Escape: self.left.emit})
        self.mark_button = QPushButton(self.tr("Mark"))
        self.mark_button.clicked.connect(self._mark)
        grid.addWidget(self.mark_button, len(KEYS) + 1, 0)
        grid.addWidget(self.mark_text, len(KEYS) + 1, 1)
        grid.setColumnStretch(1, 1)
        return grid

    def _name_marker(self, name: str, key: str) -> None:
        """Show the key of one of `KEYS` as it is now."""
        self.key_buttons[name].setText(key)
        self.key_buttons[name].setAccessibleName(self.tr("Set the marker {key}").format(key=key))
        self.key_texts[name].setAccessibleName(self.tr("Text of the marker {key}").format(key=key))

    def show_keys(self, actions: MainActions) -> None:
        """Show the keys that the window's actions have now."""
        self._record = actions.record
        words = self.tr("Save the picture as a PNG file")
        self.snapshot_button.setToolTip(with_key(words, actions.snapshot))
        for number, (name, action) in enumerate(zip(KEYS, actions.markers, strict=True), 1):
            self._name_marker(name, key_of(action) or str(number))
        key = key_of(actions.other_marker)
        self.mark_text.setToolTip(self.tr("{key} leads here").format(key=key) if key else "")
        self.refresh()

    def record_or_stop(self) -> None:
        """Start a recording, or stop the one that runs."""
        if self._controller.view().recording:
            self._controller.stop()
        elif self._controller.choice.sheet and self._controller.view().can_start:
            self.asked.emit()
        else:
            self._controller.start()
        self.refresh()

    def snapshot(self) -> None:
        """Save the picture."""
        self._controller.snapshot()
        self.refresh()

    def mark_by_key(self, key: str, checked: bool = False) -> None:
        """Set the marker of a key."""
        self._controller.mark_by_key(key)
        self.refresh()

    def begin_or_end_by_key(self, key: str) -> None:
        """Begin the marker of a key that lasts, or end it."""
        self._controller.begin_or_end_by_key(key)
        self.refresh()

    def _mark(self) -> None:
        if self._controller.mark(self.mark_text.text()) is not None:
            self.mark_text.clear()
        self.refresh()

    def _mark_and_leave(self) -> None:
        """Set the marker; a text that was not taken stays, with the focus."""
        self._mark()
        if not self.mark_text.text().strip():
            self.left.emit()

    def _choose(self, name: str, on: bool) -> None:
        if not self._loading:
            self._change(**{name: on})
            self.refresh()

    def _change(self, **changes: object) -> None:
        if not self._controller.choose(**changes):
            self._shown = None  # it stays as it was, and so do the widgets

    def _choose_limit(self, minutes: int) -> None:
        if not self._loading:
            self._change(limit_s=60.0 * minutes or None)

    def _choose_texts(self) -> None:
        if not self._loading:
            texts = tuple(self.key_texts[key].text() for key in KEYS)
            self._controller.choose(texts=texts)

    def _choose_folder(self) -> None:
        root = str(self._controller.choice.root)
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Folder of the recordings"), root)
        if chosen:
            self._change(root=Path(chosen))
            self.refresh()

    def _load_choice(self) -> None:
        """Put the controller's choice into the widgets: it alone knows."""
        choice = self._controller.choice
        if choice == self._shown:
            return
        self._shown = choice
        self._loading = True
        self.video_box.setChecked(choice.video)
        self.records_box.setChecked(choice.records)
        self.annotate_box.setChecked(choice.annotate)
        self.clean_box.setChecked(choice.clean)
        self.timeline_box.setChecked(choice.timeline)
        self.sound_box.setChecked(choice.sound)
        self.sheet_box.setChecked(choice.sheet)
        self.blur_box.setChecked(choice.blur)
        self.whole_box.setChecked(choice.blur_whole)
        self.blur_note.setVisible(choice.blur and not choice.blur_whole)
        self.limit_box.setValue(round((choice.limit_s or 0) / 60))
        for key, text in zip(KEYS, choice.texts, strict=True):
            if self.key_texts[key].text() != text:  # else the cursor would move
                self.key_texts[key].setText(text)
        self._loading = False

    def refresh(self) -> None:
        """Show the controller's state."""
        view = self._controller.view()
        self._load_choice()
        self._show_buttons(view)
        self.time_label.setText(timecode(view.elapsed_s, hour_digits=1, passed=True))
        self.state_label.setText(self._state(view))
        message = self._message(view)
        self.message_label.setText(message)
        self.message_label.setVisible(bool(message))
        metrics = self.folder_label.fontMetrics()
        width = max(80, self.folder_label.width())
        root = str(view.choice.root)
        self.folder_label.setText(metrics.elidedText(root, Qt.TextElideMode.ElideMiddle, width))
        self.folder_label.setToolTip(tip(root))
        free = said(shown_bytes(view.free)) if view.free is not None else "…"
        self.free_label.setText(view.unwritable or self.tr("{free} free").format(free=free))
        if self._was_recording and not view.recording and view.folder is not None:
            self.saved.emit(view.folder)
        self._was_recording = view.recording

    def _show_buttons(self, view: View) -> None:
        name = self.tr("Stop") if view.recording else self.tr("Record")
        self.record_button.setText(name)
        self.record_button.setAccessibleName(name)
        self.record_button.setToolTip(
            name if self._record is None else with_key(name, self._record)
        )
        self.record_button.setIcon(stop_symbol() if view.recording else record_symbol())
        enable(self.record_button, (view.recording and not view.ending) or view.can_start)
        enable(self.snapshot_button, view.can_snapshot)
        for box in (self.video_box, self.records_box, self.annotate_box, self.blur_box):
            enable(box, not view.recording)
        enable(self.timeline_box, not view.recording and view.choice.annotate)
        both = view.choice.annotate and view.choice.video
        enable(self.clean_box, not view.recording and both)
        enable(self.sound_box, not view.recording and view.choice.video)
        enable(self.whole_box, not view.recording and view.choice.blur)
        enable(self.sheet_box, not view.recording)
        enable(self.limit_box, not view.recording)
        enable(self.folder_button, not view.recording)
        for button in (*self.key_buttons.values(), self.mark_button):
            enable(button, view.recording and not view.ending)

    def _state(self, view: View) -> str:
        if not view.recording:
            chosen = view.choice.video or view.choice.records
            return self.tr("not recording") if chosen else self.tr("choose video or records")
        if view.ending:
            return self.tr("finishing the files …")
        if view.paused:
            return self.tr("paused, markers: {n}").format(n=view.markers)
        if self.stands():
            words = self.tr("waiting: the file is paused, markers: {n}")
            return words.format(n=view.markers)
        if view.part > 1:
            words = self.tr("recording part {part}, markers: {n}")
            return words.format(part=view.part, n=view.markers)
        return self.tr("recording, markers: {n}").format(n=view.markers)

    def _message(self, view: View) -> str:
        if not (view.recording and (view.missed or view.dropped)):
            return said(view.message)
        late = self.tr(
            "Too slow: {missed} of {seen} frames not analysed, {dropped} not in the video."
        )
        return late.format(missed=view.missed, seen=view.seen, dropped=view.dropped)
