"""The review window."""

from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Final

from PyQt6.QtCore import QEvent, QPoint, Qt, QTimer
from PyQt6.QtGui import QAction, QCloseEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.session.frames import VideoPart
from app.session.review import Review, open_review
from app.window.actions import make_actions
from app.window.help.dialogs import ShortcutsDialog
from app.window.keys import keep_own_key
from app.window.language import clock, said
from app.window.picture.painter import OverlayOptions
from app.window.picture.view import VideoView
from app.window.review.controller import ReviewController
from app.window.review.faces import ReviewFaces
from app.window.review.files import ReviewFiles
from app.window.review.footage import Footage
from app.window.review.jobs import Jobs
from app.window.review.legend import Legend
from app.window.review.markers import ReviewMarkers
from app.window.review.menus import ReviewActions, fill_menu_bar
from app.window.review.timelines import Timelines
from app.window.review.tracks import TracksPanel
from app.window.texts import literal, shortened
from app.window.wrapped import Wrapped
from engine.types import UNCERTAIN_BELOW

PLAY_MS: Final = 33
SKIP_S: Final = 5.0
_STEP_LETTERS: Final = 60  # of a correction, in the menu


class ReviewWindow(QMainWindow):
    """Video and timelines of a recording, linked by one cursor; its tracks, and exports."""

    def __init__(
        self, parent: QWidget | None = None, uncertain_below: float = UNCERTAIN_BELOW
    ) -> None:
        """Start empty; `open` shows a recording.

        Args:
            parent: Owns the window.
            uncertain_below: Reliability, 0 to 1, below which a label counts as uncertain.
        """
        super().__init__(parent)
        self.controller = ReviewController()
        self.faces = ReviewFaces(self, self.controller, self._editing)
        self.files = ReviewFiles(self, self)
        self.markers = ReviewMarkers(self, self.controller, self._editing, self._say)
        self._jobs = Jobs(self)
        self._footage: Footage | None = None
        self._troubles: list[str] = []  # of what is open, and of its video
        self.setWindowTitle(self.tr("Review"))
        self.video = VideoView()
        self.video.set_look(OverlayOptions(uncertain_below=uncertain_below), mirrored=False)
        self.video.set_hint(self.tr("no video; File, Choose video…"))
        self.timelines = Timelines()
        self.legend = Legend()
        self.readout = QLabel()
        self.readout.setTextFormat(Qt.TextFormat.PlainText)
        self.readout.setAccessibleName(self.tr("Faces at the cursor"))
        self.readout.setWordWrap(True)
        self.actions_ = make_actions(ReviewActions, self, self._intents())
        fill_menu_bar(self, self.actions_, self.faces.merge_menu)
        self.side = TracksPanel(self.faces.merge_menu)
        self._build_layout()
        self._connect()
        self._player = QTimer(self)
        self._player.setInterval(PLAY_MS)
        self._player.timeout.connect(self._play_on)
        self._played_s = 0.0
        self.resize(1100, 720)
        self.side.table.setFocus()
        self._refresh_all()

    def _intents(self) -> dict[str, Callable[..., object]]:
        control, move, edit = self.controller, self._moving, self._editing
        return {
            "open_folder": self.files.ask_folder,
            "open_records": self.files.ask_records,
            "open_video": self.files.ask_video,
            "exports": self.files.ask_export,
            "play": self.play_or_pause,
            "back": move(lambda: control.step(-1)),
            "forward": move(lambda: control.step(1)),
            "skip_back": move(lambda: control.move(control.time_s - SKIP_S)),
            "skip_on": move(lambda: control.move(control.time_s + SKIP_S)),
            "close": self.close,
            "shortcuts": self._show_shortcuts,
            "home": move(lambda: control.move(0.0)),
            "end": move(lambda: control.move(control.duration_s)),
            "last_marker": move(lambda: control.step_marker(-1)),
            "next_marker": move(lambda: control.step_marker(1)),
            "zoom_in": lambda: self.timelines.zoom(0.5, control.time_s),
            "zoom_out": lambda: self.timelines.zoom(2.0, control.time_s),
            "start_span": move(control.start_span),
            "end_span": move(control.end_span),
            "span_here": move(control.choose_span_here),
            "labels": edit(control.label),
            "name_face": self.faces.ask_name,
            "one_person": edit(control.one_person),
            "two_people": edit(control.two_people),
            "add_marker": self.markers.ask_new,
            "change_marker": self.markers.ask_text,
            "move_marker": edit(control.move_marker),
            "end_marker": edit(control.end_marker),
            "delete_marker": edit(control.delete_marker),
            "split": edit(control.split),
            "delete": edit(control.delete),
            "delete_span": edit(control.delete_span),
            "undo": edit(control.undo),
            "redo": edit(control.redo),
        }

    def _show_face_menu(self, face: int, at: QPoint) -> None:
        self._choose_clicked(face)
        self.faces.show_menu(self.video, self.actions_, face, at)

    def _show_shortcuts(self) -> None:
        dialog = ShortcutsDialog(self.actions_, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    @property
    def playing(self) -> bool:
        """True while the cursor moves by itself."""
        return self._player.isActive()

    @property
    def busy(self) -> bool:
        """True while something is read or written."""
        return self._jobs.busy

    def _moving(self, work: Callable[..., object]) -> Callable[..., None]:
        """Wrap what moves the cursor or the choice."""

        def done(*what: object) -> None:
            work(*what)
            self.refresh_cursor()

        return done

    def _editing(self, work: Callable[..., object]) -> Callable[..., None]:
        """Wrap what changes the recording."""

        def done(*what: object) -> None:
            work(*what)
            self._refresh_all()

        return done

    def _build_layout(self) -> None:
        top = QSplitter(Qt.Orientation.Horizontal)
        top.addWidget(self.video)
        top.addWidget(self.side)
        top.setStretchFactor(0, 1)
        top.setSizes((600, 500))
        top.setChildrenCollapsible(False)
        whole = QSplitter(Qt.Orientation.Vertical)
        whole.addWidget(top)
        whole.addWidget(self.timelines)
        whole.setStretchFactor(0, 3)
        whole.setStretchFactor(1, 2)
        whole.setSizes((380, 340))
        whole.setChildrenCollapsible(False)
        holder = QWidget()
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(8, 8, 8, 0)
        layout.addWidget(self.faces.banner)
        layout.addWidget(whole, 1)
        layout.addWidget(self.legend)
        layout.addLayout(self._build_readout())
        self.setCentralWidget(holder)
        self.message = Wrapped()  # a stranger's file may be quoted
        self.message.setAccessibleName(self.tr("Message"))
        self.message.setContentsMargins(8, 0, 0, 4)
        bar = self.statusBar()
        if bar is not None:
            bar.addWidget(self.message, 1)

    def _build_readout(self) -> QHBoxLayout:
        self.play_button = QPushButton(self.tr("Play"))
        self.play_button.clicked.connect(lambda _: self.play_or_pause())
        self.time_label = QLabel()
        self.time_label.setAccessibleName(self.tr("Time"))
        row = QHBoxLayout()
        row.addWidget(self.play_button)
        row.addWidget(self.time_label)
        row.addWidget(self.readout, 1)
        return row

    def _connect(self) -> None:
        move, control = self._moving, self.controller
        self.timelines.time_chosen.connect(self._move)
        self.timelines.span_chosen.connect(move(control.choose_span))
        self.timelines.face_chosen.connect(move(self._choose_band))
        self.video.face_clicked.connect(self._choose_clicked)
        self.video.face_menu_wanted.connect(self._show_face_menu)
        self.side.face_chosen.connect(move(control.choose_face))
        self.side.label_wanted.connect(self._editing(self.controller.label))
        self.side.delete_wanted.connect(self._editing(self.controller.delete))
        self.side.undo_wanted.connect(self._editing(self.controller.undo))

    # What the user wants.

    def open(self, path: Path, video: Path | None = None) -> None:
        """Open a recording, off this thread; what is wrong with it is said in the window."""
        self._say(self.tr("opening {name} …").format(name=path.name))
        self._jobs.run(lambda: open_review(path, video).prepare(), self._opened, self._failed)

    def _opened(self, review: Review) -> None:
        self.controller.load(review)
        self._troubles = list(review.warnings)
        self.setWindowTitle(self.tr("Review: {name}").format(name=review.name))
        self._pause()
        self._serve(review.footage)
        self.timelines.show_review(review, anew=True)
        self._refresh_all()

    def _failed(self, message: str) -> None:
        self._say(message, failed=True)

    def _say(self, message: str, *, failed: bool = False) -> None:
        self.controller.say(message, failed=failed)
        self._refresh_message()

    def choose_video(self, video: Path) -> None:
        """Show this video with the tracks that are open."""
        if (review := self.controller.review) is not None:
            review.choose_video(video)
            self._troubles = list(review.warnings)
            self._serve(review.footage)
            self.refresh_cursor()

    def save(self, work: Callable[[], object], name: str) -> None:
        """Write a file, off this thread; the end is told."""
        self._say(self.tr("writing {name} …").format(name=name))
        saved = self.tr("saved: {name}").format(name=name)
        self._jobs.run(work, lambda _: self._say(saved), self._failed)

    def _move(self, time_s: float) -> None:
        self.controller.move(time_s)
        self.refresh_cursor()

    def _choose_clicked(self, face: int | None) -> None:
        if face is not None:
            self.controller.choose_face(face)
            self.refresh_cursor()

    def _choose_band(self, face: int, time_s: float) -> None:
        self.controller.choose_face(face)
        self.controller.move(time_s)
        self.controller.choose_span_here()

    # Playing.

    def play_or_pause(self) -> None:
        """Play from the cursor, from the start if that is at the end; or pause."""
        if self.playing:
            self._pause()
            return
        if self.controller.review is None:
            return
        if self.controller.time_s >= self.controller.duration_s:
            self._move(0.0)
        self._played_s = monotonic()
        self._player.start()
        self._refresh_play()

    def _pause(self) -> None:
        self._player.stop()
        self._refresh_play()

    def _play_on(self) -> None:
        now_s = monotonic()
        self._move(self.controller.time_s + now_s - self._played_s)
        self._played_s = now_s
        if self.controller.time_s >= self.controller.duration_s:
            self._pause()

    # The video.

    def _serve(self, parts: Sequence[VideoPart]) -> None:
        """Show another video, or none."""
        if self._footage is not None:
            self._footage.close()
        self._footage = None
        self.video.set_picture(None)
        self.video.set_hint(self.tr("no video; File, Choose video…"))
        if parts:
            self.video.set_hint(self.tr("opening {name} …").format(name=parts[0].path.name))
            self._footage = Footage(parts, self.video)
            self._footage.failed.connect(self._video_failed)

    def _video_failed(self, message: str) -> None:
        self.video.set_hint(message)
        self._troubles.append(message)  # what else is missing is still to be read
        self._failed("; ".join(self._troubles))

    # Showing the controller's state.

    def _refresh_all(self) -> None:
        review = self.controller.review
        self.side.tracks.show(self.controller.tracks(), self.controller.named)
        if review is not None:
            self.side.show_labels(review.table.classes)
            self.timelines.show_review(review)
            self.legend.show_labels(self.timelines.labels, corrected=self.timelines.corrected)
        self.faces.show_suggestion(self.actions_)
        self.refresh_cursor()
        self._refresh_message()

    def refresh_cursor(self) -> None:
        """Show cursor, choice and what can be done now."""
        control = self.controller
        faces = control.faces()
        self.timelines.show_chosen(control.face)
        self.timelines.show_time(control.time_s)
        self.timelines.show_span(control.span)
        now, end = (clock(s, digits=2) for s in (control.time_s, control.duration_s))
        self.time_label.setText(f"{now} / {end}")
        marker = control.marker_here()
        marked = [] if marker is None else [self.tr("marker: {text}").format(text=marker.text)]
        below = self.video.look.uncertain_below
        shown = [self.faces.words(face, below) for face in faces]
        self.readout.setText("    ".join([*marked, *shown]))
        review = control.review
        drawn = review is not None and review.annotated  # the video shows them itself
        self.video.set_faces(faces, control.face, drawn=not drawn)
        if self._footage is not None:
            self._footage.ask(control.time_s)
        self.side.show_choice(control.face, control.span, control.span_label)
        self._refresh_abilities()

    def _refresh_abilities(self) -> None:
        can, acts = self.controller.can(), self.actions_
        for action in (*acts.labels, acts.delete_span):
            action.setEnabled(can.label)
        acts.delete.setEnabled(can.delete)
        acts.name_face.setEnabled(can.delete)
        acts.split.setEnabled(can.delete)
        self.faces.merge_menu.setEnabled(bool(can.merge))
        self._name_step(acts.undo, self.tr("Undo"), said(can.undo))
        self._name_step(acts.redo, self.tr("Redo"), said(can.redo))
        self.side.show_abilities(can)
        is_open = self.controller.review is not None
        for action in (*acts.exports, acts.open_video, acts.play, acts.back, acts.forward):
            action.setEnabled(is_open)
        self.play_button.setEnabled(is_open)

    def _name_step(self, action: QAction, name: str, what: str) -> None:
        action.setEnabled(bool(what))
        action.setText(f"{name}: {literal(shortened(what, _STEP_LETTERS))}" if what else name)

    def _refresh_play(self) -> None:
        name = self.tr("Pause") if self.playing else self.tr("Play")
        self.actions_.play.setText(name)
        self.play_button.setText(name)

    def _refresh_message(self) -> None:
        message = said(self.controller.message)
        if self.controller.failed and message:
            message = self.tr("Attention: {message}").format(message=message)
        self.message.setText(message)

    def event(self, event: QEvent | None) -> bool:
        """Leave keys to the widgets that do something with them."""
        return keep_own_key(event) or super().event(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Stop playing, end the threads, then close."""
        self._player.stop()
        if self._footage is not None:
            self._footage.close()
            self._footage = None
        self._jobs.close()
        super().closeEvent(event)
