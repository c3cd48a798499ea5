"""Records a running session into a folder, on a thread of its own, so that nobody waits for it.

    recorder = Recorder(root, source.info, analyzer_config, RecorderConfig())
    recorder.add(analysis)                    # every analysis, in order; never waits
    recorder.mark("stimulus on", key="F5")    # now
    recorder.status()                         # for the window, a few times a second
    recorder.stop()                           # returns at once
    recorder.join()                           # waits until the files are finished

What the folder holds is in `app/session/folder.py`; all of it survives a kill. If encoding does not
keep up with a live source, frames of the video are left out and counted, rows and markers never
are; a file waits. Where faces are blurred, the second after the end is looked at too.
"""

import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.session.about import about_session
from app.session.clock import RecordingClock
from app.session.disk import free_bytes
from app.session.files import SessionFiles
from app.session.folder import Marker, new_folder
from app.session.naming import NamedFaces
from app.session.recording import RecorderConfig, RecorderStatus, State
from app.session.sound import FileSound, LiveSound, Sound, SoundCut
from engine.analyze import AnalyzerConfig, config_vocabulary
from engine.errors import FerError, SinkError
from engine.faces.blur import AHEAD_S
from engine.types import Analysis, Floats, Frame
from engine.video.opening import SourceInfo

log = logging.getLogger(__name__)

