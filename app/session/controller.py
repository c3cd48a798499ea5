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
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from app.session.annotated import VideoConfig
from app.session.disk import free_bytes
from app.session.folder import SNAPSHOTS, Marker, Phase
from app.session.naming import NAMELESS, NamedFaces
from app.session.options import KEYS, RecordingOptions
from app.session.participant import Participant
from app.session.recorder import Recorder
from app.session.recording import RecorderConfig, RecorderStatus, State
from app.session.snapshot import save_snapshot
from app.session.snapshots import Snapshot, Snapshots
from app.session.unfinished import unfinished
from app.session.view import View
from engine.analyze import AnalyzerConfig
from engine.drawing.overlay import OverlayConfig
from engine.errors import FerError
from engine.types import Analysis, Floats
from engine.video.opening import SourceInfo
from engine.wording import Words

log = logging.getLogger(__name__)


class RecordingController:
    """Starts and ends recordings, one at a time. `add` from one thread, all else from another.

    Attributes:
        beginning: Called when a recording begins: gives the index of the first frame to record.
        begun: Called once a recording takes frames.
        named: Gives what the faces of the source are called.
        key_name: Gives the key that one of `KEYS` was changed to.
        microphone: Says whether there is one.
        device: Says what the analysis runs on; empty until that is known.
    """

    def __init__(
        self,
        choice: RecordingOptions,
        *,
        told: Callable[[Marker], None] | None = None,
        kept: Callable[[RecordingOptions], None] | None = None,
        make_recorder: Callable[..., Recorder] = Recorder,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """Start idle.

        Args:
            choice: What is recorded at first.
            told: Is told of every marker set; for the live outputs. Must not wait.
            kept: Is told of every change of the choice; to keep it.
            make_recorder: Makes what records.
            free: Gives the bytes free where a path lies.
        """
        self._choice = choice
        self._told, self._kept = told, kept
        self._make_recorder, self._free = make_recorder, free
        self.beginning: Callable[[], int] | None = None
        self.begun: Callable[[], object] = bool
        self.named: Callable[[], NamedFaces] = lambda: NAMELESS
        self.key_name: Callable[[str], str] = str
        self.microphone: Callable[[], bool] = bool
        self.device: Callable[[], str] = str
        self._drawn = OverlayConfig()
        self._snapshots = Snapshots()
        self._source: tuple[SourceInfo, AnalyzerConfig] | None = None
        self._recorder: Recorder | None = None
        self._latest: Analysis | None = None
        self._latest_at_s = 0.0
        self._lasting: dict[str, tuple[str, str]] = {}  # text and key of the markers that last
        self._message, self._said, self._failed = "", 0, False
        self._unwritable = ""
        self._ending_shown = True
        # Disks can be slow: pictures are saved, and space is looked at, off the window's thread.
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="fer-disk")
        self._saving: list[tuple[Future[Path], Snapshot]] = []
        self._looking: Future[int] | None = None
        self._free_last: int | None = None
        self._closed = False

    def attach(self, info: SourceInfo, analyzer: AnalyzerConfig) -> None:
        """Take note of the source that is open now; a recording of another one ends."""
        if self._source is not None and self._source[0].name != info.name:
            self.stop()
        self._source = (info, analyzer)

    def detach(self, why: str = "") -> None:
        """Take note that no source is open; a recording ends, and says why if it was not asked."""
        self._end_markers()
        if self._recorder is not None:
            self._recorder.stop(at_once=True, why=why)
        self._save(leaving=True)
        self._snapshots.forget()
        self._source = None
        self._latest = None

    @property
    def choice(self) -> RecordingOptions:
        """What is recorded, or will be: the one place that knows; change it by `choose`."""
        return self._choice

    def add(self, analysis: Analysis) -> None:
        """Take the next analysis; waits only while a file is recorded, for room."""
        self._latest, self._latest_at_s = analysis, time.monotonic()
        self._snapshots.add(analysis, blur=self._choice.blur)
        recorder = self._recorder
        if recorder is not None:
            recorder.add(analysis)

    def choose(self, **changes: object) -> bool:
        """Change what is recorded; False if a recording runs: then only markers' texts change."""
        wanted = replace(self._choice, **changes)  # type: ignore[arg-type]  # checked by tests
        if self._running() and replace(wanted, texts=self._choice.texts) != self._choice:
            return False
        if wanted != self._choice:
            self._choice = wanted
            if self._kept is not None:
                self._kept(wanted)
        return True

    def draw(self, *, landmarks: bool, uncertain_below: float) -> None:
        """Say what the window draws, so that videos and snapshots show the same."""
        self._drawn = OverlayConfig(landmarks=landmarks, uncertain_below=uncertain_below)

    def _look(self) -> VideoConfig:
        choice = self._choice
        return VideoConfig(
            annotate=choice.annotate,
            clean=choice.clean,
            blur=choice.blur,
            blur_whole=choice.blur_whole,
            overlay=replace(self._drawn, timeline=choice.timeline, bars=choice.timeline),
        )

    def start(self, who: Participant | None = None) -> bool:
        """Begin a recording; False if there is no source, one runs, or nothing is chosen.

        Args:
            who: What is said of the people in it.
        """
        choice = self.choice
        if (
            self._closed
            or self._source is None
            or self._running()
            or not (choice.video or choice.records)
        ):
            return False
        deaf = choice.sound and choice.video and self._source[0].live and not self.microphone()
        config = RecorderConfig(
            video=choice.video,
            records=choice.records,
            sound=choice.sound and not deaf,
            limit_s=choice.limit_s,
            part=choice.part,
            look=self._look(),
            who=who or Participant(),
            device=self.device() or None,
        )
        deafness = Words("there is no microphone: the video is recorded without sound")
        self._say(deafness if deaf else "")
        self._ending_shown = False
        first = 0 if self.beginning is None else self.beginning()
        self._recorder = self._make_recorder(choice.root, *self._source, config, first=first)
        latest = self._latest
        if self.beginning is not None and latest is not None and latest.frame.index >= first:
            self._recorder.add(latest)  # of a file that is paused; given twice, it counts once
        if self.named() != NAMELESS:
            self.keep_names()
        for text, name in self._lasting.values():
            self._recorder.mark(text, name, "begin")
        self.begun()
        return True

    def keep_names(self) -> None:
        """Keep what the faces are called now, where a recording runs."""
        if self._recorder is not None and self._running():
            self._recorder.name_faces(self.named())

    def hear(self, samples: Floats) -> None:
        """Take what a microphone gave just now; without a recording, forget it."""
        if self._recorder is not None:
            self._recorder.hear(samples)

    @property
    def wants_microphone(self) -> bool:
        """True while sound is recorded of a source that is no file."""
        recorder = self._recorder
        return recorder is not None and recorder.wants_microphone and self._running()

    def stop(self) -> None:
        """End the recording; without one, do nothing. Returns at once, and is over soon."""
        if self._recorder is not None:
            self._recorder.stop()

    def pause_or_go_on(self) -> None:
        """Hold the recording, or let it go on; without one, do nothing."""
        recorder = self._recorder
        if recorder is not None and not recorder.pause():
            recorder.go_on()

    def stop_at_end(self) -> None:
        """End the recording of a file whose last frame was added."""
        if self._recorder is not None and self._recorder.status().frames:
            self._recorder.stop(at_once=True, why=Words("stopped at the end of the file"))

    def _running(self) -> bool:
        return self._recorder is not None and not self._recorder.status().over

    def mark(self, text: str, key: str = "", phase: Phase = "") -> Marker | None:
        """Set a marker now, and tell of it by the source's time; None if it is not recorded."""
        if not text.strip():
            return None
        now_s = self._now_s()
        if now_s is not None and self._told is not None:
            self._told(Marker(now_s, text, key, phase=phase))
        return self._recorder.mark(text, key, phase) if self._recorder is not None else None

    def _now_s(self) -> float | None:
        """Give the time of the picture on the screen, in the source; None without one."""
        if self._latest is None or self._source is None:
            return None
        passed_s = time.monotonic() - self._latest_at_s if self._source[0].live else 0.0
        return self._latest.frame.time_s + passed_s

    def mark_by_key(self, key: str) -> Marker | None:
        """Set the marker of one of `KEYS`; None if it is not recorded."""
        return self.mark(*self._text_and_name(key))

    def take_marker(self, text: str, key: str, at_s: float) -> None:
        """Record a marker that another program set; from any thread, never waits.

        It is not told of: outputs send what comes from this program.

        Args:
            text: What it says.
            key: How it came.
            at_s: When it was set, by `time.monotonic()`.
        """
        recorder = self._recorder
        if recorder is not None:
            recorder.mark(text, key, at_s=at_s)

    def _text_and_name(self, key: str) -> tuple[str, str]:
        name = self.key_name(key)
        return self.choice.texts[KEYS.index(key)].strip() or name, name

    def begin_or_end_by_key(self, key: str) -> Marker | None:
        """Begin a marker of one of `KEYS` that lasts, or end it; None if it is not recorded."""
        if self._latest is None:  # it would have no time
            return None
        if key in self._lasting:
            return self.mark(*self._lasting.pop(key), "end")
        self._lasting[key] = self._text_and_name(key)
        return self.mark(*self._lasting[key], "begin")

    def _end_markers(self) -> None:
        """End the markers that last."""
        while self._lasting:
            self.mark(*self._lasting.popitem()[1], "end")

    def snapshot(self) -> bool:
        """Save the newest frame as a picture; False if there is none.

        Where faces are blurred, that waits for the next second, which shows what faces are in it.
        """
        analysis = self._latest
        if analysis is None or self._closed:
            return False
        now = datetime.now().astimezone()
        self._snapshots.take(analysis, self._look(), now, self.named())
        self._save()
        if self._snapshots.waiting:
            words = "the snapshot waits for the next second, to see which faces are in it"
            self._say(Words(words))
        return True

    def _save(self, *, leaving: bool = False) -> None:
        """Save the snapshots that need no more frames, or all."""
        for snapshot in self._snapshots.ready(at_end=self._at_end(), leaving=leaving):
            saving = self._disk.submit(
                save_snapshot,
                self._choice.root / SNAPSHOTS,
                snapshot.target,
                snapshot.look,
                snapshot.taken,
                around=snapshot.around,
                whole=snapshot.whole,
                named=snapshot.named,
            )
            self._saving.append((saving, snapshot))

    def _at_end(self) -> bool:
        """True if the newest frame is the source's last."""
        if self._latest is None or self._source is None:
            return False
        info = self._source[0]
        if info.live:
            return False
        if info.duration_s is None:  # a picture
            return info.frame_count == 1
        frame_s = float(1 / info.fps) if info.fps else 0.04
        return self._latest.frame.time_s >= info.duration_s - 1.5 * frame_s

    def view(self) -> View:
        """Say what the panel shows."""
        status = self._recorder.status() if self._recorder is not None else None
        recording = status is not None and not status.over
        self._collect(status)
        choice = self.choice
        return View(
            choice=choice,
            recording=recording,
            paused=recording and status is not None and status.paused,
            ending=recording and status is not None and status.ending,
            can_start=self._source is not None and (choice.video or choice.records),
            can_snapshot=self._latest is not None,
            elapsed_s=status.elapsed_s if status else 0.0,
            free=status.free if status and recording and status.free else self._free_last,
            behind=recording and status is not None and status.behind,
            dropped=status.dropped if status else 0,
            seen=status.seen if status else 0,
            missed=status.seen - status.frames if status else 0,
            markers=status.markers if status else 0,
            running=tuple(self._lasting),
            part=status.part if status else 1,
            folder=status.folder if status else None,
            message=self._message,
            said=self._said,
            failed=self._failed,
            unwritable=self._unwritable,
        )

    def look_back(self) -> "Future[Path | None]":
        """Look, off the window's thread, whether the last recording was finished."""
        return self._disk.submit(unfinished, self.choice.root)

    def _say(self, message: str, *, failed: bool = False) -> None:
        self._message, self._said, self._failed = message, self._said + 1, failed

    def _collect(self, status: RecorderStatus | None) -> None:
        """Take over what finished since the last look."""
        if status is not None and status.over and not self._ending_shown:
            self._say(_ending(status), failed=status.state is State.FAILED)
            self._ending_shown = True
            self._end_markers()
        self._save()
        for saving, snapshot in [pair for pair in self._saving if pair[0].done()]:
            self._saving.remove((saving, snapshot))
            self._say(_saved(saving, whole=snapshot.whole), failed=bool(saving.exception()))
        if self._looking is None:
            if not self._closed:
                self._looking = self._disk.submit(self._free, self.choice.root)
        elif self._looking.done():
            looking, self._looking = self._looking, None
            error = looking.exception()
            self._free_last = looking.result() if error is None else None
            self._unwritable = str(error) if isinstance(error, FerError) else ""

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
    saved = Words("saved: {name}", name=status.folder.name)
    return Words("{why}; {saved}", why=status.message, saved=saved) if status.message else saved


def _saved(saving: "Future[Path]", *, whole: bool) -> str:
    error = saving.exception()
    if error is None:
        name = saving.result().name
        if not whole:
            return Words("saved: {name}", name=name)
        words = "saved: {name}; all of it is blurred: what came after it was not seen"
        return Words(words, name=name)
    if not isinstance(error, FerError):
        log.error("snapshot", exc_info=error)
    return str(error)
