"""Opens what helps."""

from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QDialog, QMainWindow, QMessageBox

from app.live.state import LiveState
from app.window.help.dialogs import DocumentationDialog, ReportDialog, ShortcutsDialog, report_text
from app.window.help.log import recent_log
from app.window.help.notice import NoticeDialog
from app.window.menus import MainActions
from app.window.privacy import PrivacyDialog

DOCUMENTATION: Final = Path(__file__).parents[3] / "docs" / "app.md"


class HelpControl(QObject):
    """Shows keys, documentation, privacy, a report of a problem; one dialog at a time each."""

    def __init__(self, window: QMainWindow, live: LiveState) -> None:
        """Listen to the log from now on.

        Args:
            window: Owns the dialogs.
            live: Says what runs.
        """
        super().__init__(window)
        self._window, self._live = window, live
        self._log = recent_log()

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def show_shortcuts(self, actions: MainActions) -> None:
        """List what can be done by key."""
        self._open(ShortcutsDialog(actions, self._window))

    def show_documentation(self) -> None:
        """Show the documentation."""
        self._open(DocumentationDialog(DOCUMENTATION, self._window))

    def show_report(self) -> None:
        """Show what may be copied into a report of a problem."""
        text = report_text(self._log.lines(), model=self._live.model, device=self._live.device)
        self._open(ReportDialog(text, self._window))

    def show_notice(self) -> None:
        """Show what people in front of the camera are to be told."""
        self._open(NoticeDialog(self._window))

    def show_privacy(self) -> None:
        """Show what the numbers mean and what happens to them."""
        self._open(PrivacyDialog(self._window))

    def first_run(self, accepted: Callable[[], object]) -> None:
        """Show that page before anything is opened; closing it unread closes the window.

        Args:
            accepted: Called once it was read.
        """
        dialog = PrivacyDialog(self._window, first_run=True)
        dialog.accepted.connect(accepted)
        dialog.rejected.connect(self._window.close)
        self._open(dialog)

    def show_about(self) -> None:
        """Say what this is."""
        QMessageBox.about(
            self._window,
            self.tr("About fer-live"),
            f"fer-live {metadata.version('fer-live')}\nGPL-3.0-or-later",
        )
