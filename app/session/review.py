"""A recording opened again: its tracks, spans and markers, with corrections.

review = open_review(Path("2026-11-27_14-03-21"))       # a session's folder
review = open_review(Path("rows.csv"), Path("input.mp4")) # records of `fer-video`, a video
for track in review.tracks(): ...
review.edits.add(LabelEdit(face=1, start_s=2, end_s=3, label="surprise"))
review.edits.undo()
"""

from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.session.belongings import files_of, is_taken
from app.session.checks import MISSING, one_line, trouble
from app.session.contents import read_contents
from app.session.edited import EditResult
from app.session.edits import EditList, MarkerEdit
from app.session.faces import LabelledFace
from app.session.folder import ABOUT, EDITS, Marker, read_about, session_of
from app.session.frames import VideoPart
from app.session.naming import NAMELESS, NamedFaces
from app.session.people import FACE_MAX, SplitEdit, apart_after, named_after
from app.session.records import Numbers, RecordTable, read_records
from app.session.rows import Rows
from app.session.spans import Span, readable, whoever
from app.session.statistics import FaceStatistics
from app.session.suggestions import Suggestion
from engine.errors import ConfigError, FerError, SourceError
from engine.labels import ordered
from engine.origin import read_origin
from engine.record import beside
from engine.wording import shortened

_EXPORTED: Final = "corrected-"  # before a name that a file of the recording has
FACES_MAX: Final = 20_000  # a window with more would stand still


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """One face of a recording.

    Attributes:
        face: Its sums, corrections included.
        corrected: Frames whose label a person set.
    """

    face: FaceStatistics
    corrected: int


class _Reading:
    """What follows from one state of the corrections; each thing is worked out once."""

    def __init__(self, edited: EditResult, before: "_Reading | None" = None) -> None:
        self.edited = edited
        self.table = edited.table
        same = before is not None and before.table.numbers is edited.table.numbers
        self.rows: Rows = before.rows if before is not None and same else Rows(edited.table)
        self._spans: dict[int, list[Span]] = {}
        self.words = (*edited.table.classes, "")  # by label; the last one is that of -1

    @cached_property
    def tracks(self) -> list[TrackSummary]:
        return [self._track(face) for face in self.rows.faces]

    def spans(self, face: int) -> list[Span]:
        if face not in self._spans:
            self._spans[face] = self._find_spans(face)
        return self._spans[face]

    def _find_spans(self, face: int) -> list[Span]:
        rows = self.rows.of(face)
        if not rows.size:
            return []
        times, labels = self.table.times[rows], self.table.labels[rows]
        corrected = self.edited.corrected[rows]
        silent = np.diff(times) > self.rows.gap_s
        other = (np.diff(labels) != 0) | (np.diff(corrected) != 0)
        starts = np.append(0, np.flatnonzero(silent | other) + 1)
        lasts = np.append(starts[1:], len(times)) - 1
        # A span lasts until the next one begins; before a silence, until its last frame ends.
        open_ended = np.append(silent, True)[lasts]
        following = times[np.minimum(lasts + 1, len(times) - 1)]
        ends = np.where(open_ended, times[lasts] + self.rows.frame_s, following)
        return [
            Span(start_s, end_s, self.words[label], hand)
            for start_s, end_s, label, hand in zip(
                times[starts].tolist(),
                ends.tolist(),
                labels[starts].tolist(),
                corrected[starts].tolist(),
                strict=True,
            )
        ]

    def _track(self, face: int) -> TrackSummary:
        rows, numbers = self.rows.of(face), self.table.numbers
        spans = self.spans(face)
        seen_s = sum(span.end_s - span.start_s for span in spans)
        labels = ordered({*self.table.vocabulary.labels, *(span.label for span in spans)} - {""})
        lasted = dict.fromkeys(labels, 0.0)
        for span in spans:
            if span.label:
                lasted[span.label] += span.end_s - span.start_s
        statistics = FaceStatistics(
            id=face,
            frames=len(rows),
            seen_s=seen_s,
            first_s=float(self.table.times[rows[0]]),
            last_s=float(self.table.times[rows[-1]]),
            shares={label: seconds / seen_s for label, seconds in lasted.items()},
            valence=_mean(numbers["valence"][rows]),
            arousal=_mean(numbers["arousal"][rows]),
        )
        return TrackSummary(statistics, int(self.edited.corrected[rows].sum()))


def _mean(values: Numbers) -> float | None:
    """Give the mean of the numbers that there are; None without any."""
    there = values[np.isfinite(values)]
    return float(there.mean()) if there.size else None


