"""The main window: the picture in the middle, panels around it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QEvent, QSettings, QTimer
from PyQt6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QMouseEvent,
    QResizeEvent,
    QShowEvent,
)
from PyQt6.QtWidgets import QLabel, QMainWindow, QVBoxLayout, QWidget

from app.live.inputs import LiveInputs
from app.live.outputs import LiveOutputs
from app.live.state import LiveState
from app.session.controller import RecordingController
from app.settings.kept import SettingsFile
from app.settings.recording import options_of
from app.settings.settings import Settings
from app.sources.choice import Choice, choice_of
from app.window.actions import make_actions
from app.window.banner import Banner
from app.window.docks import Docks
from app.window.help.control import HelpControl
from app.window.keys import keep_own_key
from app.window.layouts import Layouts, first_size
from app.window.menus import MainActions, fill_menu_bar
from app.window.panels.recording import RecordingPanel
from app.window.picture.empty import EmptyPicture
from app.window.picture.faces import FacesControl
from app.window.picture.view import VideoView
from app.window.playback import Playback
from app.window.questions import may_end_recording
from app.window.review.window import ReviewWindow
from app.window.reviews import Reviews
from app.window.runner import Runner
from app.window.session.outputs import OutputsWatch
from app.window.session.watch import SessionWatch
from app.window.settings.control import Asked, SettingsControl
from app.window.shortcuts import Keys, put_on
from app.window.sound import Microphone, SoundOfFile, SystemSpeaker
from app.window.sources.control import SourceControl, Stage
from app.window.sources.menu import SourceMenu
from app.window.theme import GRID_PX
from app.window.transport import Transport
from engine.types import Analysis

PANELS_MS: Final = 66  # panels are drawn 15 times a second at most; the picture at its own rate
RAISED_MS: Final = 100  # after the window is shown
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
        self._geometry, self._dirty = geometry, False
        self.live = LiveState()
        self.outputs = LiveOutputs()
        self._settings = SettingsControl(self, Asked(settings, settings_file, stored), self.live)
        self.controller = RecordingController(
            options_of(settings), told=self.outputs.mark, kept=self._settings.options_chosen
        )
        self._settings.controller = self.controller
        self.inputs = LiveInputs(self.controller.take_marker)
        self.runner = runner or Runner(self.keep, parent=self)
        self.setMinimumSize(860, 560)
        self.resize(*first_size(self))
        self._build_parts()
        self._build_session()
        self._build_centre()
        self._connect()
        self._settings.apply(settings)
        self.watch.refresh()
        self._start_timer()
        if geometry is not None:
            self.docks.restore(geometry)

    # Building

    def _build_parts(self) -> None:
        """Make what is shown, and what decides about it."""
        self.transport = Transport()
        self.playback = Playback(self.runner, self.transport)
        self.view, self.trouble = VideoView(), Banner()
        self.faces = FacesControl(self, self.live, self.view)
        self.recording = RecordingPanel(self.controller)
        self.docks = Docks(self, self.recording, self.settings.uncertain_below)
        self.layouts = Layouts(self, self.docks, self.view, self.transport)
        self.help = HelpControl(self, self.live)
        stage = Stage(self, self.view, self.trouble, self.playback, self.live)
        self.source = SourceControl(stage, self.runner, self.controller, self._settings)
        self.sources = SourceMenu(self)
        self.reviews = Reviews(self, lambda: self.settings)

    def _build_session(self) -> None:
        """Make actions, menus and the bar over the picture."""
        self.actions_ = make_actions(MainActions, self, self._intents())
        self.sources.recent = lambda: self.settings.recent
        self.sources.folder = lambda: self.settings.recent_folder
        self.sources.fill(self.actions_)
        fill_menu_bar(self, self.sources, self.actions_, self.docks.shown)
        self.watch = SessionWatch(self, self.controller, self.actions_, self.view)
        self.watch.place = self.playback.share
        self.watch.stands = self.recording.stands = self.playback.stands
        self.watch.bar.set_source_menu(self.sources)
        self._settings.say = self.watch.notice.say
        self.sound = SoundOfFile(self.playback, lambda: self.settings.audible, SystemSpeaker.open)
        self.microphone = Microphone(self.controller)
        ways = (self.outputs, self.inputs)
        said = OutputsWatch(*ways, self.watch.notice, lambda: self.controller.choice.root)
        self.watch.chips = said.chips
        self.controller.beginning = self.source.whole_from
        self.controller.begun = self.source.begin_anew_at_end
        self.controller.named = lambda: self.live.named
        self.controller.device = lambda: self.live.device
        actions = self.actions_
        self.faces.offered = (actions.name_face, actions.follow_largest)
        self.faces.say = self.watch.notice.say
        openers = (actions.open_file, actions.open_session, actions.open_stream)
        self.empty = EmptyPicture(openers, self.view)
        said.say_line = self.empty.line.setText

    def _build_centre(self) -> None:
        self.addToolBar(self.watch.bar.in_toolbar())
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.watch.notice)
        column.addWidget(self.view, 1)
        column.addWidget(self.transport)
        self.setCentralWidget(centre)
        self.view.lay_over(self.trouble, self.empty)
        self.state_label = QLabel()
        self.state_label.setContentsMargins(GRID_PX, 0, GRID_PX, 0)
        if (menus := self.menuBar()) is not None:
            menus.setCornerWidget(self.state_label)
        self.setAcceptDrops(True)
        self._offer_sources()

    def _intents(self) -> dict[str, Callable[..., object]]:
        change, show = self._settings.change, self.help
        return {
            "open_file": self.sources.ask_file,
            "open_folder": self.sources.ask_folder,
            "open_stream": self.sources.ask_stream,
            "open_screen": self.sources.ask_screen,
            "open_session": self.reviews.ask,
            "close_source": self.close_source,
            "quit": self.close,
            "record": self.recording.record_or_stop,
            "pause": lambda: self.watch.pause_or_go_on(),
            "markers": self.recording.mark_by_key,
            "lasting": self.recording.begin_or_end_by_key,
            "other_marker": self.docks.write_marker,
            "snapshot": self.recording.snapshot,
            "blur": lambda on: self.watch.blur(on=on),
            "play_pause": self.playback.play_pause,
            "step_back": lambda: self.playback.step(-1),
            "step_on": lambda: self.playback.step(1),
            "back": lambda: self.playback.skip(-SKIP_S),
            "forward": lambda: self.playback.skip(SKIP_S),
            "audible": lambda on: change(audible=on),
            "mirror": lambda on: change(mirror=on),
            "landmarks": lambda on: change(landmarks=on),
            "head_axes": lambda on: change(head_axes=on),
            "follow_largest": self._escape,
            "name_face": self.faces.ask_name,
            "layout_session": lambda: self.layouts.choose("session", self.actions_.presentation),
            "layout_analysis": lambda: self.layouts.choose("analysis", self.actions_.presentation),
            "presentation": self.layouts.present,
            "reset_layout": lambda: self.layouts.reset(self.actions_.presentation),
            "settings": self._settings.show,
            "shortcuts": lambda: show.show_shortcuts(self.actions_),
            "documentation": show.show_documentation,
            "privacy": show.show_privacy,
            "notice": show.show_notice,
            "report": show.show_report,
            "about": show.show_about,
        }

    def _connect(self) -> None:
        self.runner.frame_shown.connect(self._show_frame)
        self.runner.analysed.connect(self._show_analysis)
        self.faces.changed.connect(lambda: self._refresh_panels(force=True))
        self.faces.named.connect(self.controller.keep_names)
        self.view.target_changed.connect(lambda: self.runner.aim(self.view.target))
        self.view.emptied.connect(lambda _: self._offer_sources())
        self.sources.chosen.connect(self.open)
        self.sources.changed.connect(self._offer_sources)
        self.sources.asked_camera.connect(self.source.ask_camera)
        self.empty.chosen.connect(self.open)
        self.source.named.connect(self.watch.bar.show_source)
        self.source.told.connect(self._show_networks)
        self.source.changed.connect(lambda: self._refresh_panels(force=True))
        self.source.choose_other = self.watch.bar.source_button.showMenu
        self._settings.applied.connect(self._show_settings)
        self.docks.statistics.face_chosen.connect(self.faces.select)
        self.docks.statistics.failed.connect(self.watch.say_failure)
        self.recording.asked.connect(self.watch.ask_who)
        self.recording.left.connect(self._look_at_picture)
        self.watch.recording_changed.connect(self.source.keep_every)

    def _start_timer(self) -> None:
        timer = QTimer(self)
        timer.setInterval(PANELS_MS)
        timer.timeout.connect(self._refresh_panels)
        timer.start()

    # Sources

    def open(self, choice: Choice) -> None:
        """Leave the source that runs, and show another; a recording is asked about first."""
        self.source.open(choice)

    def open_files(self, names: Sequence[str]) -> None:
        """Open what was dropped: a source or a recording; say what is left out."""
        meant = self.source.open_files(names)
        if meant.review is not None:
            self.review(meant.review, meant.video)
        if meant.left:
            text = self.tr("One thing is shown at a time; not opened: {names}")
            self.watch.notice.say(text.format(names=", ".join(meant.left)))

    def close_source(self) -> None:
        """Leave the source; a recording is asked about first."""
        self.source.close()

    def _offer_sources(self) -> None:
        """Say how to begin, where there is no picture."""
        recent = [choice_of(name) for name in self.settings.recent]
        self.empty.offer(self.view, self.sources.cameras, recent)

    def keep(self, analysis: Analysis) -> None:
        """Record and tell others; on the worker's thread, and never waits."""
        self.controller.add(analysis)
        self.outputs.send(analysis)

    def review(self, path: Path, video: Path | None = None) -> ReviewWindow:
        """Open a recording, or a table and its video, in a window of its own."""
        return self.reviews.open(path, video)

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
            self.faces.draw(picture.analysis)

    def _show_analysis(self) -> None:
        worker = self.runner.worker
        analysis = None if worker is None else worker.take_analysis()
        if worker is None or analysis is None:
            return
        latency_ms = worker.captured.age_ms(analysis.frame.index) or 0.0
        self.live.add(analysis, latency_ms, worker.dropped)
        if not worker.in_step:  # else it comes with its own picture
            self.faces.draw(analysis)
        self._dirty = True

    def _refresh_panels(self, *, force: bool = False) -> None:
        self.source.end_with_the_file()
        self.source.watch_signal()
        if not (self._dirty or force):
            return
        self._dirty = False
        self.docks.refresh(self.live)

    def _show_networks(self, text: str) -> None:
        """Say beside the menus how the networks are."""
        self.state_label.setText(text)
        if (menus := self.menuBar()) is not None:  # it gives a corner its room when it gets it
            menus.setCornerWidget(self.state_label)
            self.state_label.show()

    # Settings

    @property
    def settings(self) -> Settings:
        """What holds now."""
        return self._settings.now

    @property
    def kept(self) -> SettingsFile:
        """What keeps the settings."""
        return self._settings.kept

    def use(self, settings: Settings) -> None:
        """Take over other settings, keep them, and run the source anew where they ask for it."""
        self._settings.use(settings)

    def _show_settings(self) -> None:
        """Show what the settings say."""
        settings = self.settings
        self.docks.probabilities.uncertain_below = settings.uncertain_below
        self._put_keys_on(settings.keys)
        self.outputs.use(settings)
        self.inputs.use(settings)
        self.view.set_look(self._settings.look(), mirrored=self.source.mirrored)
        for name in ("audible", "mirror", "landmarks", "head_axes"):
            getattr(self.actions_, name).setChecked(getattr(settings, name))
        self._dirty = True

    def _put_keys_on(self, keys: Keys) -> None:
        """Let the windows' actions have the user's keys, and show them."""
        put_on(self.actions_, keys)
        self.recording.show_keys(self.actions_)
        self.reviews.put_on(keys)

    def first_run(self, then: Callable[[], None]) -> None:
        """Show the page on privacy before anything is opened; go on once it was read."""

        def accepted() -> None:
            self._settings.change(seen_privacy=True)
            then()

        self.help.first_run(accepted)

    def _look_at_picture(self) -> None:
        """Give the picture the focus, also from a panel that floats."""
        self.activateWindow()
        self.view.setFocus()

    def _escape(self) -> None:
        """Leave the presentation; else follow the largest face."""
        if self.actions_.presentation.isChecked():
            self.actions_.presentation.setChecked(False)
        else:
            self.faces.select(None)

    # Beginning and end

    def event(self, event: QEvent | None) -> bool:
        """Leave keys to the widgets that do something with them; notice moved separators."""
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonRelease:
            at = event.position().toPoint()
            if self.rect().contains(at) and self.childAt(at) is None:
                self.docks.moved()
        return keep_own_key(event) or super().event(event)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Put panels that float over the window, once the desktop has put that on the screen."""
        super().showEvent(event)
        if event is not None and not event.spontaneous():
            later = QTimer(self)
            later.setSingleShot(True)
            later.timeout.connect(self._raise_floating)
            later.timeout.connect(later.deleteLater)
            later.start(RAISED_MS)

    def _raise_floating(self) -> None:
        self.docks.raise_floating()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Give the panels of a layout their shares."""
        super().resizeEvent(event)
        self.docks.fit()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Ask before a recording ends, leave the source, wait with a limit, remember the place."""
        asked = event is not None and not self.property(UNASKED)
        doing = self.tr("close the window")
        if asked and not may_end_recording(self, self.controller, doing):
            event.ignore()  # type: ignore[union-attr]
            return
        self.actions_.presentation.setChecked(False)  # the place without it is remembered
        self.microphone.close()
        self.sound.close()
        self.inputs.close()
        self.controller.close()
        self.outputs.close()
        self.runner.close()
        if self._geometry is not None:
            self.docks.keep(self._geometry)
        if event is not None:
            event.accept()
