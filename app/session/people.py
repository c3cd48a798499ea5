"""Corrections of who is who: what a face is called, and which tracks are one person."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Final

import numpy as np
from pydantic import Field

from app.session.checks import MOST_S
from app.session.edited import EditResult, rows_of
from app.session.naming import NamedFace, NamedFaces
from engine.config import Natural, checked
from engine.errors import ConfigError
from engine.wording import Words, counted, shown

FACE_MAX: Final = 2**31 - 1  # of a face's number, as Qt's whole numbers hold it


@checked()
class MergeEdit:
    """Give the rows of `face` to `into`: two tracks of one person."""

    face: Natural
    into: Natural

    def apply(self, edited: EditResult) -> EditResult:
        """Give the records with this correction.

        Raises:
            ConfigError: A face is not there, or both are in the same frame.
        """
        if self.face == self.into:
            raise ConfigError(f"face {self.face}: cannot be merged with itself; choose two faces")
        table = edited.table
        one = rows_of(table, self.face)
        other = rows_of(table, self.into)
        both = np.intersect1d(table.numbers["frame"][one], table.numbers["frame"][other])
        if both.size:
            first_s = table.times[table.numbers["frame"] == both[0]][0]
            raise ConfigError(
                f"faces {self.into} and {self.face}: both seen in "
                f"{counted(both.size, 'frame')}, first at {first_s:.2f} s; "
                "only tracks of one person can be merged"
            )
        faces = table.numbers["face_id"].copy()
        faces[one] = self.into
        numbers = {**table.numbers, "face_id": faces}
        return EditResult(replace(table, numbers=numbers), edited.corrected)

    def __str__(self) -> str:
        return Words("merge face {face} into {into}", face=self.face, into=self.into)


@checked()
class SplitEdit:
    """Give the rows of `face` from `time_s` on to `other`, a new face: two people in one track."""

    face: Natural
    other: Annotated[int, Field(ge=0, le=FACE_MAX)]
    time_s: Annotated[float, Field(ge=0, le=MOST_S)]

    def apply(self, edited: EditResult) -> EditResult:
        """Give the records with this correction.

        Raises:
            ConfigError: The face is not seen both before and from then on, or the other one is
                there already.
        """
        table = edited.table
        later = rows_of(table, self.face)
        later &= table.times >= self.time_s
        if later.sum() in (0, rows_of(table, self.face).sum()):
            raise ConfigError(
                f"face {self.face}: not seen both before {self.time_s:.2f} s and from then on; "
                "a track is split between two frames that show it"
            )
        if (table.faces == self.other).any():
            raise ConfigError(f"face {self.other}: is there already; a part gets a new number")
        faces = table.numbers["face_id"].copy()
        faces[later] = self.other
        numbers = {**table.numbers, "face_id": faces}
        return EditResult(replace(table, numbers=numbers), edited.corrected)

    def __str__(self) -> str:
        words = "split face {face} at {time_s:.2f} s: face {other} from there on"
        return Words(words, face=self.face, time_s=self.time_s, other=self.other)


@checked()
class FaceEdit:
    """Give a face a name and a colour, or none."""

    face: Natural
    named: NamedFace

    def apply(self, edited: EditResult) -> EditResult:
        """Give the records, which know no names.

        Raises:
            ConfigError: The face is not there.
        """
        rows_of(edited.table, self.face)
        return edited

    def __str__(self) -> str:
        name = shown(self.named.name) if self.named.name else Words("no name")
        colour = self.named.colour or Words("its own colour")
        return Words("face {face}: {name}, {colour}", face=self.face, name=name, colour=colour)


@checked()
class ApartEdit:
    """Say that two faces are two people: nobody suggests to merge them any more."""

    face: Natural
    other: Natural

    def apply(self, edited: EditResult) -> EditResult:
        """Give the records, in which nothing changes.

        Raises:
            ConfigError: A face is not there.
        """
        for face in (self.face, self.other):
            rows_of(edited.table, face)
        return edited

    def __str__(self) -> str:
        return Words("faces {other} and {face} are two people", other=self.other, face=self.face)


People = MergeEdit | SplitEdit | FaceEdit | ApartEdit
Pair = frozenset[int]


def ids_in(edit: object) -> tuple[int, ...]:
    """Give the numbers of the faces that a correction of any kind is about."""
    found = (getattr(edit, name, None) for name in ("face", "into", "other"))
    return tuple(face for face in found if isinstance(face, int))


def named_after(named: NamedFaces, edits: Iterable[object]) -> NamedFaces:
    """Give what faces are called after corrections.

    Args:
        named: What they were called when they were recorded.
        edits: Corrections of any kind, in the order they were made.
    """
    for edit in edits:
        if isinstance(edit, FaceEdit):
            named = named.with_face(edit.face, edit.named)
        elif isinstance(edit, MergeEdit):
            named = named.merged(edit.face, edit.into)
    return named


def apart_after(edits: Iterable[object]) -> frozenset[Pair]:
    """Give which faces are two people, after corrections: said so, or parted.

    Args:
        edits: Corrections of any kind, in the order they were made.
    """
    apart: set[Pair] = set()
    for edit in edits:
        if isinstance(edit, ApartEdit | SplitEdit):
            apart.add(frozenset((edit.face, edit.other)))
        elif isinstance(edit, MergeEdit):
            apart = {frozenset(edit.into if f == edit.face else f for f in pair) for pair in apart}
    return frozenset(apart)
