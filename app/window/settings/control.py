"""The settings while the window is open: who owns which, and what a change brings about."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QApplication, QMainWindow, QMessageBox

from app.live.state import LiveState
from app.session.controller import RecordingController
from app.session.options import RecordingOptions
from app.settings.kept import SettingsFile, with_recent
from app.settings.recording import options_of, with_options
from app.settings.settings import Settings
from app.sources.choice import Choice
from app.window.banner import Banner
from app.window.picture.painter import OverlayOptions
from app.window.questions import may_begin_anew
from app.window.settings.dialog import SettingsDialog
from app.window.theme import apply_theme


@dataclass(frozen=True, slots=True)
class Asked:
    """Settings that the program began with.

    Attributes:
        settings: They.
        path: The file in which changes are kept.
        stored: What that holds, where `settings` differ for this time only.
    """

    settings: Settings
    path: Path
    stored: Settings | None = None


class SettingsControl(QObject):
    """Owns the settings, but those of recordings, which the controller of recordings owns.

    Attributes:
        kept: The file.
        say: Where failures are said.
        applied: Other settings hold.
        anew: They ask for other networks: the source is to run anew.
    """

    applied = pyqtSignal()
    anew = pyqtSignal()

    def __init__(self, window: QMainWindow, asked: Asked, live: LiveState) -> None:
        """Take the settings over; `apply` shows them.

        Args:
            window: Owns the dialogs.
            asked: What the program began with.
            live: What other networks would make empty.
        """
        super().__init__(window)
        self._window, self._live = window, live
        self._own = asked.settings
        self.kept = SettingsFile(asked.path, asked.settings, asked.stored)
        self.say: Callable[..., object] = Banner.say
        self.controller: RecordingController | None = None

    @property
    def now(self) -> Settings:
        """What holds now; what concerns recordings, the controller knows."""
        if self.controller is None:
            return self._own
        return with_options(self._own, self.controller.choice)

    def look(self) -> OverlayOptions:
        """Say what is drawn over the picture."""
        now = self.now
        return OverlayOptions(
            landmarks=now.landmarks,
            head_axes=now.head_axes,
            uncertain_below=now.uncertain_below,
        )

    def remember(self, choice: Choice) -> None:
        """Put a source among those that were opened last."""
        self._own = with_recent(self._own, choice)
        self.keep_quietly(self.now)

    def options_chosen(self, options: RecordingOptions) -> None:
        """Keep what the controller was told."""
        self.keep_quietly(with_options(self._own, options))

    def _keep(self, settings: Settings) -> None:
        """Keep settings; a dialog says where that fails: the user has just changed them."""
        if failure := self.kept.save(settings):
            QMessageBox.warning(self._window, self.tr("The settings cannot be kept"), failure)

    def keep_quietly(self, settings: Settings) -> None:
        """Keep settings; a line says where that fails: the user is doing something else."""
        if failure := self.kept.save(settings):
            text = self.tr("The settings cannot be kept: {why}")
            self.say(text.format(why=failure), tone="bad")

    def change(self, **changes: object) -> None:
        """Change some by name."""
        changed = replace(self.now, **changes)  # type: ignore[arg-type] # by name
        if changed != self.now:
            self.use(changed)

    def use(self, settings: Settings) -> None:
        """Take over other settings, keep them, and run the source anew where they ask for it.

        While a recording runs, nothing that concerns it changes, and the window says so.
        """
        anew = settings.analyzer() != self.now.analyzer()
        recording = self.controller is not None and self.controller.view().recording
        if recording and (anew or options_of(settings) != options_of(self.now)):
            self.say(self.tr("Stop the recording to change what is analysed or recorded."))
            return
        if anew and not may_begin_anew(self._window, self._live.statistics):
            return
        self.apply(settings)
        self._keep(self.now)
        if anew:
            self.anew.emit()

    def apply(self, settings: Settings) -> None:
        """Let settings hold, without keeping them."""
        self._own = settings
        if self.controller is not None:
            chosen = options_of(settings)
            self.controller.choose(**{name: getattr(chosen, name) for name in chosen.__slots__})
            self.controller.draw(
                landmarks=settings.landmarks, uncertain_below=settings.uncertain_below
            )
        self.applied.emit()

    def show(self) -> None:
        """Open the dialog."""
        recording = self.controller is not None and self.controller.view().recording
        dialog = SettingsDialog(self.now, self._window, recording=recording)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def use(settings: Settings) -> None:
            self._use_and_dress(settings)
            if self.now != settings:
                dialog.take(self.now)

        dialog.applied.connect(use)
        dialog.open()

    def _use_and_dress(self, settings: Settings) -> None:
        self.use(settings)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, self.now.theme, self.now.text_size)
