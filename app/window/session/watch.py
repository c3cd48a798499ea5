"""Looks at the session a few times a second and says everywhere what it sees."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QMainWindow

from app.session.controller import RecordingController
from app.session.disk import shown_bytes
from app.session.options import KEYS
from app.session.participant import Participant
from app.session.timecode import timecode
from app.session.view import View
from app.window.banner import Banner
from app.window.language import said
from app.window.menus import MainActions
from app.window.picture.view import VideoView
from app.window.session.bar import Chip, SessionBar
from app.window.session.sheet import ParticipantSheet
from app.window.texts import literal, shortened

REFRESH_MS: Final = 200
TITLE: Final = "fer-live"


class SessionWatch(QObject):
    """Between the controller of recordings and what of the window says how it is.

    Attributes:
        bar: Over the picture.
        notice: Below it; messages.
        chips: Says what else the bar shows; asked at every look.
        place: Says how much of a file has passed, 0 to 1; None where the source has no end.
        stands: Says whether a file is paused or at its end, so that nothing is recorded.
        saved: A recording has ended; its folder.
        recording_changed: It records from now on, or no more.
    """

    saved = pyqtSignal(Path)
    recording_changed = pyqtSignal(bool)

    def __init__(
        self,
        window: QMainWindow,
        controller: RecordingController,
        actions: MainActions,
        picture: VideoView,
    ) -> None:
        """Begin to look."""
        super().__init__(window)
        self._window, self._controller = window, controller
        self._actions, self._picture = actions, picture
        controller.key_name = self._key_name
        marks = list(zip(actions.markers, actions.lasting, strict=True))
        self.bar = SessionBar(actions.record, actions.pause, actions.snapshot, marks)
        self.bar.marker_edited.connect(self._marker_edited)
        self.notice = Banner()
        self.chips: Callable[[], list[Chip]] = list
        self.place: Callable[[], float | None] = lambda: None
        self.stands: Callable[[], bool] = lambda: False
        self._said = 0
        self._who = Participant()  # of the recording before
        self._was_recording = False
        self._waiting = ""  # what was said of a file that stands
        self._folder: Path | None = None
        self._looking: Future[Path | None] | None = None
        timer = QTimer(self)
        timer.setInterval(REFRESH_MS)
        timer.timeout.connect(self.refresh)
        timer.start()

    def refresh(self) -> None:
        """Show the state as it is now."""
        view = self._controller.view()
        self._show_actions(view)
        self.bar.show_markers(view.choice.texts, view.running)
        self.bar.show_view(view, self._states(view))
        own, disk = self._own_chips(view), self._disk_chips(view)
        self.bar.show_chips([*own, *self.chips(), *disk])
        self._picture.set_recording(on=view.recording)
        self._picture.set_blur(faces=view.choice.blur, whole=view.choice.blur_whole)
        self._window.setWindowTitle(self._title(view))
        # One may begin and end between two looks: its folder tells.
        began = view.folder is not None and view.folder != self._folder
        ended = (self._was_recording or began) and not view.recording and view.folder is not None
        begins = view.recording and not self._was_recording
        if view.recording != self._was_recording or ended:
            self._was_recording = view.recording
            self.recording_changed.emit(view.recording)
        self._folder = view.folder
        if view.said != self._said:
            self._said = view.said
            self._tell(view, ended=ended)
        self._say_unfinished()
        self._say_waiting(begins=begins, waits=view.recording and self.stands())
        if ended and view.folder is not None:
            self.saved.emit(view.folder)

    def look_back(self) -> None:
        """Say it, once that is known, if the last recording was not finished."""
        self._looking = self._controller.look_back()

    def _say_unfinished(self) -> None:
        if self._looking is None or not self._looking.done():
            return
        looking, self._looking = self._looking, None
        if looking.cancelled() or (folder := looking.result()) is None:
            return
        words = self.tr("The last recording was not finished; what was written is there: {name}")
        review = (self.tr("Review"), lambda: self._review(folder))
        self.notice.say(words.format(name=folder.name), offers=(review,))

    def _say_waiting(self, *, begins: bool, waits: bool) -> None:
        """Say once that a recording begins while the file stands, until it goes on."""
        if begins and waits:
            self._waiting = self.tr("The recording waits for the file, which is paused")
            play = self._actions.play_pause.trigger
            self.notice.say(self._waiting, offers=((self.tr("Play"), play),))
        elif self._waiting and not waits:
            if self.notice.text == self._waiting:
                self.notice.clear()
            self._waiting = ""

    def _tell(self, view: View, *, ended: bool) -> None:
        folder = view.folder
        if ended and folder is not None:
            words = self.tr("{message} in {root}").format(
                message=said(view.message), root=folder.parent
            )
            review = (self.tr("Review"), lambda: self._review(folder))
            self.notice.say(words, offers=(review,))
        else:
            self.notice.say(said(view.message), tone="bad" if view.failed else "good")

    def ask_who(self) -> None:
        """Show the sheet before a recording, and record once it is filled in or skipped."""
        sheet = ParticipantSheet(self._who, self._window)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def begin(who: Participant) -> None:
            self._who = who
            self._controller.start(who)
            self.refresh()

        sheet.begun.connect(begin)
        sheet.open()

    def say_failure(self, message: str) -> None:
        """Say what went wrong."""
        self.notice.say(message, tone="bad")

    def pause_or_go_on(self) -> None:
        """Hold the recording, or let it go on."""
        self._controller.pause_or_go_on()
        self.refresh()

    def blur(self, *, on: bool) -> None:
        """Blur faces from now on, or no more; while it records, nothing changes."""
        self._controller.choose(blur=on)
        self.refresh()

    def _marker_edited(self, key: str, text: str) -> None:
        texts = list(self._controller.choice.texts)
        texts[KEYS.index(key)] = text
        self._controller.choose(texts=tuple(texts))

    def _key_name(self, key: str) -> str:
        """Give the key that the marker of one of `KEYS` has now, or its number; for files too."""
        number = KEYS.index(key)
        return self._actions.markers[number].shortcut().toString() or str(number + 1)

    def _review(self, folder: Path) -> None:
        review = getattr(self._window, "review", None)
        if review is not None:
            review(folder)

    def _show_actions(self, view: View) -> None:
        actions, choice = self._actions, view.choice
        text = self.tr("Stop &recording") if view.recording else self.tr("&Record")
        if actions.record.text() != text:
            actions.record.setText(text)
        actions.record.setEnabled((view.recording and not view.ending) or view.can_start)
        text = self.tr("Go on &recording") if view.paused else self.tr("&Pause recording")
        if actions.pause.text() != text:
            actions.pause.setText(text)
        actions.pause.setEnabled(view.recording and not view.ending)
        actions.snapshot.setEnabled(view.can_snapshot)
        actions.blur.setChecked(choice.blur)
        actions.blur.setEnabled(not view.recording)
        marks = zip(KEYS, choice.texts, actions.markers, actions.lasting, strict=True)
        for key, words, marker, lasting in marks:
            texts = {marker: self.tr("Mark: {text}"), lasting: self.tr("Begin: {text}")}
            if key in view.running:
                texts[lasting] = self.tr("End: {text}")
            for action, text in texts.items():
                said = words.strip() or self._key_name(key)
                named = text.format(text=literal(shortened(said)))
                if action.text() != named:
                    action.setText(named)

    def _states(self, view: View) -> Sequence[str]:
        """Say how it is, in full and then shorter."""
        if not view.recording:
            chosen = view.choice.video or view.choice.records
            if not chosen:
                return (self.tr("choose video or records"),)
            return (self.tr("ready to record") if view.can_start else self.tr("no source"),)
        if view.ending:
            return (self.tr("finishing the files …"), self.tr("finishing …"))
        if view.paused:
            return (self.tr("paused"),)
        share = self.place()
        if self.stands():
            first, short = self.tr("waiting: the file is paused"), self.tr("waiting")
        elif share is None:
            first = short = self.tr("recording")
        else:
            first = self.tr("recording every frame, {n} %").format(n=round(100 * share))
            short = self.tr("at {n} %").format(n=round(100 * share))
        words = [first, self.tr("markers: {n}").format(n=view.markers)]
        if view.part > 1:
            words.insert(1, self.tr("part {n}").format(n=view.part))
        return (", ".join(words), first, short)

    def _own_chips(self, view: View) -> list[Chip]:
        chips = []
        choice = view.choice
        if choice.blur:
            whole = self.tr("; all of a picture that may hold one nobody found")
            tip = self.tr("Faces that are found are blurred on the screen, in video and snapshots")
            text = self.tr("Faces blurred")
            chips.append(
                Chip(
                    "blur",
                    text,
                    self.tr("blurred"),
                    tip + (whole if choice.blur_whole else ""),
                    "good",
                )
            )
        if view.recording and view.missed:
            text = self.tr("{share:.0f} % analysed").format(
                share=100 * (view.seen - view.missed) / max(view.seen, 1)
            )
            tip = self.tr("Frames not analysed, which have no rows: {n} of {all}").format(
                n=view.missed, all=view.seen
            )
            chips.append(Chip("analysed", text, text, tip, "warn"))
        if view.recording and view.dropped:
            text = self.tr("{n} not in the video").format(n=view.dropped)
            tip = self.tr("Encoding is too slow. Frames with rows and without a picture: {n}")
            chips.append(Chip("video", text, text, tip.format(n=view.dropped), "warn"))
        return chips

    def _disk_chips(self, view: View) -> list[Chip]:
        chips = []
        if view.unwritable:
            chips.append(
                Chip(
                    "disk",
                    self.tr("folder: no access"),
                    self.tr("folder!"),
                    view.unwritable,
                    "warn",
                )
            )
        elif view.free is not None:
            free = said(shown_bytes(view.free))
            text = self.tr("{free} free").format(free=free)
            chips.append(Chip("disk", text, free, str(view.choice.root)))
        return chips

    def _title(self, view: View) -> str:
        if not view.recording:
            return TITLE
        passed = timecode(view.elapsed_s, hour_digits=1, passed=True)
        sign = "\N{DOUBLE VERTICAL BAR}" if view.paused else "\N{BLACK CIRCLE}"
        return f"{sign} {passed} \N{EN DASH} {TITLE}"
