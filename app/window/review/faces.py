"""What is done with the faces of a recording: named, and joined with others."""

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QObject, QPoint, Qt
from PyQt6.QtWidgets import QMainWindow, QMenu

from app.session.naming import NamedFace
from app.window.picture.naming import FaceSheet, face_words, show_face_menu
from app.window.picture.view import VideoView
from app.window.review.controller import ReviewController
from app.window.review.menus import ReviewActions

Editing = Callable[[Callable[..., object]], Callable[..., None]]


class ReviewFaces(QObject):
    """Asks what a face is called, and whom it is to be joined with.

    Attributes:
        merge_menu: Lists the faces that the chosen one may be merged into.
    """

    def __init__(self, window: QMainWindow, controller: ReviewController, editing: Editing) -> None:
        """Make the menu.

        Args:
            window: Owns what is opened.
            controller: Knows the recording.
            editing: Wraps what changes it, so that the window shows the change.
        """
        super().__init__(window)
        self._window, self._controller, self._editing = window, controller, editing
        self.merge_menu = QMenu(self.tr("Merge track into"), window)
        self.merge_menu.aboutToShow.connect(self._fill_merge_menu)

    def _fill_merge_menu(self) -> None:
        self.merge_menu.clear()
        named = self._controller.named
        for face in self._controller.can().merge:
            action = self.merge_menu.addAction(face_words(named, face).replace("&", "&&"))
            if action is not None:
                merge = self._editing(partial(self._controller.merge, face))
                action.triggered.connect(lambda _, merge=merge: merge())

    def show_menu(self, video: VideoView, acts: ReviewActions, face: int, at: QPoint) -> None:
        """Offer what can be done with a face of the picture, which is chosen."""
        title = face_words(self._controller.named, face)
        merge = self.merge_menu.menuAction()
        offered = [acts.name_face, *([] if merge is None else [merge]), acts.delete]
        show_face_menu(video, title, offered, at)

    def ask_name(self) -> None:
        """Ask what the chosen face is called."""
        face, review = self._controller.face, self._controller.review
        if face is None or review is None:
            return

        def name(named: NamedFace) -> None:
            if self._controller.review is review:  # another recording has other faces
                self._editing(self._controller.name)(face, named)

        here = [other.id for other in self._controller.faces()]
        sheet = FaceSheet(face, review.named, here, self._window)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.chosen.connect(name)
        sheet.open()