class Review:
    """What a review shows; used by one thread.

    Attributes:
        name: What it is called, on one line that every export can hold.
        edits: The corrections.
        footage: Its video, in order of time; one part, several of a long recording, or none.
        annotated: True if boxes and labels are part of the video's pictures.
        about: `session.json`; empty for a lone records file.
        source: What was opened: a folder, or a file of records; None for neither.
        origin: Where it comes from (`engine/origin.py`); empty where nothing says so.
        warnings: One line for each thing that was missing or cut off.
    """

    def __init__(
        self,
        name: str,
        edits: EditList,
        *,
        markers: tuple[Marker, ...] = (),
        named: NamedFaces = NAMELESS,
        video: Path | tuple[VideoPart, ...] | None = None,
        annotated: bool = False,
        about: dict[str, Any] | None = None,
        source: Path | None = None,
        origin: Mapping[str, Any] | None = None,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.name = one_line(name)
        self.edits = edits
        self._recorded_markers = markers
        self._markers: tuple[object, tuple[Marker, ...]] = ((), markers)
        self._recorded_names = named
        self._named: tuple[object, NamedFaces] = ((), named)
        self.footage = (VideoPart(0.0, video),) if isinstance(video, Path) else video or ()
        self.annotated = annotated
        self.about = about or {}
        self.source = source
        self.origin = dict(origin or {})
        self.warnings = warnings
        self._read = _Reading(edits.result)

    @property
    def _now(self) -> _Reading:
        """What follows from the corrections as they are now."""
        if self._read.edited is not self.edits.result:
            self._read = _Reading(self.edits.result, self._read)
        return self._read

    @property
    def markers(self) -> tuple[Marker, ...]:
        """The markers, corrected, in order of time."""
        done = self.edits.done
        if self._markers[0] is not done:
            markers = self._recorded_markers
            for edit in done:
                if isinstance(edit, MarkerEdit):
                    markers = edit.placed(markers)
            self._markers = (done, markers)
        return self._markers[1]

    @property
    def named(self) -> NamedFaces:
        """What the faces are called, corrected."""
        done = self.edits.done
        if self._named[0] is not done:
            self._named = (done, named_after(self._recorded_names, done))
        return self._named[1]

    @property
    def suggestions(self) -> list[Suggestion]:
        """Tracks that are probably one person, and were not said to be two."""
        return self._now.rows.suggested(apart_after(self.edits.done))

    def prepare(self) -> "Review":
        """Work out what a window shows first; for the thread that opens. Gives the review."""
        for track in self._now.tracks:
            for column in ("valence", "arousal"):
                self._now.rows.series(track.face.id, column)
        _ = self.suggestions
        return self

    def still(self) -> "Review":
        """Give a copy that later corrections do not change, for another thread."""
        still = copy(self)
        still.edits = copy(self.edits)
        return still

    @property
    def video(self) -> Path | None:
        """Its video or the first part of it, if there is one."""
        return self.footage[0].path if self.footage else None

    @property
    def files(self) -> tuple[Path, ...]:
        """What is open, and no export replaces."""
        mine = (self.edits.path, *(part.path for part in self.footage))
        if self.source is None:
            return mine
        if self.source.is_dir():
            return (self.source / ABOUT, *files_of(self.source), *mine)
        return (self.source, beside(self.source), *mine)

    def beside(self, ending: str) -> Path:
        """Give where an export lies at first: beside the video, or the corrections.

        Its name is that of no file of the recording.
        """
        place = self.video.parent if self.video is not None else self.edits.path.parent
        name = f"{Path(self.name).stem or self.name}{ending}"
        while is_taken(place / name, self.files):
            name = f"{_EXPORTED}{name}"
        return place / name

    def choose_video(self, video: Path) -> None:
        """Show this video instead, from the recording's beginning."""
        self.footage, self.annotated = (VideoPart(0.0, video),), False

    @property
    def table(self) -> RecordTable:
        """The rows, corrected."""
        return self.edits.result.table

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that spans may have: the network's classes, and what a person set."""
        table = self.table
        used = {table.classes[label] for label in np.unique(table.labels).tolist() if label >= 0}
        return ordered(dict.fromkeys((*table.vocabulary.labels, *sorted(used))))

    @property
    def faces(self) -> tuple[int, ...]:
        """Ids of the tracks that are left."""
        return self._now.rows.faces

    @property
    def duration_s(self) -> float:
        """Until the end of the last frame or marker; 0 if there is nothing."""
        times = self.table.times
        last_s = float(times[-1]) + self.frame_s if times.size else 0.0
        return max(last_s, *(marker.end_s or marker.time_s for marker in self.markers), 0.0)

    @property
    def frame_s(self) -> float:
        """Seconds that a frame lasts, the median."""
        return self._now.rows.frame_s

    def series(self, face: int, column: str) -> tuple[Numbers, Numbers]:
        """Give times and values of a column of the records for one face; NaN where it is away.

        Returns:
            Two (N,) float64.
        """
        return self._now.rows.series(face, column)

    def spans(self, face: int, *, least_s: float = 0.0) -> list[Span]:
        """Give the stretches of one label, or of none, in order; they do not overlap.

        What a person labelled is a span of its own, whatever is shown beside it.

        Args:
            face: The track's id.
            least_s: Shorter spans in a row become one of what they show mostly, or a gap.
        """
        spans = self._now.spans(face)
        return readable(spans, least_s) if least_s > 0 else list(spans)

    def shown(self, face: int) -> list[Span]:
        """Give what is shown, whoever said so: spans of one label that follow each other are one.

        Args:
            face: The track's id.
        """
        return whoever(self._now.spans(face))

    def tracks(self) -> list[TrackSummary]:
        """Give every face that is left, in order of id."""
        return list(self._now.tracks)

    def met(self, face: int) -> dict[int, float]:
        """Give the faces that cannot be merged with this one, with when a frame first shows both.

        Args:
            face: The track's id.
        """
        return self._now.rows.met(face)

    def split(self, face: int, time_s: float) -> SplitEdit | None:
        """Give the correction that splits a track, its later part a face that never was.

        Args:
            face: The track's id.
            time_s: The later part begins with the frame that is shown at this time.

        Returns:
            None where the face is not seen both before that frame and from then on.

        Raises:
            ConfigError: No number is left.
        """
        times, rows = self.table.times, self._now.rows.of(face)
        last = int(np.searchsorted(times, time_s + 1e-6, side="right")) - 1
        if last >= 0 and time_s - times[last] <= self._now.rows.gap_s:
            time_s = float(times[last])
        if not rows.size or not times[rows[0]] < time_s <= times[rows[-1]]:
            return None
        # A name of `session.json` may be of a face that has no rows: nobody inherits it.
        named = (each for each in self._recorded_names.faces if each <= FACE_MAX)
        other = max(self.edits.next_face, *(each + 1 for each in named), 0)
        if other > FACE_MAX:
            raise ConfigError(
                f"face {FACE_MAX}: is the last number there is; no track can be split"
            )
        return SplitEdit(face=face, other=other, time_s=time_s)

    def at(self, time_s: float) -> list[LabelledFace]:
        """Give the faces of the frame that is shown at a time; none in a silence."""
        times = self.table.times
        last = int(np.searchsorted(times, time_s + 1e-6, side="right")) - 1
        if last < 0 or time_s - times[last] > self._now.rows.gap_s:
            return []
        numbers = self.table.numbers
        first = int(np.searchsorted(times, times[last]))
        classes = [numbers[name] for name in self.table.classes if name in numbers]
        faces = []
        for row in range(first, last + 1):
            label = self._now.words[self.table.labels[row]]
            reliability = float(numbers["reliability"][row])
            x, y, width, height = (
                float(numbers[name][row]) for name in ("x", "y", "width", "height")
            )
            share = float(np.nan_to_num(numbers[label][row])) if label else 0.0
            most = max((float(np.nan_to_num(column[row])) for column in classes), default=0.0)
            faces.append(
                LabelledFace(
                    id=int(numbers["face_id"][row]),
                    box=(x, y, x + width, y + height),
                    label=label,
                    share=share,
                    behind=bool(label) and share < most,
                    reliability=None if np.isnan(reliability) else reliability,
                    corrected=bool(self.edits.result.corrected[row]),
                    named=self.named.shown(int(numbers["face_id"][row])),
                )
            )
        return faces


def open_review(path: Path, video: Path | None = None) -> Review:
    """Open a session's folder or a records file. Reads it all: not for a window's thread.

    Args:
        path: A folder with `session.json`, or a file of records.
        video: A video that belongs to a records file; in its place in a folder.

    Raises:
        SourceError: Something is missing, too large, or is not what it should be.
        ConfigError: The file's ending is unknown, or Parquet's library is missing.
    """
    try:
        if video is not None and not video.is_file():
            raise SourceError(f"{video}: no such file; check the path")
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:  # a name that the system does not take
        raise SourceError(f"{shortened(path)}: cannot be opened: {error.strerror}") from error
    if is_folder:
        return _open_folder(path, video)
    if path.name == ABOUT:
        return _open_folder(path.parent, video)
    if not is_there:
        raise SourceError(f"{path}: no such file or folder; check the path")
    table, warnings = read_records(path, forgiving=True)
    _check_table(path, table)
    edits = EditList.load(_corrections(path.parent, f"{path.name}.{EDITS}"), table)
    origin = None
    with suppress(FerError):  # nothing says it, or not in a form that is known
        origin = read_origin(path)
    return Review(path.name, edits, video=video, source=path, origin=origin, warnings=warnings)


def _open_folder(folder: Path, video: Path | None) -> Review:
    about = read_about(folder)
    session = session_of(folder, about)
    kept = read_contents(folder, session)
    _check_table(folder, kept.table)
    look = session.settings.video
    return Review(
        folder.name,
        EditList.load(_corrections(folder, EDITS), kept.table),
        markers=kept.markers,
        named=NamedFaces(session.faces),
        video=video or kept.footage,
        annotated=video is None and look is not None and look.annotate,
        about=about,
        source=folder,
        origin=said if isinstance(said := about.get("provenance"), dict) else None,
        warnings=kept.warnings,
    )


def _check_table(path: Path, table: RecordTable) -> None:
    if table.files:
        raise SourceError(f"{path}: rows of pictures, which have no times; a review is of a video")
    count = len(np.unique(table.faces))
    if count > FACES_MAX:
        raise SourceError(f"{path}: has {count:,} faces; a review shows {FACES_MAX:,} at most")


def _corrections(folder: Path, name: str) -> Path:
    path = folder / name
    why = trouble(path, folder)
    if why not in ("", MISSING):
        raise SourceError(f"{path}: is {why}; move it away to begin anew")
    return path
