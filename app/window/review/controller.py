"""What the review window decides: cursor, choice, corrections. Without Qt."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from app.session.checks import one_line
from app.session.edits import SAME_S, DeleteEdit, Edit, LabelEdit, MarkerEdit
from app.session.faces import LabelledFace
from app.session.folder import Marker
from app.session.naming import NAMELESS, NamedFace, NamedFaces
from app.session.people import ApartEdit, FaceEdit, MergeEdit, ids_in
from app.session.review import Review, TrackSummary
from app.session.suggestions import Suggestion
from engine.errors import FerError
from engine.wording import Words

NEAR_S: Final = 0.5  # from the cursor to a marker that is meant
Stretch = tuple[float, float]
_FACES: Final = frozenset({"face", "into", "other"})  # parts of what a correction says


@dataclass(frozen=True, slots=True)
class Abilities:
    """What can be done now.

    Attributes:
        label: Set a label over the chosen span.
        delete: Delete the chosen face.
        delete_span: Delete the chosen face within the chosen span.
        merge: Faces that the chosen one may be merged into.
        undo: What would be taken back, in words; empty if nothing.
        redo: What would be done again; empty if nothing.
    """

    label: bool = False
    delete: bool = False
    delete_span: bool = False
    merge: tuple[int, ...] = ()
    undo: str = ""
    redo: str = ""


class ReviewController:
    """Holds a review with a cursor, a chosen face and a chosen span. Used by one thread.

    Attributes:
        review: What is open; None before the first.
        time_s: The cursor, seconds.
        face: The chosen face; None if none is.
        span: Start and end of the chosen stretch, seconds; None if none is.
        message: One line: what the last step did, or why it could not be done.
        failed: True if the last step could not be done.
    """

    def __init__(self) -> None:
        self.review: Review | None = None
        self.time_s = 0.0
        self.face: int | None = None
        self.span: Stretch | None = None
        self.message = ""
        self.failed = False

    def load(self, review: Review) -> None:
        """Show another recording, from its beginning."""
        self.review = review
        self.time_s = 0.0
        self.face = review.faces[0] if review.faces else None
        self.span = None
        self.say("; ".join(review.warnings), failed=bool(review.warnings))

    def say(self, message: str, *, failed: bool = False) -> None:
        """Set the message."""
        self.message, self.failed = message, failed

    @property
    def duration_s(self) -> float:
        """Length of the recording; 0 if none is open."""
        return self.review.duration_s if self.review is not None else 0.0

    def move(self, time_s: float) -> None:
        """Put the cursor to a time within the recording."""
        self.time_s = min(max(time_s, 0.0), self.duration_s)

    def step(self, frames: int) -> None:
        """Move the cursor by frames, forward or back."""
        if self.review is not None:
            self.move(self.time_s + frames * self.review.frame_s)

    def step_marker(self, direction: int) -> None:
        """Move the cursor to the next marker (1) or the one before (-1); without one, stay."""
        if self.review is None:
            return
        times = [marker.time_s for marker in self.review.markers]
        ahead = [t for t in times if direction * (t - self.time_s) > 1e-3]
        if ahead:
            self.move(min(ahead, key=lambda t: abs(t - self.time_s)))

    def choose_face(self, face: int | None) -> None:
        """Choose a face, or none; the chosen span stays."""
        known = self.review is not None and face in self.review.faces
        self.face = face if known else None

    def choose_span(self, start_s: float, end_s: float) -> None:
        """Choose a stretch of time."""
        first, last = sorted((max(start_s, 0.0), min(end_s, self.duration_s)))
        self.span = (first, last)

    def start_span(self) -> None:
        """Begin the chosen span at the cursor."""
        end_s = self.span[1] if self.span and self.span[1] > self.time_s else self.duration_s
        self.choose_span(self.time_s, end_s)

    def end_span(self) -> None:
        """End the chosen span at the cursor."""
        start_s = self.span[0] if self.span and self.span[0] < self.time_s else 0.0
        self.choose_span(start_s, self.time_s)

    def choose_span_here(self) -> bool:
        """Choose the chosen face's span under the cursor; False if it is not there then."""
        if self.review is None or self.face is None:
            return False
        for span in self.review.spans(self.face):
            if span.start_s <= self.time_s < span.end_s:
                # The end is the next span's first frame, which is not meant.
                half_s = self.review.frame_s / 2
                self.choose_span(span.start_s, max(span.start_s, span.end_s - half_s))
                return True
        return False

    @property
    def span_label(self) -> str:
        """The label that the chosen face has for most of the chosen span; empty without one."""
        if self.review is None or self.face is None or self.span is None:
            return ""
        start_s, end_s = self.span
        within: dict[str, float] = {}
        for span in self.review.spans(self.face):
            common_s = min(span.end_s, end_s) - max(span.start_s, start_s)
            if common_s >= 0:
                within[span.label] = within.get(span.label, 0.0) + common_s
        return max(within, key=lambda label: within[label], default="")

    def faces(self) -> list[LabelledFace]:
        """Give the faces at the cursor."""
        return self.review.at(self.time_s) if self.review is not None else []

    def tracks(self) -> list[TrackSummary]:
        """Give every face that is left."""
        return self.review.tracks() if self.review is not None else []

    @property
    def named(self) -> NamedFaces:
        """What the faces are called."""
        return NAMELESS if self.review is None else self.review.named

    def can(self) -> Abilities:
        """Say what can be done now."""
        if self.review is None:
            return Abilities()
        chosen = self.face is not None
        edits = self.review.edits
        others = tuple(face for face in self.review.faces if face != self.face) if chosen else ()
        return Abilities(
            label=chosen and self.span is not None,
            delete=chosen,
            delete_span=chosen and self.span is not None,
            merge=others,
            undo=self._called(edits.next_undo),
            redo=self._called(edits.next_redo),
        )

    def label(self, label: str) -> None:
        """Set the chosen face's label over the chosen span."""
        if self.face is None or self.span is None:
            self.say(Words("choose a face and a span first"), failed=True)
            return
        start_s, end_s = self.span
        self._edit(LabelEdit(face=self.face, start_s=start_s, end_s=end_s, label=label))

    def delete(self) -> None:
        """Delete the chosen face."""
        if self.face is None:
            self.say(Words("choose a face first"), failed=True)
            return
        self._edit(DeleteEdit(face=self.face))

    def delete_span(self) -> None:
        """Delete the chosen face within the chosen span."""
        if self.face is None or self.span is None:
            self.say(Words("choose a face and a span first"), failed=True)
            return
        start_s, end_s = self.span
        self._edit(DeleteEdit(face=self.face, start_s=start_s, end_s=end_s))

    def marker_here(self) -> Marker | None:
        """Give the marker nearest to the cursor within half a second, or the last that lasts there.

        None without one.
        """
        markers = self.review.markers if self.review is not None else ()
        near = [marker for marker in markers if abs(marker.time_s - self.time_s) <= NEAR_S]
        over = [m for m in markers if m.end_s is not None and m.time_s <= self.time_s <= m.end_s]
        near = near or over[-1:]
        return min(near, key=lambda marker: abs(marker.time_s - self.time_s), default=None)

    def add_marker(self, text: str) -> None:
        """Set a marker at the cursor."""
        if text.strip():
            self._edit(MarkerEdit(time_s=round(self.time_s, 3), text=one_line(text)))

    def change_marker(self, text: str) -> None:
        """Give the marker at the cursor another text."""
        marker = self.marker_here()
        if marker is not None and text.strip():
            self._replace_marker(marker, replace(marker, text=text))

    def move_marker(self) -> None:
        """Move the nearest marker to the cursor."""
        markers = self.review.markers if self.review is not None else ()
        marker = min(markers, key=lambda m: abs(m.time_s - self.time_s), default=None)
        if marker is None:
            self.say(Words("there is no marker"), failed=True)
            return
        lasts_s = None if marker.end_s is None else marker.end_s - marker.time_s
        end_s = None if lasts_s is None else self.time_s + lasts_s
        self._replace_marker(marker, replace(marker, time_s=self.time_s, end_s=end_s))

    def end_marker(self) -> None:
        """End the last marker before the cursor there; at its beginning it marks a moment again."""
        markers = self.review.markers if self.review is not None else ()
        before = [marker for marker in markers if marker.time_s <= self.time_s + SAME_S]
        if not before:
            words = Words("there is no marker before the cursor")
            self.say(words, failed=True)
            return
        marker = before[-1]
        end_s = self.time_s if self.time_s > marker.time_s + SAME_S else None
        self._replace_marker(marker, replace(marker, end_s=end_s))

    def _replace_marker(self, was: Marker, now: Marker) -> None:
        edit = MarkerEdit(
            was_s=round(was.time_s, 3),
            was=was.text,
            time_s=round(now.time_s, 3),
            text=now.text,
            end_s=None if now.end_s is None else round(now.end_s, 3),
        )
        self._edit(edit)

    def delete_marker(self) -> None:
        """Delete the marker at the cursor."""
        marker = self.marker_here()
        if marker is None:
            words = Words("no marker within half a second of the cursor")
            self.say(words, failed=True)
            return
        self._edit(MarkerEdit(was_s=round(marker.time_s, 3), was=marker.text))

    def name(self, face: int, named: NamedFace) -> None:
        """Give a face a name and a colour."""
        if named != self.named.of(face):
            self._edit(FaceEdit(face=face, named=named))

    @property
    def suggestion(self) -> Suggestion | None:
        """The first pair of tracks that are probably one person; None without one."""
        found = [] if self.review is None else self.review.suggestions
        return found[0] if found else None

    def look_at_suggestion(self) -> None:
        """Choose the face that came, and put the cursor to its first frame."""
        if (one := self.suggestion) is not None:
            self.choose_face(one.face)
            self.move(one.came_s)

    def one_person(self) -> None:
        """Accept the suggestion: merge the face that came into the one that left."""
        if (one := self.suggestion) is not None:
            chosen = one.into if self.face == one.face else self.face
            if self._edit(MergeEdit(face=one.face, into=one.into)):
                self.choose_face(chosen)

    def two_people(self) -> None:
        """Decline the suggestion."""
        if (one := self.suggestion) is not None:
            self._edit(ApartEdit(face=one.face, other=one.into))

    def split(self) -> None:
        """Give the chosen face's rows from the cursor on to a new face, which is chosen then."""
        if self.review is None or self.face is None:
            self.say(Words("choose a face first"), failed=True)
            return
        try:
            edit = self.review.split(self.face, self.time_s)
        except FerError as error:
            self.say(str(error), failed=True)
            return
        if edit is None:
            words = Words("choose a face that is seen before and after the cursor")
            self.say(words, failed=True)
        elif self._edit(edit):
            self.face = edit.other

    def merge(self, into: int) -> None:
        """Give the chosen face's rows to another, which is chosen then."""
        if self.face is None:
            self.say(Words("choose a face first"), failed=True)
            return
        if self._edit(MergeEdit(face=self.face, into=into)):
            self.face = into

    def _edit(self, edit: Edit) -> bool:
        if self.review is None:
            return False
        edits = self.review.edits
        done = Words("done: {what}", what=self._called(str(edit)))
        return self._try(lambda: edits.add(edit), done)

    def undo(self) -> None:
        """Take the last correction back."""
        if self.review is not None and self.review.edits.can_undo:
            edits = self.review.edits
            done = Words("undone: {what}", what=self._called(edits.next_undo))
            self._walk(edits.undo, edits.done[-1], done)

    def redo(self) -> None:
        """Make the last undone correction again."""
        if self.review is not None and self.review.edits.can_redo:
            edits = self.review.edits
            done = Words("done again: {what}", what=self._called(edits.next_redo))
            self._walk(edits.redo, edits.undone[-1], done)

    def _walk(self, work: Callable[[], None], edit: Edit, done: str) -> None:
        """Undo or redo; a face that comes is chosen, and where the chosen one goes, its other."""
        before, chosen = self._ids(), self.face
        if self._try(work, done):
            came = sorted(self._ids() - before)
            gone = chosen is not None and self.face is None
            left = [face for face in ids_in(edit) if face in self._ids()] if gone else []
            for face in (*came, *left)[:1]:
                self.choose_face(face)

    def _ids(self) -> set[int]:
        return set() if self.review is None else set(self.review.faces)

    def _called(self, what: str) -> str:
        """Say a correction with the names of its faces beside their numbers."""
        if not isinstance(what, Words):
            return what
        named = {}
        for part in _FACES & what.parts.keys():
            face = what.parts[part]
            if isinstance(face, int) and (name := self.named.of(face).name):
                named[part] = f"{face} ({name})"
        return what.having(**named)

    def _try(self, work: Callable[[], None], done: str) -> bool:
        try:
            work()
        except FerError as error:
            self.say(str(error), failed=True)
            return False
        self.choose_face(self.face)
        self.say(done)
        return True
