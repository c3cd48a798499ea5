"""The files of one recording, opened together and closed together, whatever happened."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from app.session.annotated import AnnotatedVideo, VideoConfig
from app.session.folder import (
    CLEAN,
    FORMAT_PARTS,
    MARKERS,
    RECORDS,
    VIDEO,
    Marker,
    MarkerWriter,
    PartLimits,
    part_name,
    write_about,
)
from app.session.naming import NamedFaces
from app.session.sound import Sound, SoundCut
from engine.errors import SinkError
from engine.labels import Vocabulary
from engine.record import EIGHT, RecordWriter, open_records
from engine.types import Analysis
from engine.video.opening import SourceInfo

log = logging.getLogger(__name__)


class SessionFiles:
    """Video, records, markers and `session.json`; used by one thread.

    A context manager: entering opens the files; leaving by an error closes them as they are and
    says so in `session.json`. `finish` is the good end.
    """

    def __init__(
        self,
        folder: Path,
        info: SourceInfo,
        about: Mapping[str, Any],
        *,
        look: VideoConfig | None,
        records: bool,
        landmarks: bool,
        limits: PartLimits,
        vocabulary: Vocabulary = EIGHT,
        sound: Sound | None = None,
    ) -> None:
        """Take what is to be written; nothing is opened yet.

        Args:
            folder: With `session.json` in it.
            info: The source.
            about: What that says.
            look: How the video looks; None for no video.
            records: Write rows.
            landmarks: Rows hold the 68 landmarks too.
            limits: When another part begins.
            vocabulary: What may be said of faces, as far as is known now.
            sound: What is heard in the video; None for a silent one.
        """
        self._folder, self._info, self._about = folder, info, dict(about)
        self._look, self._with_records, self._landmarks = look, records, landmarks
        self._limits, self._vocabulary, self._sound = limits, vocabulary, sound
        self._parts: list[dict[str, Any]] = []  # after the first
        self._rows = 0
        self._markers: MarkerWriter | None = None
        self._records: RecordWriter | None = None
        self._video: AnnotatedVideo | None = None

    def __enter__(self) -> Self:
        """Open everything.

        Raises:
            SinkError: Something cannot be written.
        """
        try:
            self._open()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def _open(self) -> None:
        self._markers = MarkerWriter(self._folder / MARKERS)
        if self._look is not None:
            path, clean = self._folder / VIDEO, self._clean(CLEAN)
            self._video = AnnotatedVideo(path, self._info, self._look, self._sound, clean)
        if self._with_records:
            self._records = self._open_records(RECORDS)

    def _clean(self, name: str) -> Path | None:
        """Give where the clean copy goes; None without one."""
        return self._folder / name if self._look is not None and self._look.two else None

    def _open_records(self, name: str) -> RecordWriter:
        path = self._folder / name
        return open_records(
            path,
            landmarks=self._landmarks,
            overwrite=False,
            growing=True,
            vocabulary=self._vocabulary,
        )

    @property
    def part(self) -> int:
        """Number of the part that is written now, from 1."""
        return len(self._parts) + 1

    def _turn_if_full(self, time_s: float) -> None:
        """Begin another part if this one has lasted, or grown, to its limit."""
        lasted_s = time_s - (self._parts[-1]["start_s"] if self._parts else 0.0)
        if lasted_s <= 0:  # pictures come later than rows
            return
        sizes = (self._size_of(name) for name in (VIDEO, CLEAN, RECORDS))
        if lasted_s >= self._limits.seconds or max(sizes) >= self._limits.size:
            self._turn(time_s)

    def _turn_if_lacking(self, analysis: Analysis) -> None:
        """Begin another part where another model says what these rows have no columns for."""
        wanted = self._vocabulary
        for prediction in analysis.predictions:
            wanted = wanted.joined(prediction.vocabulary)
        if not self._vocabulary.holds(wanted):
            self._vocabulary = wanted
            self._turn(analysis.frame.time_s)

    def _size_of(self, name: str) -> int:
        try:
            return (self._folder / part_name(name, self.part)).stat().st_size
        except FileNotFoundError:
            return 0

    def _turn(self, time_s: float) -> None:
        part: dict[str, Any] = {"start_s": time_s}
        self._parts.append(part)
        names = (part_name(name, self.part) for name in (VIDEO, CLEAN, RECORDS))
        video, clean, rows = names
        if self._video is not None:
            part["video"] = video
        if self._clean(clean) is not None:
            part["clean"] = clean
        if self._records is not None:
            part["records"] = rows
        # First said, then opened: a kill leaves a name without a file, not a file without a name.
        files = {**self._about["files"], "parts": self._parts}
        self._about |= {"format": FORMAT_PARTS, "files": files}
        write_about(self._folder, self._about)
        if self._video is not None:
            self._video.turn(time_s, self._folder / video, self._clean(clean))
        if self._records is not None:
            self._records.close()
            self._records = self._open_records(rows)
        log.info("recording goes on in part %d", self.part)

    def write_rows(self, rows: Iterable[Analysis | Marker | SoundCut | NamedFaces]) -> None:
        """Write what every frame shows, markers, and what faces are called, each to its file.

        Raises:
            SinkError: The disk is full or a file otherwise refuses.
        """
        for row in rows:
            if isinstance(row, Marker):
                if self._markers is not None:
                    self._markers.write(row)
                if self._video is not None:
                    self._video.mark(row)
            elif isinstance(row, NamedFaces):
                self._about["faces"] = row.about()
                write_about(self._folder, self._about)
                if self._video is not None:
                    self._video.name_faces(row)
            elif isinstance(row, SoundCut):
                if self._video is not None:
                    self._video.cut(row)
            elif self._records is not None:
                self._turn_if_full(row.frame.time_s)
                self._turn_if_lacking(row)
                self._records.write(row)
                self._rows += len(row.tracks)

    def write_frame(self, analysis: Analysis) -> None:
        """Draw and encode one frame.

        Raises:
            SinkError: The disk is full or the file otherwise refuses.
        """
        if self._video is not None:
            self._turn_if_full(analysis.frame.time_s)
            self._video.write(analysis)

    def look_ahead(self, analysis: Analysis) -> None:
        """Look at a frame after the last one, for faces to blur in those before.

        Raises:
            SinkError: The disk is full or the file otherwise refuses.
        """
        if self._video is not None:
            self._video.look_ahead(analysis)

    def finish(self, ending: Mapping[str, object]) -> None:
        """Close everything and add `ending` to `session.json`.

        Raises:
            SinkError: The rest cannot be written.
        """
        for close in self._closers():
            close()
        counted: dict[str, object] = {}  # so that a review can tell what is missing
        if self._records is not None:
            counted["rows"] = self._rows
        if self._video is not None:
            counted["video_frames"] = self._video.frames
        self._say("finished", dict(ending) | counted)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        for close in self._closers():
            try:
                close()
            except SinkError as second:  # often the same full disk: the first error says so
                log.debug("%s", second)
        try:
            self._say("failed", {"stopped_because": str(error) or type(error).__name__})
        except SinkError as second:
            log.warning("%s", second)

    def _say(self, state: str, ending: Mapping[str, object]) -> None:
        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        starts = self._video.starts if self._video is not None else {}
        for part in self._parts:
            name = part.get("video")
            if name in starts:
                part["start_s"] = starts[name]
            else:  # it ended before a picture came
                part.pop("video", None)
                part.pop("clean", None)
        write_about(self._folder, self._about | {"state": state, "ended": now} | dict(ending))

    def _closers(self) -> list[Callable[[], None]]:
        outputs = (self._markers, self._records, self._video)
        return [output.close for output in outputs if output is not None]
