"""The layouts to choose from: a session's, an analysis', a presentation's."""

from typing import Final

from PyQt6.QtCore import QObject
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMainWindow, QWidget

from app.window.docks import Docks, LayoutName
from app.window.picture.view import VideoView

WIDTH: Final = 1280
HEIGHT: Final = 800
TITLE_PX: Final = 32  # of the frame that the desktop puts around


def first_size(window: QWidget) -> tuple[int, int]:
    """Give the size a window opens with: none of it is off the screen."""
    screen = window.screen()
    if screen is None:  # a window that is nowhere
        return WIDTH, HEIGHT
    room = screen.availableGeometry()
    return min(WIDTH, room.width()), min(HEIGHT, room.height() - TITLE_PX)


class Layouts(QObject):
    """Puts the window's parts where a layout has them."""

    def __init__(
        self, window: QMainWindow, docks: Docks, picture: VideoView, below: QWidget
    ) -> None:
        """Change nothing yet.

        Args:
            window: Whose.
            docks: Its panels.
            picture: In its middle.
            below: What a presentation does without, beside the panels.
        """
        super().__init__(window)
        self._window, self._docks, self._picture, self._below = window, docks, picture, below
        self._maximised = False

    def choose(self, layout: LayoutName, presentation: QAction) -> None:
        """Put all panels where a layout has them.

        Args:
            layout: Which.
            presentation: Is left where it is on.
        """
        presentation.setChecked(False)
        self._docks.arrange(layout)

    def reset(self, presentation: QAction) -> None:
        """Put window and panels where they were at first."""
        presentation.setChecked(False)
        self._window.showNormal()
        self._window.resize(*first_size(self._window))
        self._docks.arrange("session")

    def present(self, on: bool) -> None:
        """Show the picture with one large label, and the bar; and all as it was before."""
        self._docks.hide_all(on)
        self._picture.set_large(on=on)
        self._below.setMaximumHeight(0 if on else 16_777_215)
        if (bar := self._window.menuBar()) is not None:
            bar.setVisible(not on)
        if on:
            self._maximised = self._window.isMaximized()
            self._window.showFullScreen()
        else:
            (self._window.showMaximized if self._maximised else self._window.showNormal)()
