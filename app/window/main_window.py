"""The main window: the picture in the middle, panels around it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QEvent, QSettings, Qt, QTimer
from PyQt6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QMainWindow,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from app.live.outputs import LiveOutputs
from app.live.state import LiveState
from app.session.controller import RecordingController
from app.session.options import RecordingOptions
from app.settings.kept import SettingsFile, with_recent
from app.settings.recording import options_of, with_options
from app.settings.settings import Settings
from app.sources.choice import Choice
from app.window.actions import make_actions
from app.window.docks import Docks
from app.window.keys import keep_own_key
from app.window.menus import MainActions, fill_menu_bar
from app.window.opening import meant_by
from app.window.panels.recording import RecordingPanel
from app.window.picture.painter import OverlayOptions
from app.window.picture.view import VideoView
from app.window.playback import Playback
from app.window.privacy import PrivacyDialog
from app.window.questions import may_begin_anew, may_end_recording
from app.window.review.window import ReviewWindow
from app.window.runner import Runner
from app.window.session.outputs import OutputsWatch
from app.window.session.watch import SessionWatch
from app.window.settings.dialog import SettingsDialog
from app.window.sources.menu import SourceMenu
from app.window.theme import apply_theme
from app.window.transport import Transport
from engine.analyze import AnalyzerConfig
from engine.types import Analysis

log = logging.getLogger(__name__)

WIDTH: Final = 1280
HEIGHT: Final = 800
TITLE_PX: Final = 32  # of the frame that the desktop puts around
PANELS_MS: Final = 66  # panels are drawn 15 times a second at most; the picture at its own rate
SKIP_S: Final = 5.0
UNASKED: Final = "unasked"  # a property: the system closes the window, nobody can answer


class MainWindow(QMainWindow):
    """Everything a session needs; owns the runner."""

    def __init__(
        self,
        settings: Settings,
        settings_file: Path,
        *,
        stored: Settings | None = None,
        geometry: QSettings | None = None,
        runner: Runner | None = None,
    ) -> None:
        """Build the window; nothing is opened.

        Args:
            settings: The user's.
            settings_file: Where changes are kept.
            stored: What that holds, where `settings` differ from it for this time only.
            geometry: Where the window's place is remembered; None forgets it.
            runner: Runs sources; its `keep` must be `keep` of this window.
        """
        super().__init__()
        self._settings, self._geometry = settings, geometry
        self.kept = SettingsFile(settings_file, settings, stored)
        self.live = LiveState()
        self.outputs = LiveOutputs()
        self.controller = RecordingController(
            options_of(settings), told=self.outputs.mark, kept=self._options_chosen
        )
        self.runner = runner or Runner(self.keep, parent=self)
        self._dirty = False
        self._lost = False
        self.transport = Transport()
        self.playback = Playback(self.runner, self.transport)
        self.setMinimumSize(860, 560)
        self.resize(*self._first_size())
        self.view = VideoView()
        self.recording = RecordingPanel(self.controller)
        self.docks = Docks(self, self.recording, settings.uncertain_below)
        self.sources = SourceMenu(self)
        self.actions_ = make_actions(MainActions, self, self._intents())
        self.sources.recent = lambda: self._settings.recent
        self.sources.folder = lambda: self._settings.recent_folder
        self.sources.fill(self.actions_)
        fill_menu_bar(self, self.sources, self.actions_, self.docks.shown)
        self.watch = SessionWatch(self, self.controller, self.actions_, self.view)
        self.watch.place = self.playback.share
        said = OutputsWatch(self.outputs, self.watch.notice, self.view)
        self.watch.chips = said.chips
        self.controller.beginning = self._whole_from
        self._build_centre()
        self._build_status()
        self._connect()
        self._apply(settings)
        self.watch.refresh()
        self._start_timer()
        if geometry is not None:
            self.docks.restore(geometry)

    # Building

    def _first_size(self) -> tuple[int, int]:
        """Give the size it opens with: none of it is off the screen."""
        screen = self.screen()
        if screen is None:  # a window that is nowhere
            return WIDTH, HEIGHT
        room = screen.availableGeometry()
        return min(WIDTH, room.width()), min(HEIGHT, room.height() - TITLE_PX)

    def _build_centre(self) -> None:
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.watch.bar)
        column.addWidget(self.watch.notice)
        column.addWidget(self.view, 1)
        column.addWidget(self.transport)
        self.setCentralWidget(centre)
        self.setAcceptDrops(True)

    def _intents(self) -> dict[str, Callable[..., object]]:
        return {
            "open_file": self.sources.ask_file,
            "open_folder": self.sources.ask_folder,
            "open_stream": self.sources.ask_stream,
            "open_screen": self.sources.ask_screen,
            "open_session": self._ask_session,
            "close_source": self.close_source,
            "quit": self.close,
            "record": self.recording.record_or_stop,
            "markers": self.recording.mark_by_key,
            "other_marker": self._write_marker,
            "snapshot": self.recording.snapshot,
            "play_pause": self.playback.play_pause,
            "step_back": lambda: self.playback.step(-1),
            "step_on": lambda: self.playback.step(1),
            "back": lambda: self.playback.skip(-SKIP_S),
            "forward": lambda: self.playback.skip(SKIP_S),
            "mirror": lambda on: self._change(mirror=on),
            "landmarks": lambda on: self._change(landmarks=on),
            "head_axes": lambda on: self._change(head_axes=on),
            "follow_largest": self._escape,
            "full_screen": self._full_screen,
            "settings": self._show_settings,
            "privacy": self.show_privacy,
            "about": self._about,
        }

    def _build_status(self) -> None:
        self.source_label, self.state_label = QLabel(), QLabel()
        bar = self.statusBar()
        if bar is not None:
            bar.addWidget(self.source_label, 1)
            bar.addPermanentWidget(self.state_label)

    def _connect(self) -> None:
        runner, view = self.runner, self.view
        runner.started.connect(self._source_started)
        runner.opened.connect(self._source_opened)
        runner.ready.connect(self._networks_ready)
        runner.frame_shown.connect(self._show_frame)
        runner.analysed.connect(self._show_analysis)
        runner.failed.connect(self._source_failed)
        runner.ended.connect(self._source_ended)
        view.face_clicked.connect(self._select)
        view.target_changed.connect(lambda: runner.aim(view.target))
        self.sources.chosen.connect(self.open)
        self.sources.asked_camera.connect(self._ask_camera)
        self.docks.statistics.failed.connect(self.watch.notice.say)
        self.watch.recording_changed.connect(self._keep_every)

    def _start_timer(self) -> None:
        timer = QTimer(self)
        timer.setInterval(PANELS_MS)
        timer.timeout.connect(self._refresh_panels)
        timer.start()

    # Sources

    def open(self, choice: Choice) -> None:
        """Leave the source that runs, and show another; a recording is asked about first."""
        doing = self.tr("open {name}").format(name=choice.title)
        if not may_end_recording(self, self.controller, doing):
            return
        self.controller.detach()
        self._clear()
        self._settings = with_recent(self._settings, choice)
        self._keep_quietly(self.settings)
        self.live.reset()
        self._refresh_panels(force=True)
        self.runner.start(choice, self._analyzer(choice))

    def _analyzer(self, choice: Choice) -> AnalyzerConfig:
        """Give what analyses a source; one that can be moved in knows people by their looks."""
        moved = choice.kind == "file" and not choice.as_camera
        return replace(self.settings.analyzer(), relink=moved)

    def open_files(self, names: Sequence[str]) -> None:
        """Open what was dropped: a source or a recording; say what is left out."""
        meant = meant_by(names)
        if meant.review is not None:
            self.review(meant.review, meant.video)
        elif meant.choice is not None:
            self.open(meant.choice)
        if meant.left:
            text = self.tr("One thing is shown at a time; not opened: {names}")
            self.watch.notice.say(text.format(names=", ".join(meant.left)))

    def close_source(self) -> None:
        """Leave the source; a recording is asked about first."""
        if not may_end_recording(self, self.controller, self.tr("close the source")):
            return
        self.runner.stop()
        self.controller.detach()
        self._clear()
        self.source_label.setText("")

    def _clear(self) -> None:
        self.view.set_picture(None)
        self._found_again()
        self.view.set_message("")
        self.transport.hide()
        self.state_label.setText("")

    def _source_started(self) -> None:
        choice = self.runner.choice
        if choice is not None:
            self.view.set_message("")
            self.source_label.setText(self.tr("Opening {name} …").format(name=choice.title))

    def _source_opened(self) -> None:
        worker, choice = self.runner.worker, self.runner.choice
        if worker is None or worker.info is None or choice is None:
            return
        info = worker.info
        self.view.set_message("")
        self._found_again()
        self.view.set_look(self._look(), mirrored=self._mirrored())
        rate = "" if info.fps is None else f", {float(info.fps):.4g} fps"
        self.source_label.setText(f"{choice.title}: {info.width}x{info.height}{rate}")
        if worker.device:  # it was lost and is back
            self._networks_ready()
        else:
            self.state_label.setText(self.tr("loading the networks …"))
        self.transport.setVisible(self.playback.player is not None)
        self.controller.attach(info, self._analyzer(choice))

    def _found_again(self) -> None:
        self.view.set_stale(stale=False)
        if self._lost:
            self._lost = False
            self.watch.notice.clear()

    def _networks_ready(self) -> None:
        worker = self.runner.worker
        if worker is not None:
            self.live.device, self.live.model = worker.device, self.settings.model
            self.state_label.setText(f"{self.settings.model} · {worker.device}")

    def _source_failed(self, message: str, again: bool) -> None:
        if again:  # a recording goes on: the gap is part of it
            self.live.lose_signal()
            self.view.set_stale(stale=True)
            if not self._lost:
                self._lost = True
                stop = self.tr("Stop waiting")
                self.watch.notice.say(message, offer=stop, act=self.close_source)
            message += "\n" + self.tr("Waiting for it to come back …")
            self._refresh_panels(force=True)
            if (choice := self.runner.choice) is not None:
                self.source_label.setText(self.tr("Waiting for {name}").format(name=choice.title))
        else:
            self._clear()
            self.source_label.setText("")
            self.controller.detach()
        self.view.set_message(message)

    def _source_ended(self) -> None:
        self.state_label.setText(self.tr("ended"))

    def keep(self, analysis: Analysis) -> None:
        """Record and tell others; on the worker's thread, and never waits."""
        self.controller.add(analysis)
        self.outputs.send(analysis)

    def _ask_camera(self, wanted: Choice) -> None:
        """Run the camera anew, in another size or at another rate."""
        choice = self.runner.choice
        if choice is not None and choice.kind == "camera":
            self.open(replace(wanted, name=choice.name))

    def _ask_session(self) -> None:
        name = QFileDialog.getExistingDirectory(
            self, self.tr("Open a recording"), str(self.settings.recording_folder)
        )
        if name:
            self.review(Path(name))

    def review(self, path: Path, video: Path | None = None) -> ReviewWindow:
        """Open a recording, or a table and its video, in a window of its own."""
        window = ReviewWindow(self)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.show()
        window.open(path, video)
        return window

    def _whole_from(self) -> int:
        """Leave out no frame of a file from now on; give the first of them."""
        worker = self.runner.worker
        return 0 if worker is None else worker.keep_every(on=True)

    def _keep_every(self, on: bool) -> None:
        if (worker := self.runner.worker) is not None:
            worker.keep_every(on=on)

    def _end_with_the_file(self) -> None:
        """End the recording of a file that has ended."""
        worker, player = self.runner.worker, self.playback.player
        if worker is not None and player is not None and player.ended and worker.settled:
            self.controller.stop_at_end()

    def _write_marker(self) -> None:
        """Lead to the field for a marker's text, wherever its panel is."""
        dock = self.docks.docks["recording"]
        dock.show()
        dock.raise_()
        dock.activateWindow()
        self.recording.mark_text.setFocus()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files."""
        mime = None if event is None else event.mimeData()
        if event is not None and mime is not None and mime.hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped."""
        mime = None if event is None else event.mimeData()
        names = [] if mime is None else [url.toLocalFile() for url in mime.urls()]
        names = [name for name in names if name]
        if names:
            self.open_files(names)

    # What is shown

    def _show_frame(self) -> None:
        worker = self.runner.worker
        picture = None if worker is None else worker.take_picture()
        if picture is None:
            return
        self.view.set_picture(picture)
        if picture.analysis is not None:
            self.view.set_analysis(picture.analysis, self.live.shown, self.live.selected)

    def _show_analysis(self) -> None:
        worker = self.runner.worker
        analysis = None if worker is None else worker.take_analysis()
        if worker is None or analysis is None:
            return
        latency_ms = worker.captured.age_ms(analysis.frame.index) or 0.0
        self.live.add(analysis, latency_ms, worker.dropped)
        if not worker.in_step:  # else it comes with its own picture
            self.view.set_analysis(analysis, self.live.shown, self.live.selected)
        self._dirty = True

    def _refresh_panels(self, *, force: bool = False) -> None:
        self._end_with_the_file()
        if not (self._dirty or force):
            return
        self._dirty = False
        self.docks.refresh(self.live)

    def _select(self, face: int | None) -> None:
        self.live.select(face)
        self.view.set_analysis(self.live.analysis, self.live.shown, self.live.selected)
        self._refresh_panels(force=True)

    # Settings

    @property
    def settings(self) -> Settings:
        """What holds now; what concerns recordings, the controller knows."""
        return with_options(self._settings, self.controller.choice)

    def _options_chosen(self, options: RecordingOptions) -> None:
        self._keep_quietly(with_options(self._settings, options))

    def _keep_settings(self, settings: Settings) -> None:
        """Keep settings; a dialog says where that fails: the user has just changed them."""
        if failure := self.kept.save(settings):
            QMessageBox.warning(self, self.tr("The settings cannot be kept"), failure)

    def _keep_quietly(self, settings: Settings) -> None:
        """Keep settings; a line says where that fails: the user is doing something else."""
        if failure := self.kept.save(settings):
            text = self.tr("The settings cannot be kept: {why}")
            self.watch.notice.say(text.format(why=failure))

    def _look(self) -> OverlayOptions:
        settings = self.settings
        return OverlayOptions(
            landmarks=settings.landmarks,
            head_axes=settings.head_axes,
            uncertain_below=settings.uncertain_below,
        )

    def _mirrored(self) -> bool:
        choice = self.runner.choice
        return self.settings.mirror and choice is not None and choice.kind == "camera"

    def _change(self, **changes: object) -> None:
        changed = replace(self.settings, **changes)  # type: ignore[arg-type] # by name
        if changed != self.settings:
            self.use(changed)

    def use(self, settings: Settings) -> None:
        """Take over other settings, keep them, and run the source anew where they ask for it.

        While a recording runs, nothing that concerns it changes, and the window says so.
        """
        anew = settings.analyzer() != self.settings.analyzer()
        if self.controller.view().recording and (
            anew or options_of(settings) != self.controller.choice
        ):
            self.watch.notice.say(
                self.tr("Stop the recording to change what is analysed or recorded.")
            )
            return
        if anew and not may_begin_anew(self, self.live.statistics):
            return
        self._apply(settings)
        self._keep_settings(self.settings)
        if anew:
            choice = self.playback.as_it_is()
            self.live.reset()  # other networks, other identities
            if choice is not None:
                self.runner.start(choice, self._analyzer(choice))

    def _apply(self, settings: Settings) -> None:
        self._settings = settings
        self.docks.probabilities.uncertain_below = settings.uncertain_below
        chosen = options_of(settings)
        self.controller.choose(**{name: getattr(chosen, name) for name in chosen.__slots__})
        self.controller.draw(landmarks=settings.landmarks, uncertain_below=settings.uncertain_below)
        self.recording.refresh()
        self.outputs.use(settings)
        self.view.set_look(self._look(), mirrored=self._mirrored())
        for name in ("mirror", "landmarks", "head_axes"):
            getattr(self.actions_, name).setChecked(getattr(settings, name))
        self._dirty = True

    def _show_settings(self) -> None:
        recording = self.controller.view().recording
        dialog = SettingsDialog(self.settings, self, recording=recording)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def use(settings: Settings) -> None:
            self._use_and_dress(settings)
            if self.settings != settings:
                dialog.take(self.settings)

        dialog.applied.connect(use)
        dialog.open()

    def show_privacy(self) -> None:
        """Show what the numbers mean and what happens to them."""
        dialog = PrivacyDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def first_run(self, then: Callable[[], None]) -> None:
        """Show that page before anything is opened; go on once it was read."""
        dialog = PrivacyDialog(self, first_run=True)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._change(seen_privacy=True))
        dialog.accepted.connect(then)
        dialog.rejected.connect(self.close)
        dialog.open()

    def _use_and_dress(self, settings: Settings) -> None:
        self.use(settings)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, self.settings.theme, self.settings.text_size)

    def _full_screen(self, on: bool) -> None:
        """Show the picture alone, with the bar over it; and all as it was before."""
        self.docks.hide_all(on)
        for bar in (self.menuBar(), self.statusBar()):
            if bar is not None:
                bar.setVisible(not on)
        (self.showFullScreen if on else self.showNormal)()

    def _escape(self) -> None:
        """Leave the full screen; else follow the largest face."""
        if self.actions_.full_screen.isChecked():
            self.actions_.full_screen.setChecked(False)
        else:
            self._select(None)

    def _about(self) -> None:
        QMessageBox.about(
            self,
            self.tr("About fer-live"),
            f"fer-live {metadata.version('fer-live')}\nGPL-3.0-or-later",
        )

    # Beginning and end

    def event(self, event: QEvent | None) -> bool:
        """Leave keys to the widgets that do something with them."""
        return keep_own_key(event) or super().event(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Ask before a recording ends, leave the source, wait with a limit, remember the place."""
        asked = event is not None and not self.property(UNASKED)
        doing = self.tr("close the window")
        if asked and not may_end_recording(self, self.controller, doing):
            event.ignore()  # type: ignore[union-attr]
            return
        self.actions_.full_screen.setChecked(False)  # the place without it is remembered
        self.controller.close()
        self.outputs.close()
        self.runner.close()
        if self._geometry is not None:
            self.docks.keep(self._geometry)
        if event is not None:
            event.accept()
