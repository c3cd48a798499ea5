"""What the recording panel decides: without Qt, so that it can be tested without a window.

controller = RecordingController(root)
controller.attach(source.info, analyzer_config)   # a source is open
controller.add(analysis)                          # every analysis, from the worker's thread
controller.start(); controller.mark("F5"); controller.snapshot(); controller.stop()
controller.view()                                 # a few times a second, for the panel
controller.detach()                               # the source is closed
controller.close()                                # the program ends
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from app.session.annotated import VideoConfig
from app.session.folder import Marker, PartLimits
from app.session.recorder import Recorder, RecorderConfig, RecorderStatus, State, free_bytes
from app.session.snapshot import save_snapshot
from engine.analyze import AnalyzerConfig
from engine.errors import FerError
from engine.types import Analysis
from engine.video.opening import SourceInfo

log = logging.getLogger(__name__)

KEYS: Final = ("F5", "F6", "F7", "F8")
SNAPSHOTS: Final = "snapshots"  # folder in that of the recordings


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOptions:
    """What the user chose to record.

    Attributes:
        root: Where recordings go.
        video: Record the video.
        records: Record the rows.
        annotate: Draw boxes and labels into video and snapshots.
        blur: Make faces unrecognisable in video and snapshots.
        limit_s: Stop after this time, seconds; None records until told.
        part: When a recording goes on in other files.
        texts: What the markers of `KEYS` say.
    """

    root: Path
    video: bool = True
    records: bool = True
    annotate: bool = True
    blur: bool = False
    limit_s: float | None = None
    part: PartLimits = field(default_factory=PartLimits)
    texts: tuple[str, ...] = field(default=("stimulus on", "stimulus off", "question", "note"))


@dataclass(frozen=True, slots=True)
class View:
    """What the panel shows.

    Attributes:
        choice: What the user chose.
        recording: True from the start until the files are closed.
        can_start: True if a source is open and something is to be recorded.
        can_snapshot: True if there is a frame.
        elapsed_s: Of the recording that runs, or ran last.
        free: Bytes free where recordings go; None until that is known.
        behind: True while frames of the video are being left out.
        dropped: Frames of the video left out.
        markers: Markers set in this recording.
        part: Number of the part that is written, from 1.
        folder: That of the recording that runs, or ran last; None before the first.
        message: One line: what went wrong, or what was saved; may be empty.
    """

    choice: RecordingOptions
    recording: bool
    can_start: bool
    can_snapshot: bool
    elapsed_s: float
    free: int | None
    behind: bool
    dropped: int
    markers: int
    part: int
    folder: Path | None
    message: str


class RecordingController:
    """Starts and ends recordings, one at a time. `add` from one thread, all else from another."""

    def __init__(
        self,
        choice: RecordingOptions,
        *,
        told: Callable[[Marker], None] | None = None,
        make_recorder: Callable[..., Recorder] = Recorder,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """Start idle.

        Args:
            choice: What is recorded at first.
            told: Is told of every marker set; for the live outputs. Must not wait.
            make_recorder: Makes what records.
            free: Gives the bytes free where a path lies.
        """
        self.choice = choice
        self._told, self._make_recorder, self._free = told, make_recorder, free
        self._source: tuple[SourceInfo, AnalyzerConfig] | None = None
        self._recorder: Recorder | None = None
        self._latest: Analysis | None = None
        self._message = ""
        self._ending_shown = True
        # Disks can be slow: pictures are saved, and space is looked at, off the window's thread.
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="fer-disk")
        self._saving: Future[Path] | None = None
        self._looking: Future[int] | None = None
        self._free_last: int | None = None
        self._closed = False

    def attach(self, info: SourceInfo, analyzer: AnalyzerConfig) -> None:
        """Take note of the source that is open now; a recording of another one ends."""
        if self._source is not None and self._source[0].name != info.name:
            self.stop()
        self._source = (info, analyzer)

    def detach(self) -> None:
        """Take note that no source is open; a recording ends."""
        self.stop()
        self._source = None
        self._latest = None

    def add(self, analysis: Analysis) -> None:
        """Take the next analysis; never waits."""
        self._latest = analysis
        recorder = self._recorder
        if recorder is not None:
            recorder.add(analysis)

    def choose(self, **changes: object) -> None:
        """Change what is recorded; what runs goes on as it began."""
        self.choice = replace(self.choice, **changes)  # type: ignore[arg-type]  # checked by tests

    def _look(self) -> VideoConfig:
        return VideoConfig(annotate=self.choice.annotate, blur=self.choice.blur)

    def start(self) -> bool:
        """Begin a recording; False if there is no source, one runs, or nothing is chosen."""
        choice = self.choice
        if (
            self._closed
            or self._source is None
            or self._running()
            or not (choice.video or choice.records)
        ):
            return False
        config = RecorderConfig(
            video=choice.video,
            records=choice.records,
            limit_s=choice.limit_s,
            part=choice.part,
            look=self._look(),
        )
        self._message, self._ending_shown = "", False
        self._recorder = self._make_recorder(choice.root, *self._source, config)
        return True

    def stop(self) -> None:
        """End the recording; without one, do nothing. Returns at once."""
        if self._recorder is not None:
            self._recorder.stop()

    def _running(self) -> bool:
        return self._recorder is not None and not self._recorder.status().over

    def mark(self, text: str, key: str = "") -> Marker | None:
        """Set a marker now; None if nothing is being recorded."""
        if self._recorder is None or not text.strip():
            return None
        marker = self._recorder.mark(text, key)
        if marker is not None and self._told is not None:
            self._told(marker)
        return marker

    def mark_by_key(self, key: str) -> Marker | None:
        """Set the marker of one of `KEYS`; None if nothing is being recorded."""
        return self.mark(self.choice.texts[KEYS.index(key)] or key, key)

    def snapshot(self) -> bool:
        """Save the newest frame as a picture; False if there is none."""
        analysis = self._latest
        if analysis is None or self._closed:
            return False
        folder = self.choice.root / SNAPSHOTS
        now = datetime.now().astimezone()
        self._saving = self._disk.submit(save_snapshot, folder, analysis, self._look(), now)
        return True

    def view(self) -> View:
        """Say what the panel shows."""
        status = self._recorder.status() if self._recorder is not None else None
        recording = status is not None and not status.over
        self._collect(status)
        choice = self.choice
        return View(
            choice=choice,
            recording=recording,
            can_start=self._source is not None and (choice.video or choice.records),
            can_snapshot=self._latest is not None,
            elapsed_s=status.elapsed_s if status else 0.0,
            free=status.free if status and recording and status.free else self._free_last,
            behind=recording and status is not None and status.behind,
            dropped=status.dropped if status else 0,
            markers=status.markers if status else 0,
            part=status.part if status else 1,
            folder=status.folder if status else None,
            message=self._message,
        )

    def _collect(self, status: RecorderStatus | None) -> None:
        """Take over what finished since the last look."""
        if status is not None and status.over and not self._ending_shown:
            self._message, self._ending_shown = _ending(status), True
        if self._saving is not None and self._saving.done():
            saving, self._saving = self._saving, None
            self._message = _saved(saving)
        if self._looking is None:
            if not self._closed:
                self._looking = self._disk.submit(self._free, self.choice.root)
        elif self._looking.done():
            looking, self._looking = self._looking, None
            self._free_last = looking.result() if looking.exception() is None else None

    def close(self, limit_s: float = 10.0) -> bool:
        """End everything; False if the files are not closed within the limit."""
        self._closed = True
        self.detach()
        good = self._recorder is None or self._recorder.join(limit_s)
        self._disk.shutdown(wait=False)  # what is being saved is saved
        return good


def _ending(status: RecorderStatus) -> str:
    if status.state is State.FAILED or status.folder is None:
        return status.message
    saved = f"saved: {status.folder.name}"
    return f"{status.message}; {saved}" if status.message else saved


def _saved(saving: "Future[Path]") -> str:
    error = saving.exception()
    if error is None:
        return f"saved: {saving.result().name}"
    if not isinstance(error, FerError):
        log.error("snapshot", exc_info=error)
    return str(error)
