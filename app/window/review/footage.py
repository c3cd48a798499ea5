"""The video of a recording in its view: decoded and brought to size off the window's thread."""

import logging
from collections.abc import Sequence
from typing import Final

from PyQt6.QtCore import QObject, pyqtSignal

from app.live.presentation import Presenter
from app.session.frames import FrameServer, VideoPart
from app.window.picture.view import VideoView
from app.window.texts import without_options

log = logging.getLogger(__name__)

JOIN_S: Final = 1.0


class Footage(QObject):
    """Shows the picture of the newest wish, in the size that the view asks for.

    Signals:
        failed: The video cannot be shown, in one line.
    """

    failed = pyqtSignal(str)
    _ready = pyqtSignal()  # from a thread: a picture lies there
    _broke = pyqtSignal(str)  # from a thread: what went wrong

    def __init__(self, parts: Sequence[VideoPart], view: VideoView) -> None:
        """Start; the first file is opened on a thread.

        Args:
            parts: The video, in order of time.
            view: Shows it; owns this.
        """
        super().__init__(view)
        self._view, self._is_open = view, True
        self._ready.connect(self._show)
        self._broke.connect(self._tell)
        self._presenter = Presenter(self._ready.emit)
        self._presenter.aim(view.target)
        view.target_changed.connect(self._aim)
        self._presenter.start()
        self._server = FrameServer(parts, self._presenter.show, self._broke.emit)

    def ask(self, time_s: float) -> None:
        """Wish for the picture at a time; never waits."""
        self._server.ask(time_s)

    def _aim(self) -> None:
        self._presenter.aim(self._view.target)

    def _show(self) -> None:
        if self._is_open:  # else a word of before
            self._view.set_picture(self._presenter.pictures.take())

    def _tell(self, message: str) -> None:
        if self._is_open:
            self.failed.emit(without_options(message))

    def close(self) -> None:
        """End the threads; the view keeps its picture."""
        self._is_open = False
        self._server.close()
        self._presenter.close()
        if not self._presenter.join(JOIN_S):
            log.warning("the thread that brings pictures to size is late and left behind")
        self.deleteLater()
