"""The faces of a running session: which is selected, what they are called, how they are drawn."""

from collections.abc import Callable

from PyQt6.QtCore import QObject, QPoint, Qt, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMainWindow

from app.live.state import LiveState
from app.session.naming import NamedFace
from app.window.banner import Banner
from app.window.picture.naming import FaceSheet, face_words, show_face_menu
from app.window.picture.view import VideoView
from engine.types import Analysis


class FacesControl(QObject):
    """Between the state of the session and the picture.

    Attributes:
        offered: What the menu of a face has.
        say: Where failures are said.
        changed: Another face is selected, or one is called otherwise.
        named: A face is called otherwise.
    """

    changed = pyqtSignal()
    named = pyqtSignal()

    def __init__(self, window: QMainWindow, live: LiveState, view: VideoView) -> None:
        """Listen to the picture.

        Args:
            window: Owns the sheets.
            live: The state.
            view: The picture.
        """
        super().__init__(window)
        self._window, self._live, self._view = window, live, view
        self.offered: tuple[QAction, ...] = ()
        self.say: Callable[..., object] = Banner.say
        view.face_clicked.connect(self.select)
        view.face_menu_wanted.connect(self._show_menu)

    def draw(self, analysis: Analysis | None) -> None:
        """Draw an analysis over the picture from now on."""
        live = self._live
        self._view.set_analysis(analysis, live.shown, live.selected, live.named)

    def _show_change(self) -> None:
        self.draw(self._live.analysis)
        self.changed.emit()

    def select(self, face: int | None) -> None:
        """Let the panels be about a face; None follows the largest."""
        self._live.select(face)
        self._show_change()

    def _show_menu(self, face: int, at: QPoint) -> None:
        """Offer what can be done with a face, which is selected."""
        self.select(face)
        show_face_menu(self._view, face_words(self._live.named, face), self.offered, at)

    def ask_name(self) -> None:
        """Ask what the face that the panels are about is called."""
        live, face, session = self._live, self._live.shown, self._live.history
        if face is None:
            self.say(self.tr("There is no face to name."))
            return

        def name(named: NamedFace) -> None:
            if live.history is not session:  # another source has other faces
                return
            live.named = live.named.with_face(face, named)
            self.named.emit()
            self._show_change()

        here = () if live.analysis is None else tuple(track.id for track in live.analysis.tracks)
        sheet = FaceSheet(face, live.named, here, self._window)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.chosen.connect(name)
        sheet.open()
