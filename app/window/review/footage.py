"""The video of a recording in its view: decoded and brought to size off the window's thread."""

import logging
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QObject, pyqtSignal

from app.live.presentation import Presenter
from app.session.frames import FrameServer
from app.window.picture.view import VideoView

log = logging.getLogger(__name__)

JOIN_S: Final = 1.0


class Footage(QObject):
    """Shows the picture of the newest wish, in the size that the view asks for.

    Signals:
        failed: The video cannot be shown, in one line.
    """

    failed = pyqtSignal(str)
    _told = pyqtSignal()  # from the threads: a picture lies ready, or something went wrong

    def __init__(self, path: Path, view: VideoView) -> None:
        """Start; the file is opened on a thread.

        Args:
            path: The video.
            view: Shows it; owns this.
        """
        super().__init__(view)
        self._view, self._error, self._is_open = view, "", True
        self._told.connect(self._show)
        self._presenter = Presenter(self._told.emit)
        self._presenter.aim(view.target)
        view.target_changed.connect(self._aim)
        self._presenter.start()
        self._server = FrameServer(path, self._presenter.show, self._fail)

    def ask(self, time_s: float) -> None:
        """Wish for the picture at a time; never waits."""
        self._server.ask(time_s)

    def _aim(self) -> None:
        self._presenter.aim(self._view.target)

    def _fail(self, message: str) -> None:
        """Keep what is wrong; on the decoder's thread."""
        self._error = message
        self._told.emit()

    def _show(self) -> None:
        if not self._is_open:
            return  # a word of before
        if self._error:
            self.failed.emit(self._error)
        else:
            self._view.set_picture(self._presenter.pictures.take())

    def close(self) -> None:
        """End the threads; the view keeps its picture."""
        self._is_open = False
        self._server.close()
        self._presenter.close()
        if not self._presenter.join(JOIN_S):
            log.warning("the thread that brings pictures to size is late and left behind")
        self.deleteLater()
