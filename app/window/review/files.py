"""What is asked about the files of a review: what to open, and where an export goes."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QFileDialog, QWidget

from app.session.exports.export import FORMS, export
from app.window.questions import agreed
from app.window.review.controller import ReviewController

VIDEOS: Final = "*.mp4 *.mkv *.mov *.avi *.webm *.m4v"
RECORDS: Final = "*.csv *.jsonl *.ndjson *.parquet session.json"


class _Window(Protocol):
    """What the review window does with an answer."""

    controller: ReviewController

    def open(self, path: Path, video: Path | None = None) -> None: ...

    def choose_video(self, video: Path) -> None: ...

    def save(self, work: Callable[[], object], name: str) -> None: ...


class ReviewFiles(QObject):
    """Asks for files; the window has the focus again afterwards."""

    def __init__(self, window: QWidget, does: _Window) -> None:
        """Ask nothing yet.

        Args:
            window: Owns the questions.
            does: What the answers are for.
        """
        super().__init__(window)
        self._window, self._does = window, does

    def _answered(self) -> None:
        """Take the focus back: systems give it to the window that this one belongs to."""
        self._window.activateWindow()

    def ask_folder(self) -> None:
        """Ask for a recording's folder and open it."""
        title = self.tr("Open a recording's folder")
        chosen = QFileDialog.getExistingDirectory(self._window, title)
        self._answered()
        if chosen:
            self._does.open(Path(chosen))

    def _ask_file(self, title: str, kinds: str) -> Path | None:
        chosen, _ = QFileDialog.getOpenFileName(self._window, title, "", kinds)
        self._answered()
        return Path(chosen) if chosen else None

    def ask_records(self) -> None:
        """Ask for a records file and open it."""
        kinds = f"{self.tr('Records')} ({RECORDS})"
        if (chosen := self._ask_file(self.tr("Open records"), kinds)) is not None:
            self._does.open(chosen)

    def ask_video(self) -> None:
        """Ask for the video that belongs to the records."""
        if self._does.controller.review is None:
            return
        kinds = f"{self.tr('Videos')} ({VIDEOS})"
        if (chosen := self._ask_file(self.tr("Choose a video"), kinds)) is not None:
            self._does.choose_video(chosen)

    def ask_export(self, ending: str) -> None:
        """Ask where an export goes, and write it off the window's thread."""
        review = self._does.controller.review
        if review is None:
            return
        kinds = f"{FORMS[ending][0]} (*{ending})"
        start, title = str(review.beside(ending)), self.tr("Export")
        chosen, _ = QFileDialog.getSaveFileName(self._window, title, start, kinds)
        if chosen and (path := self._with_ending(Path(chosen), ending)) is not None:
            still = review.still()
            # Whether an existing file may be replaced was asked.
            self._does.save(lambda: export(still, path, overwrite=True), path.name)
        self._answered()

    def _with_ending(self, chosen: Path, ending: str) -> Path | None:
        """Give the file that is meant; None where the user wants to keep it as it is.

        The dialog has asked about the name that was typed, not about the one with an ending.
        """
        if chosen.name.lower().endswith(ending):
            return chosen
        path = chosen.with_name(chosen.name + ending)
        if not path.exists():
            return path
        text = self.tr("{name} is there already. Replace it?").format(name=path.name)
        yes, no = self.tr("Replace it"), self.tr("Keep it")
        return path if agreed(self._window, text, yes=yes, no=no) else None
