"""Corrections of a recording: a list that is applied to its records, which never change.

Kept in a file of its own, `edits.json`, written whole after every step; the last step can be
undone and done again.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Final, Self

import numpy as np
from pydantic import Field

from app.session.checks import MOST_S, json_words, read_form
from app.session.edited import EditResult, rows_of, span_words
from app.session.folder import Marker
from app.session.people import ApartEdit, FaceEdit, MergeEdit, People, SplitEdit, ids_in
from app.session.records import RecordTable
from engine.config import Natural, Text, checked, read, require, unknown
from engine.errors import ConfigError, SourceError
from engine.files import PartialFile
from engine.wording import Words, counted, shown

Moment = Annotated[float, Field(ge=0, le=MOST_S)]  # seconds of the recording

FORMAT: Final = 1
SAME_S: Final = 0.0015  # markers are kept in thousandths
MOST: Final = 10_000  # corrections: undoing one applies all before it again


@checked()
class LabelEdit:
    """Set the label of a face from `start_s` to `end_s`, both included."""

    face: Natural
    start_s: Moment
    end_s: Moment
    label: Text

    def apply(self, edited: EditResult) -> EditResult:
        """Give the records with this correction.

        Raises:
            ConfigError: The face is not seen then, or the records have no such class.
        """
        classes = edited.table.classes
        if self.label not in classes:
            raise ConfigError(f"label: {unknown(self.label, classes)}")
        which = rows_of(edited.table, self.face, self.start_s, self.end_s)
        labels = edited.table.labels.copy()
        labels[which] = classes.index(self.label)
        return EditResult(replace(edited.table, labels=labels), edited.corrected | which)

    def __str__(self) -> str:
        span = span_words(self.start_s, self.end_s)
        return Words(
            "label face {face} {label}, {span}", face=self.face, label=self.label, span=span
        )


@checked()
class DeleteEdit:
    """Leave a face out, wholly or from `start_s` to `end_s`."""

    face: Natural
    start_s: Moment | None = None
    end_s: Moment | None = None

    def apply(self, edited: EditResult) -> EditResult:
        """Give the records with this correction.

        Raises:
            ConfigError: The face is not seen then.
        """
        start_s = -np.inf if self.start_s is None else self.start_s
        end_s = np.inf if self.end_s is None else self.end_s
        keep = ~rows_of(edited.table, self.face, start_s, end_s)
        return EditResult(edited.table.rows(keep), edited.corrected[keep])

    def __str__(self) -> str:
        if self.start_s is None or self.end_s is None:
            return Words("delete face {face}", face=self.face)
        span = span_words(self.start_s, self.end_s)
        return Words("delete face {face}, {span}", face=self.face, span=span)


@checked()
class MarkerEdit:
    """Set a marker, change or delete one that `was_s` and `was` name; the rest is new.

    Without `was_s` it is a new one; without `time_s` the one that was is deleted; without `end_s`
    it marks a moment.
    """

    was_s: Moment | None = None
    was: str = ""
    time_s: Moment | None = None
    text: str = ""
    end_s: Moment | None = None

    def __post_init__(self) -> None:
        later = self.end_s is None or (self.time_s is not None and self.end_s >= self.time_s)
        require(self, "end_s", later, "no earlier than time_s")

    def apply(self, edited: EditResult) -> EditResult:
        """Give the records, which know no markers."""
        return edited

    def placed(self, markers: Sequence[Marker]) -> tuple[Marker, ...]:
        """Give the markers with this correction, in order of time; one that is gone stays gone."""
        rest, key = list(markers), ""
        if self.was_s is not None:
            close = [m for m in rest if m.text == self.was and abs(m.time_s - self.was_s) < SAME_S]
            if not close:
                return tuple(rest)
            rest.remove(close[0])
            key = close[0].key
        if self.time_s is not None:
            rest.append(Marker(self.time_s, self.text, key, self.end_s))
        return tuple(sorted(rest, key=lambda marker: marker.time_s))

    def __str__(self) -> str:
        if self.time_s is None:
            words, was_s = "delete the marker {text} at {time_s:.2f} s", self.was_s or 0.0
            return Words(words, text=shown(self.was), time_s=was_s)
        if self.end_s is not None:
            span = span_words(self.time_s, self.end_s)
            return Words("marker {text}, {span}", text=shown(self.text), span=span)
        return Words("marker {text} at {time_s:.2f} s", text=shown(self.text), time_s=self.time_s)


Edit = LabelEdit | DeleteEdit | MarkerEdit | People
KINDS: Final[dict[str, type[Edit]]] = {
    "label": LabelEdit,
    "delete": DeleteEdit,
    "merge": MergeEdit,
    "split": SplitEdit,
    "marker": MarkerEdit,
    "face": FaceEdit,
    "apart": ApartEdit,
}


@checked(extra="ignore")
class _Saved:
    """What the file of corrections says.

    Attributes:
        rows: Of the records.
        edits: The corrections.
        next_face: No face has, or had, this number or a larger one; 0 where no track was split.
    """

    rows: Natural
    edits: tuple[dict[str, Any], ...]
    next_face: Natural = 0


class EditList:
    """The corrections made so far, and those undone; knows its file.

    Attributes:
        path: The file; not there before the first correction.
        done: In the order they were made.
        undone: What can be made again, the next one last.
        next_face: No face has, or ever had, this number or a larger one, undone splits included.
    """

    def __init__(self, path: Path, table: RecordTable) -> None:
        """Start with none.

        Args:
            path: Where corrections are kept.
            table: The records as they were recorded.
        """
        self.path = path
        self.done: tuple[Edit, ...] = ()
        self.undone: tuple[Edit, ...] = ()
        self._table = table
        self.next_face = int(table.faces.max(initial=0)) + 1
        self.result = self._applied(())

    @classmethod
    def load(cls, path: Path, table: RecordTable) -> Self:
        """Read the file if there is one, and apply what it holds.

        Raises:
            SourceError: It is damaged, or belongs to other records.
        """
        edits = cls(path, table)
        if not path.exists():
            return edits
        content = read_form(path, FORMAT, "corrections cannot be read", "corrections")
        try:
            saved = read(_Saved, content, said=json_words)
        except ConfigError as error:
            raise SourceError(f"{path}: corrections cannot be read: {error}") from error
        if len(saved.edits) > MOST:
            raise SourceError(f"{path}: has {len(saved.edits):,} corrections; at most {MOST:,}")
        rows, done = saved.rows, tuple(_parsed(path, *entry) for entry in enumerate(saved.edits))
        if rows != table.whole:
            raise SourceError(
                f"{path}: corrections of {counted(rows, 'row')}, but the records have "
                f"{table.whole}; move the file away to begin anew"
            )
        try:
            edits.result = edits._applied(done)
        except ConfigError as error:
            raise SourceError(f"{path}: does not fit the records: {error}") from error
        edits.done = done
        edits._count(done, saved.next_face)
        return edits

    def _count(self, edits: Iterable[Edit], least: int = 0) -> None:
        """Note the numbers of faces that are used up."""
        used = (face + 1 for edit in edits for face in ids_in(edit))
        self.next_face = max(self.next_face, least, *used)

    def _applied(self, done: Iterable[Edit]) -> EditResult:
        edited = EditResult(self._table, np.zeros(len(self._table), np.bool_))
        for edit in done:
            edited = edit.apply(edited)
        return edited

    @property
    def can_undo(self) -> bool:
        """True if there is a correction to take back."""
        return bool(self.done)

    @property
    def can_redo(self) -> bool:
        """True if the last step was an undo."""
        return bool(self.undone)

    @property
    def next_undo(self) -> str:
        """What `undo` takes back, in words; empty if nothing."""
        return str(self.done[-1]) if self.done else ""

    @property
    def next_redo(self) -> str:
        """What `redo` does again, in words; empty if nothing."""
        return str(self.undone[-1]) if self.undone else ""

    def add(self, edit: Edit) -> None:
        """Make a correction and save.

        Raises:
            ConfigError: It does not fit the records, or is one too many; nothing is changed.
            SinkError: It cannot be saved; nothing is changed.
        """
        if len(self.done) == MOST:
            raise ConfigError(f"{self.path.name}: holds {MOST:,} corrections at most; undo some")
        self._become((*self.done, edit), (), edit.apply(self.result))

    def undo(self) -> None:
        """Take the last correction back and save; without any, do nothing.

        Raises:
            SinkError: It cannot be saved; nothing is changed.
        """
        if self.done:
            *rest, last = self.done
            self._become(tuple(rest), (*self.undone, last), self._applied(rest))

    def redo(self) -> None:
        """Make the last undone correction again and save; without any, do nothing.

        Raises:
            SinkError: It cannot be saved; nothing is changed.
        """
        if self.undone:
            *rest, last = self.undone
            self._become((*self.done, last), tuple(rest), last.apply(self.result))

    def _become(self, done: tuple[Edit, ...], undone: tuple[Edit, ...], result: EditResult) -> None:
        self._count(done)
        self._save(done)
        self.done, self.undone, self.result = done, undone, result

    def _save(self, done: Iterable[Edit]) -> None:
        content = {
            "format": FORMAT,
            "rows": self._table.whole,
            "edits": [_plain(edit) for edit in done],
        }
        if self.next_face > self._table.faces.max(initial=0) + 1:  # a number given is not again
            content["next_face"] = self.next_face
        text = json.dumps(content, indent=2) + "\n"
        PartialFile(self.path, endings=(".json",), overwrite=True).write(text)


def _plain(edit: Edit) -> dict[str, Any]:
    kind = next(name for name, made in KINDS.items() if isinstance(edit, made))
    return {"kind": kind, **asdict(edit)}


def _parsed(path: Path, number: int, entry: Mapping[str, Any]) -> Edit:
    values = dict(entry)
    kind = values.pop("kind", None)
    where = f"{path}: edits.{number}: cannot be read"
    if not isinstance(kind, str) or kind not in KINDS:
        raise SourceError(
            f"{where}: kind: {json_words(kind)} is unknown; choose {', '.join(KINDS)}"
        )
    try:
        return read(KINDS[kind], values, said=json_words)
    except ConfigError as error:
        raise SourceError(f"{where}: {error}") from error
