"""The menu of everything that can be looked at."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtGui import QAction, QActionGroup
from PyQt6.QtWidgets import QFileDialog, QInputDialog, QMenu, QWidget

from app.sources.cameras import CameraName, cameras
from app.sources.choice import Choice, choice_of
from app.window.language import filled, said
from app.window.menus import MainActions
from app.window.opening import VIDEOS
from app.window.sources.region_picker import RegionPicker
from app.window.texts import literal, tip
from engine.video.stills import ENDINGS

CAMERAS_MS: Final = 2000  # how often the list of cameras is looked at
SIZES: Final = ((640, 480), (1280, 720), (1920, 1080))
RATES: Final = (15.0, 30.0, 60.0)
FILES: Final = " ".join([f"*.{ending}" for ending in VIDEOS] + [f"*{e}" for e in sorted(ENDINGS)])


class SourceMenu(QMenu):
    """Cameras as they come and go, files, streams, the screen."""

    chosen = pyqtSignal(object)  # a `Choice`
    changed = pyqtSignal()  # other cameras are there
    asked_camera = pyqtSignal(object)  # a `Choice` whose size and rate a running camera shall take

    def __init__(
        self, parent: QWidget, look: Callable[[], tuple[CameraName, ...]] = cameras
    ) -> None:
        """Make the menu, empty until `fill`.

        Args:
            parent: Owns it, and the dialogs.
            look: Lists the cameras; quick.
        """
        super().__init__(parent)
        self.setTitle(self.tr("&File"))
        self.look, self._owner = look, parent
        self.recent: Callable[[], Sequence[str]] = tuple
        self.folder: Callable[[], str] = str
        self._cameras = look()
        self._wanted = Choice(kind="camera", name="")  # size and rate asked of cameras
        self._actions: MainActions | None = None
        self._picker: RegionPicker | None = None
        timer = QTimer(self)
        timer.setInterval(CAMERAS_MS)
        timer.timeout.connect(self.look_for_cameras)
        timer.start()

    def fill(self, actions: MainActions) -> None:
        """Show cameras and actions."""
        self._actions = actions
        self.clear()
        for camera in self._cameras:
            action = QAction(literal(_words(camera)), self)
            name = str(camera.number)
            action.triggered.connect(
                lambda _, name=name: self.chosen.emit(replace(self._wanted, name=name))
            )
            self.addAction(action)
        if not self._cameras:
            none = QAction(self.tr("No camera found"), self)
            none.setEnabled(False)
            self.addAction(none)
        self.addMenu(self._camera_menu())
        for group in (
            (actions.open_file, actions.open_folder, actions.open_stream, actions.open_screen),
            (actions.close_source,),
            (actions.settings, actions.quit),
        ):
            self.addSeparator()
            for action in group:
                self.addAction(action)
            if actions.open_file in group:
                self.addMenu(self._recent_menu())

    @property
    def cameras(self) -> list[tuple[str, Choice]]:
        """The cameras that are there, and what opens each."""
        return [
            (_words(camera), replace(self._wanted, name=str(camera.number)))
            for camera in self._cameras
        ]

    def _recent_menu(self) -> QMenu:
        menu = QMenu(self.tr("Open r&ecent"), self)

        def fill() -> None:
            menu.clear()
            for name in self.recent():
                choice = choice_of(name)
                action = QAction(literal(said(choice.title)), menu)
                action.setToolTip(tip(name))
                action.triggered.connect(lambda _, choice=choice: self.chosen.emit(choice))
                menu.addAction(action)
            menu.setEnabled(not menu.isEmpty())

        menu.aboutToShow.connect(fill)
        self.aboutToShow.connect(fill)
        return menu

    def look_for_cameras(self) -> None:
        """List the cameras anew, if they have changed."""
        found = self.look()
        if found != self._cameras:
            self._cameras = found
            if self._actions is not None:
                self.fill(self._actions)
            self.changed.emit()

    def _camera_menu(self) -> QMenu:
        menu = QMenu(self.tr("Camera &resolution and rate"), self)
        sizes: list[tuple[str, tuple[int, int] | None]] = [(self.tr("Size: its own"), None)]
        sizes += [(f"{width}x{height}", (width, height)) for width, height in SIZES]
        group = QActionGroup(menu)
        for text, size in sizes:
            wanted = replace(self._wanted, size=size)
            self._radio(menu, group, text, wanted)
        menu.addSeparator()
        rates: list[tuple[str, float | None]] = [(self.tr("Rate: its own"), None)]
        words = self.tr("{rate:g} fps")
        rates += [(filled(words, rate=rate), rate) for rate in RATES]
        group = QActionGroup(menu)
        for text, rate in rates:
            self._radio(menu, group, text, replace(self._wanted, fps=rate))
        return menu

    def _radio(self, menu: QMenu, group: QActionGroup, text: str, wanted: Choice) -> None:
        action = QAction(text, menu)
        action.setCheckable(True)
        action.setChecked(wanted == self._wanted)
        action.triggered.connect(lambda: self._ask_camera(wanted))
        group.addAction(action)
        menu.addAction(action)

    def _ask_camera(self, wanted: Choice) -> None:
        self._wanted = wanted
        if self._actions is not None:
            self.fill(self._actions)
        self.asked_camera.emit(wanted)

    def ask_file(self) -> None:
        """Let the user choose a file."""
        name, _ = QFileDialog.getOpenFileName(
            self._owner,
            self.tr("Open a video or picture"),
            self.folder(),
            f"{self.tr('Videos and pictures')} ({FILES});;{self.tr('All files')} (*)",
        )
        if name:
            self.chosen.emit(Choice(kind="file", name=name))

    def ask_folder(self) -> None:
        """Let the user choose a folder of pictures, which plays as a film."""
        name = QFileDialog.getExistingDirectory(
            self._owner, self.tr("Open a folder of pictures"), self.folder()
        )
        if name:
            self.chosen.emit(Choice(kind="file", name=name))

    def ask_stream(self) -> None:
        """Let the user type an address."""
        text, good = QInputDialog.getText(
            self._owner,
            self.tr("Open a network stream"),
            self.tr("Address, such as rtsp://…"),
        )
        if good and text.strip():
            self.chosen.emit(Choice(kind="stream", name=text.strip()))

    def ask_screen(self) -> None:
        """Let the user draw which part of the screen the window is on."""
        screen = self._owner.screen()
        if screen is None:  # a window that is nowhere
            return
        self._picker = picker = RegionPicker(screen)  # it has no parent: it would die at once
        picker.picked.connect(lambda name: self.chosen.emit(choice_of(name)))
        picker.showFullScreen()
        picker.activateWindow()


def _words(camera: CameraName) -> str:
    """Say which camera it is."""
    return f"{said(camera.name)} ({camera.number})"
