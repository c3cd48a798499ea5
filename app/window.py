"""The main window: the picture in the middle, panels around it."""

import logging
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QByteArray, QSettings, Qt, QTimer
from PyQt6.QtGui import QAction, QActionGroup, QCloseEvent, QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QApplication,
    QDockWidget,
    QFileDialog,
    QInputDialog,
    QLabel,
    QMainWindow,
    QMenu,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from app.actions import Actions, make_actions
from app.live import LiveState
from app.live_outputs import LiveOutputs
from app.painter import Look
from app.panels.affect_plot import AffectPlot
from app.panels.circumplex import CircumplexPanel
from app.panels.panel import Panel
from app.panels.performance import PerformancePanel
from app.panels.probabilities import ProbabilitiesPanel
from app.panels.statistics import StatisticsPanel
from app.privacy import PrivacyDialog
from app.recording_panel import RecordingPanel
from app.review.window import ReviewWindow
from app.runner import Runner
from app.session import controller as recording
from app.session.controller import RecordingController
from app.settings import Settings, save_settings
from app.settings_dialog import SettingsDialog
from app.sources.cameras import CameraName, cameras
from app.sources.choice import Choice, choice_of
from app.sources.player import Player
from app.theme import apply_theme
from app.transport import Transport
from app.view import VideoView
from engine.errors import FerError
from engine.types import Analysis

log = logging.getLogger(__name__)

CAMERAS_MS: Final = 2000  # how often the list of cameras is looked at
PANELS_MS: Final = (
    66  # panels are drawn 15 times a second at most; the picture at the source's rate
)
PLACE_MS: Final = 200
SKIP_S: Final = 5.0
SIZES: Final = ((640, 480), (1280, 720), (1920, 1080))
RATES: Final = (15.0, 30.0, 60.0)
LAYOUT: Final = 1  # of the docks; another number forgets remembered ones
VIDEOS: Final = "*.mp4 *.mkv *.mov *.avi *.webm *.m4v *.mpg *.ts *.wmv *.jpg *.jpeg *.png"
_RIGHT, _BOTTOM = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea


class MainWindow(QMainWindow):
    """Everything a session needs; owns the runner."""

    def __init__(
        self,
        settings: Settings,
        settings_file: Path,
        *,
        geometry: QSettings | None = None,
        runner: Runner | None = None,
    ) -> None:
        """Build the window; nothing is opened.

        Args:
            settings: The user's.
            settings_file: Where changes are kept.
            geometry: Where the window's place is remembered; None forgets it.
            runner: Runs sources; its `keep` must be `keep` of this window.
        """
        super().__init__()
        self.settings, self._file, self._geometry = settings, settings_file, geometry
        self.live = LiveState()
        self.outputs = LiveOutputs()
        self.controller = RecordingController(
            recording.Choice(root=settings.recording_folder, blur=settings.blur),
            told=self.outputs.mark,
        )
        self.runner = runner or Runner(self._keep, parent=self)
        self._cameras: tuple[CameraName, ...] = ()
        self._camera_size: tuple[int, int] | None = None
        self._camera_fps: float | None = None
        self._dirty = False
        self.setWindowTitle("fer-live")
        self.setMinimumSize(860, 560)
        self.resize(1280, 800)
        self._build_centre()
        self._build_docks()
        self.actions_ = make_actions(self, self._intents())
        self._build_menus(self.actions_)
        self._build_status()
        self._connect()
        self._apply(settings)
        self._start_timers()
        self._restore()
        self._show_sources()

    # Building

    def _build_centre(self) -> None:
        self.view, self.transport = VideoView(), Transport()
        self.transport.hide()
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addWidget(self.transport)
        self.setCentralWidget(centre)
        self.view.set_hint(
            self.tr("Choose a camera in the Source menu, or drop a file here.")
            + "\n"
            + self.tr("Nothing is stored and nothing leaves this computer unless you record.")
        )
        self.setAcceptDrops(True)

    def _build_docks(self) -> None:
        self.recording = RecordingPanel(self.controller)
        self.probabilities = ProbabilitiesPanel(self.settings.uncertain_below)
        self.panels: dict[str, Panel] = {
            "probabilities": self.probabilities,
            "circumplex": CircumplexPanel(),
            "statistics": StatisticsPanel(),
            "performance": PerformancePanel(),
            "affect": AffectPlot(),
        }
        titles = {
            "probabilities": self.tr("Expression"),
            "circumplex": self.tr("Valence and arousal"),
            "statistics": self.tr("Session"),
            "performance": self.tr("Performance"),
            "affect": self.tr("Over time"),
            "recording": self.tr("Recording"),
        }
        self.docks = {
            name: self._dock(name, titles[name], widget)
            for name, widget in {**self.panels, "recording": self.recording}.items()
        }
        for name in ("probabilities", "circumplex", "recording"):
            self.addDockWidget(_RIGHT, self.docks[name])
        for name in ("affect", "statistics", "performance"):
            self.addDockWidget(_BOTTOM, self.docks[name])
        self.tabifyDockWidget(self.docks["circumplex"], self.docks["recording"])
        self.tabifyDockWidget(self.docks["statistics"], self.docks["performance"])
        self.docks["circumplex"].raise_()
        self.docks["statistics"].raise_()
        self.resizeDocks([self.docks["probabilities"]], [320], Qt.Orientation.Horizontal)
        self.resizeDocks(
            [self.docks["affect"], self.docks["statistics"]], [620, 420], Qt.Orientation.Horizontal
        )
        self.resizeDocks([self.docks["affect"]], [220], Qt.Orientation.Vertical)
        self.setCorner(Qt.Corner.BottomRightCorner, _RIGHT)

    def _dock(self, name: str, title: str, widget: QWidget) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)  # by which its place is remembered
        dock.setWidget(widget)
        return dock

    def _intents(self) -> dict[str, Callable[..., object]]:
        return {
            "open_file": self._ask_file,
            "open_stream": self._ask_stream,
            "open_screen": lambda: self.open(choice_of("screen")),
            "open_session": self._ask_session,
            "close_source": self.close_source,
            "quit": self.close,
            "play_pause": self._play_pause,
            "step_back": lambda: self._step(-1),
            "step_on": lambda: self._step(1),
            "back": lambda: self._skip(-SKIP_S),
            "forward": lambda: self._skip(SKIP_S),
            "mirror": lambda on: self._change(mirror=on),
            "landmarks": lambda on: self._change(landmarks=on),
            "head_axes": lambda on: self._change(head_axes=on),
            "follow_largest": lambda: self._select(None),
            "full_screen": self._full_screen,
            "settings": self._show_settings,
            "privacy": self.show_privacy,
            "about": self._about,
        }

    def _build_menus(self, actions: Actions) -> None:
        bar = self.menuBar()
        if bar is None:  # Qt makes one where there is none
            return
        self._source_menu = QMenu(self.tr("&Source"), self)
        bar.addMenu(self._source_menu)
        file_menu = QMenu(self.tr("&Playback"), self)
        for action in (
            actions.play_pause,
            actions.step_back,
            actions.step_on,
            actions.back,
            actions.forward,
        ):
            file_menu.addAction(action)
        bar.addMenu(file_menu)
        view_menu = QMenu(self.tr("&View"), self)
        for action in (actions.mirror, actions.landmarks, actions.head_axes):
            view_menu.addAction(action)
        view_menu.addSeparator()
        view_menu.addAction(actions.follow_largest)
        view_menu.addAction(actions.full_screen)
        view_menu.addSeparator()
        for dock in self.docks.values():
            view_menu.addAction(dock.toggleViewAction())
        bar.addMenu(view_menu)
        help_menu = QMenu(self.tr("&Help"), self)
        help_menu.addAction(actions.privacy)
        help_menu.addAction(actions.about)
        bar.addMenu(help_menu)

    def _build_status(self) -> None:
        self._source_label, self._state_label = QLabel(), QLabel()
        bar = self.statusBar()
        if bar is not None:
            bar.addWidget(self._source_label, 1)
            bar.addPermanentWidget(self._state_label)

    def _connect(self) -> None:
        runner, view, transport = self.runner, self.view, self.transport
        runner.started.connect(self._source_started)
        runner.opened.connect(self._source_opened)
        runner.ready.connect(self._networks_ready)
        runner.frame_shown.connect(self._show_frame)
        runner.analysed.connect(self._show_analysis)
        runner.failed.connect(self._source_failed)
        runner.ended.connect(self._source_ended)
        view.face_clicked.connect(self._select)
        view.target_changed.connect(lambda: runner.aim(view.target))
        transport.play_pause.connect(self._play_pause)
        transport.stepped.connect(self._step)
        transport.sought.connect(self._seek)
        transport.speed_chosen.connect(self._set_speed)
        self.recording.saved.connect(self._recording_saved)

    def _start_timers(self) -> None:
        for interval, act in (
            (CAMERAS_MS, self._look_for_cameras),
            (PANELS_MS, self._refresh_panels),
            (PLACE_MS, self._show_place),
        ):
            timer = QTimer(self, interval=interval)
            timer.timeout.connect(act)
            timer.start()

    # Sources

    def open(self, choice: Choice) -> None:
        """Leave the source that runs, and show another."""
        self.live.reset()
        self._refresh_panels(force=True)
        self.runner.start(choice, self.settings.analyzer())

    def close_source(self) -> None:
        """Leave the source."""
        self.runner.stop()
        self.controller.detach()
        self._clear()
        self._source_label.setText("")

    def _clear(self) -> None:
        self.view.set_picture(None)
        self.view.set_message("")
        self.transport.hide()
        self._state_label.setText("")

    def _source_started(self) -> None:
        choice = self.runner.choice
        if choice is not None:
            self.view.set_message("")
            self._source_label.setText(self.tr("Opening {name} …").format(name=choice.title))

    def _source_opened(self) -> None:
        worker, choice = self.runner.worker, self.runner.choice
        if worker is None or worker.info is None or choice is None:
            return
        info = worker.info
        self.view.set_message("")
        self.view.set_look(self._look(), mirrored=self._mirrored())
        rate = "" if info.fps is None else f", {float(info.fps):.4g} fps"
        self._source_label.setText(f"{choice.title}: {info.width}×{info.height}{rate}")
        self._networks_ready() if worker.device else self._state_label.setText(
            self.tr("loading the networks …")
        )
        self.transport.setVisible(isinstance(worker.source, Player))
        self.controller.attach(info, self.settings.analyzer())

    def _networks_ready(self) -> None:
        worker = self.runner.worker
        if worker is not None:
            self.live.device, self.live.model = worker.device, self.settings.model
            self._state_label.setText(f"{self.settings.model} · {worker.device}")

    def _source_failed(self, message: str, again: bool) -> None:  # noqa: FBT001 - a slot
        if again:  # a recording goes on: the gap is part of it
            message += "\n" + self.tr("Waiting for it to come back …")
        else:
            self._clear()
            self.controller.detach()
            self._state_label.setText("")
        self.view.set_message(message)

    def _source_ended(self) -> None:
        self._state_label.setText(self.tr("ended"))

    def _keep(self, analysis: Analysis) -> None:
        """Record and tell others; on the worker's thread, and never waits."""
        self.controller.add(analysis)
        self.outputs.send(analysis)

    def _look_for_cameras(self) -> None:
        found = cameras()
        if found != self._cameras:
            self._cameras = found
            self._show_sources()

    def _show_sources(self) -> None:
        menu, actions = self._source_menu, self.actions_
        menu.clear()
        for camera in self._cameras:
            choice = Choice(
                kind="camera",
                name=str(camera.number),
                size=self._camera_size,
                fps=self._camera_fps,
            )
            menu.addAction(str(camera), lambda _=False, choice=choice: self.open(choice))
        if not self._cameras:
            none = menu.addAction(self.tr("No camera found"))
            if none is not None:
                none.setEnabled(False)
        menu.addMenu(self._camera_menu())
        menu.addSeparator()
        for action in (actions.open_file, actions.open_stream, actions.open_screen):
            menu.addAction(action)
        menu.addSeparator()
        for action in (actions.open_session, actions.close_source):
            menu.addAction(action)
        menu.addSeparator()
        menu.addAction(actions.settings)
        menu.addAction(actions.quit)

    def _camera_menu(self) -> QMenu:
        menu = QMenu(self.tr("Camera &resolution and rate"), self._source_menu)
        sizes = [(self.tr("Size: the camera's own"), None)]
        sizes += [(f"{width}×{height}", (width, height)) for width, height in SIZES]
        group = QActionGroup(menu)
        for text, size in sizes:
            action = self._radio(menu, group, text, chosen=size == self._camera_size)
            action.triggered.connect(lambda _, size=size: self._ask_camera(size, self._camera_fps))
        menu.addSeparator()
        rates = [(self.tr("Rate: the camera's own"), None)]
        rates += [(f"{rate:g} fps", rate) for rate in RATES]
        group = QActionGroup(menu)
        for text, rate in rates:
            action = self._radio(menu, group, text, chosen=rate == self._camera_fps)
            action.triggered.connect(lambda _, rate=rate: self._ask_camera(self._camera_size, rate))
        return menu

    def _radio(self, menu: QMenu, group: QActionGroup, text: str, *, chosen: bool) -> QAction:
        action = QAction(text, menu, checkable=True, checked=chosen)
        group.addAction(action)
        menu.addAction(action)
        return action

    def _ask_camera(self, size: tuple[int, int] | None, fps: float | None) -> None:
        self._camera_size, self._camera_fps = size, fps
        self._show_sources()
        choice = self.runner.choice
        if choice is not None and choice.kind == "camera":
            self.open(replace(choice, size=size, fps=fps))

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Open a video or picture"),
            "",
            self.tr("Videos and pictures") + f" ({VIDEOS});;" + self.tr("All files") + " (*)",
        )
        if name:
            self.open(Choice(kind="file", name=name))

    def _ask_stream(self) -> None:
        text, good = QInputDialog.getText(
            self, self.tr("Open a network stream"), self.tr("Address, such as rtsp://…")
        )
        if good and text.strip():
            self.open(Choice(kind="stream", name=text.strip()))

    def _ask_session(self) -> None:
        name = QFileDialog.getExistingDirectory(
            self, self.tr("Open a recording"), str(self.settings.recording_folder)
        )
        if name:
            self.review(Path(name))

    def review(self, path: Path) -> ReviewWindow:
        """Open a recording in a window of its own."""
        window = ReviewWindow(self)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.show()
        window.open(path)
        return window

    def _recording_saved(self, folder: Path) -> None:
        bar = self.statusBar()
        if bar is not None:
            bar.showMessage(self.tr("Recorded to {folder}").format(folder=folder), 8000)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files."""
        mime = None if event is None else event.mimeData()
        if event is not None and mime is not None and mime.hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped."""
        mime = None if event is None else event.mimeData()
        names = [] if mime is None else [url.toLocalFile() for url in mime.urls()]
        if names and names[0]:
            self.open(Choice(kind="file", name=names[0]))

    # What is shown

    def _show_frame(self) -> None:
        worker = self.runner.worker
        if worker is not None:
            self.view.set_picture(worker.take_picture())

    def _show_analysis(self) -> None:
        worker = self.runner.worker
        analysis = None if worker is None else worker.take_analysis()
        if worker is None or analysis is None:
            return
        latency_ms = worker.captured.age_ms(analysis.frame.index) or 0.0
        self.live.add(analysis, latency_ms, worker.dropped)
        self.view.set_analysis(analysis, self.live.shown, self.live.selected)
        self._dirty = True

    def _refresh_panels(self, *, force: bool = False) -> None:
        if not (self._dirty or force):
            return
        self._dirty = False
        for name, panel in self.panels.items():
            if self.docks[name].isVisible() and not panel.visibleRegion().isEmpty():
                panel.refresh(self.live)

    def _show_place(self) -> None:
        player = self._player()
        if player is not None:
            self.transport.show_state(
                player.position_s, player.info.duration_s or 0.0, playing=player.playing
            )

    def _select(self, face: int | None) -> None:
        self.live.select(face)
        self.view.set_analysis(self.live.analysis, self.live.shown, self.live.selected)
        self._refresh_panels(force=True)

    # Playing a file

    def _player(self) -> Player | None:
        worker = self.runner.worker
        source = None if worker is None else worker.source
        return source if isinstance(source, Player) else None

    def _play_pause(self) -> None:
        player = self._player()
        if player is not None:
            (player.pause if player.playing else player.play)()
            self._show_place()

    def _step(self, frames: int) -> None:
        player = self._player()
        if player is not None:
            player.step(frames)

    def _skip(self, seconds: float) -> None:
        player = self._player()
        if player is not None:
            player.seek(player.position_s + seconds)

    def _seek(self, time_s: float) -> None:
        player = self._player()
        if player is not None:
            player.seek(time_s)

    def _set_speed(self, speed: float) -> None:
        player = self._player()
        if player is not None:
            player.set_speed(speed)

    # Settings

    def _look(self) -> Look:
        settings = self.settings
        return Look(
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
        """Take over other settings, keep them, and run the source anew where they ask for it."""
        anew = settings.analyzer() != self.settings.analyzer()
        try:
            save_settings(self._file, settings)
        except FerError as error:
            QMessageBox.warning(self, self.tr("The settings cannot be kept"), str(error))
        self._apply(settings)
        if anew:
            self.runner.restart(settings.analyzer())

    def _apply(self, settings: Settings) -> None:
        self.settings = settings
        self.probabilities.uncertain_below = settings.uncertain_below
        self.controller.choose(root=settings.recording_folder, blur=settings.blur)
        self.outputs.use(settings)
        self.view.set_look(self._look(), mirrored=self._mirrored())
        for name in ("mirror", "landmarks", "head_axes"):
            self.actions_.named()[name].setChecked(getattr(settings, name))
        self._dirty = True

    def _show_settings(self) -> None:
        dialog = SettingsDialog(self.settings, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.applied.connect(self._use_and_dress)
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
        dialog.open()

    def _use_and_dress(self, settings: Settings) -> None:
        self.use(settings)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, settings.theme)

    def _full_screen(self, on: bool) -> None:  # noqa: FBT001 - a slot
        (self.showFullScreen if on else self.showNormal)()

    def _about(self) -> None:
        QMessageBox.about(
            self,
            self.tr("About fer-live"),
            f"fer-live {metadata.version('fer-live')}\nGPL-3.0-or-later",
        )

    # Beginning and end

    def _restore(self) -> None:
        if self._geometry is None:
            return
        for key, restore in (
            ("geometry", self.restoreGeometry),
            ("docks", lambda state: self.restoreState(state, LAYOUT)),
        ):
            value = self._geometry.value(key)
            if isinstance(value, QByteArray):
                restore(value)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """End the recording, leave the source, wait with a limit, remember the place."""
        self.controller.close()
        self.outputs.close()
        self.runner.close()
        if self._geometry is not None:
            self._geometry.setValue("geometry", self.saveGeometry())
            self._geometry.setValue("docks", self.saveState(LAYOUT))
        if event is not None:
            event.accept()