FRAMES_WAITING: Final = 16  # pictures in memory: 44 MB at 720p
ROWS_WAITING: Final = 20_000  # frames' rows in memory: ten minutes of a disk that does not answer
LOOK_S: Final = 0.2  # how often the thread looks up without work
DISK_S: Final = 1.0  # between two looks at the free space
BEHIND_S: Final = 5.0  # a frame left out within this time means that it does not keep up
JOIN_S: Final = 10.0
SLACK_S: Final = 0.5  # more than that, no frame is waited for at the end
_NO_IMAGE: Final = np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The end was asked for: what it says, where it is, and when it comes at the latest."""

    message: str
    last_s: float
    due_s: float


class Recorder:
    """One recording, from its start to its end; a second one is another object."""

    def __init__(
        self,
        root: Path,
        info: SourceInfo,
        analyzer: AnalyzerConfig,
        config: RecorderConfig,
        *,
        first: int = 0,
        clock: Callable[[], float] = time.monotonic,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """Start recording; what goes wrong is in `status`, also if that is at once.

        Args:
            root: The folder in which the recording's own folder is made.
            info: The source.
            analyzer: What the analyses come from, for `session.json`.
            config: What to record.
            first: Index of the source's first frame to record; those before are left out.
            clock: Gives seconds.
            free: Gives the bytes free where a path lies.
        """
        self._root, self._info, self._analyzer, self._config = root, info, analyzer, config
        self._first = first
        self._clock, self._free_at = clock, free
        self._time = RecordingClock(live=info.live, clock=clock)
        self._changed = threading.Condition()
        self._rows: deque[Analysis | Marker | SoundCut | NamedFaces] = deque()
        self._frames: deque[Analysis] = deque()
        self._stopping = False
        self._asked: _Asked | None = None
        self._paused_s: float | None = None  # time of the recording at which it is paused
        self._only_looked: set[float] = set()  # times of frames that are looked at, not recorded
        self._resumed = False
        self._microphone: LiveSound | None = None
        self._sound = self._make_sound()
        self._state = State.STARTING
        self._folder: Path | None = None
        self._free: int | None = None
        self._message = ""
        self._first_index = self._next_index = 0
        self._taken = self._video_frames = self._dropped = self._marked = 0
        self._part = 1
        self._dropped_at = -BEHIND_S
        self._looked_s = -DISK_S
        self._thread = threading.Thread(target=self._run, name="fer-recorder", daemon=True)
        self._thread.start()

    def _make_sound(self) -> Sound | None:
        """Say what is heard in the video; None where nothing is."""
        info = self._info
        if not (self._config.sound and self._config.video):
            return None
        if info.live:
            self._microphone = LiveSound()
            return self._microphone
        if info.path is None or not info.has_audio:
            return None
        return FileSound(info.path, info.origin_s)

    def add(self, analysis: Analysis) -> bool:
        """Record one frame, the next in order; waits only where the source is a file, for room.

        Returns:
            False if it was not taken: the recording is over, or it is the last frame again.
        """
        with self._changed:
            self._await_room()
            if self._stopping or analysis.frame.index < self._first:
                return False
            time_s = self._time.frame(analysis.frame.time_s)
            if time_s is None:
                return False
            if self._paused_s is not None:
                self._wait_paused(analysis, time_s, self._paused_s)
                return False
            if self._asked is not None:
                self._look_ahead(analysis, time_s, self._asked)
                return False
            if self._time.jumped and not self._resumed:
                self._note(Marker(time_s, f"source went to {analysis.frame.time_s:.2f} s"))
            if self._taken == 0 or self._time.jumped:
                if self._sound is not None:
                    self._rows.append(SoundCut(time_s, analysis.frame.time_s))
                self._first_index = analysis.frame.index - self._next_index
            # Frames that the pipeline left out show as gaps in the numbers, as in `fer-video`.
            index = max(analysis.frame.index - self._first_index, self._next_index)
            self._put(replace(analysis, frame=Frame(index, time_s, analysis.frame.image)))
            self._taken += 1
            self._next_index = index + 1
            self._resumed = False
            limit_s = self._config.limit_s
            if limit_s is not None and time_s >= limit_s:
                self._wind_up(f"stopped after {limit_s:g} s, as asked")
            self._changed.notify()
            return True

    def _await_room(self) -> None:
        """Let a file wait until pictures can be taken; under the lock."""
        if self._info.live or not self._config.video:
            return
        while len(self._frames) >= FRAMES_WAITING and not self._stopping:
            self._changed.wait(LOOK_S)

    def _look_ahead(self, analysis: Analysis, time_s: float, asked: _Asked) -> None:
        """Take a frame after the end, only to see which faces were there before; under the lock."""
        if self._time.jumped or time_s > asked.last_s + AHEAD_S:
            self._end(asked.message)
        elif len(self._frames) < FRAMES_WAITING:
            frame = Frame(analysis.frame.index, time_s, analysis.frame.image)
            self._frames.append(replace(analysis, frame=frame))
            self._changed.notify()

    def _wait_paused(self, analysis: Analysis, time_s: float, paused_s: float) -> None:
        """Stand still; where faces are blurred, look first who was there; under the lock."""
        look_on = self._config.video and self._config.look.blur
        if look_on and time_s <= paused_s + AHEAD_S and not self._time.jumped:
            if len(self._frames) < FRAMES_WAITING:
                frame = Frame(analysis.frame.index, time_s, analysis.frame.image)
                self._only_looked.add(time_s)
                self._frames.append(replace(analysis, frame=frame))
                self._changed.notify()
        else:
            self._time.hold()

    def pause(self) -> bool:
        """Record nothing until `go_on`; False if nothing is recorded, or it is paused already."""
        with self._changed:
            if self._stopping or self._asked is not None or self._paused_s is not None:
                return False
            self._note(Marker(self._time.last_s, "paused"))
            self._paused_s = self._time.last_s
            if not (self._config.video and self._config.look.blur and self._taken):
                self._time.hold()
            self._changed.notify()
            return True

    def go_on(self) -> None:
        """Record again; a marker says how long it was paused."""
        with self._changed:
            if self._paused_s is None or self._stopping:
                return
            self._time.hold()
            passed_s = self._time.go_on()
            self._paused_s, self._resumed = None, True
            self._note(Marker(self._time.last_s, f"went on after {passed_s:.1f} s"))
            self._changed.notify()

    def _put(self, analysis: Analysis) -> None:
        """Queue a frame's rows, and its picture if there is room; under the lock."""
        if self._config.records:
            bare = replace(analysis, frame=replace(analysis.frame, image=_NO_IMAGE))
            self._rows.append(bare)
            if len(self._rows) > ROWS_WAITING:
                self._end(f"{self._folder or self._root}: the disk does not answer")
        if self._config.video:
            if len(self._frames) < FRAMES_WAITING:
                self._frames.append(analysis)
            else:
                self._dropped += 1
                self._dropped_at = self._clock()

    def mark(self, text: str, key: str = "") -> Marker | None:
        """Set a marker at this moment; None if the recording is over."""
        with self._changed:
            if self._stopping or self._asked is not None:
                return None
            marker = Marker(self._time.now(), " ".join(text.split()), key)
            self._note(marker)
            self._changed.notify()
            return marker

    def name_faces(self, named: NamedFaces) -> None:
        """Keep what the faces are called from now on; from any thread."""
        with self._changed:
            self._rows.append(named)
            self._changed.notify()

    def hear(self, samples: Floats) -> None:
        """Take what a microphone gave just now, (2, N) float32 of 48 kHz; from any thread."""
        with self._changed:
            if self._microphone is not None and self._taken and not self._stopping:
                self._microphone.add(samples, self._time.now())

    def _note(self, marker: Marker) -> None:
        self._rows.append(marker)
        self._marked += 1

    def stop(self, *, at_once: bool = False, why: str = "") -> None:
        """End the recording; from any thread, any number of times; returns at once.

        Args:
            at_once: No frame will come any more: else, where faces are blurred, those of the next
                second show which faces were there before.
            why: One line, where it was not the user.
        """
        with self._changed:
            if at_once:
                self._end(self._asked.message if self._asked is not None else why)
            else:
                self._wind_up(why)

    def _wind_up(self, message: str) -> None:
        """Record nothing more, and end once faces to blur are known; under the lock."""
        config = self._config
        if self._stopping or self._asked is not None:
            return
        if not (config.video and config.look.blur and self._taken):
            self._end(message)
            return
        due_s = self._clock() + AHEAD_S + SLACK_S
        self._asked = _Asked(message, self._time.last_s, due_s)

    def _end(self, message: str) -> None:
        """Take nothing more; under the lock."""
        if not self._stopping:
            self._stopping, self._message = True, message
            self._changed.notify()

    def join(self, limit_s: float = JOIN_S) -> bool:
        """Wait until the files are closed; False if that takes longer than the limit."""
        self._thread.join(limit_s)
        if self._thread.is_alive():
            log.warning("thread %s is late and left behind", self._thread.name)
        return not self._thread.is_alive()

    def status(self) -> RecorderStatus:
        """Say how it is going; from any thread."""
        with self._changed:
            return RecorderStatus(
                state=self._state,
                folder=self._folder,
                elapsed_s=self._elapsed_s(),
                paused=self._paused_s is not None,
                ending=self._stopping or self._asked is not None,
                frames=self._taken,
                seen=self._next_index,
                video_frames=self._video_frames,
                dropped=self._dropped,
                behind=self._clock() - self._dropped_at < BEHIND_S,
                markers=self._marked,
                part=self._part,
                free=self._free,
                message=self._message,
            )

    def _elapsed_s(self) -> float:
        if self._asked is not None:
            return self._asked.last_s
        if self._paused_s is not None:
            return self._paused_s
        return self._time.last_s if self._stopping else self._time.now()

    def _run(self) -> None:
        """The thread: open, write until told, close, say how it ended."""
        try:
            self._check_disk(self._config.start_free, "not started")
            about = self._about()
            folder = new_folder(self._root, datetime.now().astimezone(), about)
            with self._changed:
                self._folder = folder
            with self._files(folder, about) as files:
                with self._changed:
                    self._state = State.RECORDING
                log.info("recording to %s", folder)
                self._write_all(files)
                files.finish(self._ending())
            if self._taken:
                self._over(State.FINISHED)
            else:
                self._throw_away(folder)
        except FerError as error:
            self._fail(str(error))
        except Exception as error:
            log.exception("recording failed")
            self._fail(f"recording failed: {error}")

    def _about(self) -> dict[str, Any]:
        config = self._config
        look = config.look if config.video else None
        heard = "none"
        if self._sound is not None:
            heard = "file" if self._microphone is None else "microphone"
        about = about_session(self._info, self._analyzer, look, records=config.records, sound=heard)
        return about | config.who.about()

    def _files(self, folder: Path, about: Mapping[str, Any]) -> SessionFiles:
        config = self._config
        return SessionFiles(
            folder,
            self._info,
            about,
            look=config.look if config.video else None,
            records=config.records,
            landmarks=config.landmarks,
            limits=config.part,
            vocabulary=config_vocabulary(self._analyzer),
            sound=self._sound,
        )

    def _ending(self) -> dict[str, object]:
        """What `session.json` says of the end."""
        status = self.status()
        return {
            "stopped_because": status.message or "stopped by the user",
            "duration_s": round(status.elapsed_s, 3),
            "frames": status.frames,
            "frames_seen": status.seen,
            "frames_analysed": status.frames,
            "frames_dropped": status.seen - status.frames,
            "video_frames": status.video_frames,
            "video_frames_dropped": status.dropped,
        }

    def _write_all(self, files: SessionFiles) -> None:
        while True:
            with self._changed:
                if not (self._rows or self._frames or self._stopping):
                    self._changed.wait(LOOK_S)
                asked = self._asked
                if asked is not None and self._clock() >= asked.due_s:
                    self._end(asked.message)
                rows, self._rows = self._rows, deque()
                frame = self._frames.popleft() if self._frames else None
                done = self._stopping and not rows and frame is None
                self._changed.notify_all()  # there is room
            if done:
                return
            files.write_rows(rows)
            ahead = frame is not None and asked is not None and frame.frame.time_s > asked.last_s
            ahead = ahead or (frame is not None and frame.frame.time_s in self._only_looked)
            if frame is not None:
                (files.look_ahead if ahead else files.write_frame)(frame)
            with self._changed:
                self._video_frames += frame is not None and not ahead
                self._part = files.part
            self._look_at_disk()

    def _look_at_disk(self) -> None:
        now_s = self._clock()
        if now_s - self._looked_s < DISK_S:
            return
        self._looked_s = now_s
        try:
            self._check_disk(self._config.stop_free, "stopped before the disk is full")
        except SinkError as error:
            with self._changed:
                self._end(str(error))

    def _check_disk(self, least: int, why: str) -> None:
        free = self._free_at(self._folder or self._root)
        with self._changed:
            self._free = free
        if free < least:
            place = self._folder or self._root
            raise SinkError(
                f"{place}: recording {why}: {free / 1e6:,.0f} MB free, at least "
                f"{least / 1e6:,.0f} MB needed; make room or choose another folder"
            )

    def _throw_away(self, folder: Path) -> None:
        """Leave nothing of a recording into which no frame came."""
        why = self._message or "stopped before the first frame"
        try:
            shutil.rmtree(folder)
        except OSError as error:
            log.warning("%s: cannot be removed: %s", folder, error.strerror or error)
        with self._changed:
            self._folder = None
        self._fail(f"nothing was recorded: {why}")

    def _fail(self, message: str) -> None:
        with self._changed:
            self._stopping, self._message = True, message
        self._over(State.FAILED)

    def _over(self, state: State) -> None:
        with self._changed:
            self._state = state
            self._rows.clear()
            self._frames.clear()
