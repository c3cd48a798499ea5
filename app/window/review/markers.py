"""What is asked about the markers of a recording."""

from collections.abc import Callable

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QInputDialog, QMainWindow

from app.window.review.controller import ReviewController
from app.window.review.faces import Editing
from engine.wording import Words


class ReviewMarkers(QObject):
    """Asks what a marker says."""

    def __init__(
        self,
        window: QMainWindow,
        controller: ReviewController,
        editing: Editing,
        say: Callable[..., object],
    ) -> None:
        """Ask nothing yet.

        Args:
            window: Owns the questions.
            controller: Knows the recording.
            editing: Wraps what changes it, so that the window shows the change.
            say: Says why nothing can be done.
        """
        super().__init__(window)
        self._window, self._controller = window, controller
        self._editing, self._say = editing, say

    def _ask(self, title: str, was: str = "") -> tuple[str, bool]:
        answer = QInputDialog.getText(self._window, title, self.tr("Text"), text=was)
        self._window.activateWindow()  # systems may give the focus to the main window
        return answer

    def ask_new(self) -> None:
        """Set a marker at the cursor; its text is asked for."""
        title = self.tr("A marker at the cursor")
        text, good = self._ask(title)
        if good and self._controller.review is not None:
            self._editing(self._controller.add_marker)(text)

    def ask_text(self) -> None:
        """Ask for another text of the marker at the cursor."""
        marker = self._controller.marker_here()
        if marker is None:
            self._say(Words("no marker within half a second of the cursor"), failed=True)
            return
        title, was = self.tr("The marker at the cursor"), marker.text
        text, good = self._ask(title, was)
        if good:
            self._editing(self._controller.change_marker)(text)
