"""The review windows of the main window."""

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QFileDialog, QMainWindow

from app.settings.settings import Settings
from app.window.review.window import ReviewWindow
from app.window.shortcuts import Keys, put_on


class Reviews(QObject):
    """Opens recordings, each in a window of its own, with the user's keys."""

    def __init__(self, window: QMainWindow, settings: Callable[[], Settings]) -> None:
        """Open nothing yet.

        Args:
            window: Owns them.
            settings: Gives what holds now.
        """
        super().__init__(window)
        self._window, self._settings = window, settings

    def ask(self) -> None:
        """Ask for a recording, and open it."""
        folder = str(self._settings().recording_folder)
        name = QFileDialog.getExistingDirectory(self._window, self.tr("Open a recording"), folder)
        if name:
            self.open(Path(name))

    def open(self, path: Path, video: Path | None = None) -> ReviewWindow:
        """Open a recording, or a table and its video."""
        now = self._settings()
        review = ReviewWindow(self._window, now.uncertain_below)
        put_on(review.actions_, now.keys)
        review.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        review.show()
        review.open(path, video)
        return review

    def put_on(self, keys: Keys) -> None:
        """Give the windows that are open other keys."""
        for review in self._window.findChildren(ReviewWindow):
            put_on(review.actions_, keys)
