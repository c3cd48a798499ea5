"""What is done with the faces of a recording: named, and joined with others."""

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QObject, QPoint, Qt
from PyQt6.QtWidgets import QMainWindow, QMenu

from app.session.faces import LabelledFace
from app.session.naming import NamedFace
from app.session.review import Review
from app.session.suggestions import MOST
from app.session.timecode import timecode
from app.window.banner import Banner
from app.window.language import class_name, clock
from app.window.picture.naming import FaceSheet, face_words, show_face_menu
from app.window.picture.painter import words_of
from app.window.picture.view import VideoView
from app.window.review.controller import ReviewController
from app.window.review.menus import ReviewActions
from app.window.texts import literal

Editing = Callable[[Callable[..., object]], Callable[..., None]]


class ReviewFaces(QObject):
    """Asks what a face is called, and whom it is to be joined with.

    Attributes:
        merge_menu: Lists the faces that the chosen one may be merged into; others are gray, with
            why not.
        banner: Suggests which tracks are one person, until it is closed.
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
        self.banner = Banner(offers=3)
        self.banner.close_button.clicked.connect(self._close)
        self._closed: Review | None = None  # whose suggestions are not to be seen any more

    def words(self, face: LabelledFace, uncertain_below: float) -> str:
        """Say what a face shows.

        Args:
            face: It.
            uncertain_below: Reliability, 0 to 1, below which a label counts as uncertain.
        """
        who = face_words(self._controller.named, face.id)
        if face.corrected:
            return self.tr("{who}: {label}, corrected").format(
                who=who, label=class_name(face.label)
            )
        label, share, _ = words_of(face, uncertain_below)
        return f"{who}: {label} {share}" if label else who

    def _close(self) -> None:
        self._closed = self._controller.review

    def show_suggestion(self, acts: ReviewActions) -> None:
        """Ask whether two tracks are one person, where that is likely."""
        control, review = self._controller, self._controller.review
        one = control.suggestion
        for action in (acts.one_person, acts.two_people):
            action.setEnabled(one is not None)
        if one is None or review is None or review is self._closed:
            self.banner.clear()
            return
        words = self.tr(
            "{one} left at {left} and {other} came at {came} at the same place: one person?"
        )
        text = words.format(
            one=face_words(control.named, one.into),
            other=face_words(control.named, one.face),
            left=timecode(one.left_s),
            came=timecode(one.came_s),
        )
        text = text[:1].upper() + text[1:]
        if more := len(review.suggestions) - 1:
            n = f"{more}+" if more == MOST - 1 else more
            text += " " + self.tr("({n} more)").format(n=n)
        self.banner.say(
            text,
            offers=(
                (self.tr("One person"), acts.one_person.trigger),
                (self.tr("Two people"), acts.two_people.trigger),
                (self.tr("Look"), self._editing(control.look_at_suggestion)),
            ),
        )

    def _fill_merge_menu(self) -> None:
        self.merge_menu.clear()
        control, named = self._controller, self._controller.named
        met = (
            control.review.met(control.face) if control.review and control.face is not None else {}
        )
        for face in control.can().merge:
            words = face_words(named, face)
            if face in met:
                words = self.tr("{who}: both seen at {time}").format(
                    who=words, time=clock(met[face], digits=2)
                )
            action = self.merge_menu.addAction(literal(words))
            if action is not None and face in met:
                action.setEnabled(False)
            elif action is not None:
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
