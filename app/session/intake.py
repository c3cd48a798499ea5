"""What comes into a recording: frames, markers, sound, and the wish to pause or to end it.

From any thread, under one lock; one thread takes it out again and writes. If that does not keep up
with a live source, frames of the video are left out and counted, rows and markers never are; a file
waits. Where faces are blurred, the second after the end is looked at too.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from app.session.clock import RecordingClock
from app.session.folder import Marker, Phase
from app.session.naming import NamedFaces
from app.session.recording import RecorderConfig
from app.session.sound import FileSound, LiveSound, Sound, SoundCut
from engine.faces.blur import AHEAD_S
from engine.types import Analysis, Floats, Frame
from engine.video.opening import SourceInfo
from engine.wording import Words

FRAMES_WAITING: Final = 16  # pictures in memory: 44 MB at 720p
ROWS_WAITING: Final = 20_000  # frames' rows in memory: ten minutes of a disk that does not answer
LOOK_S: Final = 0.2  # how often the thread looks up without work
BEHIND_S: Final = 5.0  # a frame left out within this time means that it does not keep up
SLACK_S: Final = 0.5  # more than that, no frame is waited for at the end
_NO_IMAGE: Final = np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The end was asked for: what it says, where it is, and when it comes at the latest."""

    message: str
    last_s: float
    due_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What is to be written next.

    Attributes:
        rows: In order.
        frame: With its picture; None where there is none.
        ahead: That is only looked at, for faces that were there before.
    """

    rows: deque[Analysis | Marker | SoundCut | NamedFaces]
    frame: Analysis | None
    ahead: bool


class Intake:
    """Takes what is to be recorded; the recorder, which is one, takes it out and writes it."""

    def __init__(
        self,
        place: Path,
        info: SourceInfo,
        config: RecorderConfig,
        *,
        first: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing.

        Args:
            place: Where the recording goes.
            info: The source.
            config: What to record.
            first: Index of the source's first frame to record; those before are left out.
            clock: Gives seconds.
        """
        self._place, self._info, self._config = place, info, config
        self._first, self._clock = first, clock
        self._time = RecordingClock(live=info.live, clock=clock)
        self._changed = threading.Condition()
        self._rows: deque[Analysis | Marker | SoundCut | NamedFaces] = deque()
        self._frames: deque[Analysis] = deque()
        self._stopping = False
        self._asked: _Asked | None = None
        self._paused_s: float | None = None  # time of the recording at which it is paused
        self._only_looked: set[float] = set()  # times of frames that are looked at, not recorded
        self._resumed = False
        self._running: dict[tuple[str, str], float] = {}  # markers that last: when they began
        self._microphone: LiveSound | None = None
        self._sound = self._make_sound()
        self._message = ""
        self._first_index = self._next_index = 0
        self._taken = self._dropped = self._marked = self._faceless = 0
        self._dropped_at = -BEHIND_S

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
            self._put(replace(analysis, frame=Frame(index, time_s, analysis.frame.picture)))
            self._taken += 1
            self._faceless += not analysis.tracks
            self._next_index = index + 1
            self._resumed = False
            limit_s = self._config.limit_s
            if limit_s is not None and time_s >= limit_s:
                self._wind_up(Words("stopped after {limit:g} s, as asked", limit=limit_s))
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
            frame = Frame(analysis.frame.index, time_s, analysis.frame.picture)
            self._frames.append(replace(analysis, frame=frame))
            self._changed.notify()

    def _wait_paused(self, analysis: Analysis, time_s: float, paused_s: float) -> None:
        """Stand still; where faces are blurred, look first who was there; under the lock."""
        look_on = self._config.video and self._config.look.blur
        if look_on and time_s <= paused_s + AHEAD_S and not self._time.jumped:
            if len(self._frames) < FRAMES_WAITING:
                frame = Frame(analysis.frame.index, time_s, analysis.frame.picture)
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
            looked_s = self._time.last_s - self._paused_s  # after the pause, for who was there
            passed_s = looked_s + self._time.go_on()
            self._paused_s, self._resumed = None, True
            self._note(Marker(self._time.last_s, f"went on after {passed_s:.1f} s"))
            self._changed.notify()

    def _put(self, analysis: Analysis) -> None:
        """Queue a frame's rows, and its picture if there is room; under the lock."""
        if self._config.records:
            bare = replace(analysis, frame=replace(analysis.frame, picture=_NO_IMAGE))
            self._rows.append(bare)
            if len(self._rows) > ROWS_WAITING:
                self._end(f"{self._place}: the disk does not answer")
        if self._config.video:
            if len(self._frames) < FRAMES_WAITING:
                self._frames.append(analysis)
            else:
                self._dropped += 1
                self._dropped_at = self._clock()

    def mark(
        self, text: str, key: str = "", phase: Phase = "", at_s: float | None = None
    ) -> Marker | None:
        """Set a marker; None if the recording is over, or what ends never began.

        Args:
            text: What it says.
            key: What it was set with.
            phase: Of one that lasts.
            at_s: When, by the clock; None for this moment.
        """
        with self._changed:
            if self._stopping or self._asked is not None:
                return None
            time_s = self._time.now() if at_s is None else self._time.at(at_s)
            marker = Marker(time_s, " ".join(text.split()), key, phase=phase)
            if phase == "end":
                begun_s = self._running.pop((marker.key, marker.text), None)
                if begun_s is None:
                    return None
                marker = replace(marker, time_s=max(marker.time_s, begun_s))
            elif phase == "begin":
                self._running[marker.key, marker.text] = marker.time_s
            self._note(marker)
            self._changed.notify()
            return marker

    def _end_markers(self) -> None:
        """End the markers that still last, with the last frame; under the lock."""
        for (key, text), begun_s in self._running.items():
            self._rows.append(Marker(max(self._time.last_s, begun_s), text, key, phase="end"))
        self._running.clear()

    def name_faces(self, named: NamedFaces) -> None:
        """Keep what the faces are called from now on; from any thread."""
        with self._changed:
            self._rows.append(named)
            self._changed.notify()

    @property
    def wants_microphone(self) -> bool:
        """True where what a microphone gives is recorded."""
        return self._microphone is not None

    def hear(self, samples: Floats) -> None:
        """Take what a microphone gave just now, (2, N) float32 of 48 kHz; from any thread."""
        with self._changed:
            if self._microphone is not None and self._taken and not self._stopping:
                self._microphone.add(samples, self._time.now())

    def _note(self, marker: Marker) -> None:
        self._rows.append(marker)
        self._marked += marker.phase != "end"

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
        self._end_markers()
        if not (config.video and config.look.blur and self._taken):
            self._end(message)
            return
        due_s = self._clock() + AHEAD_S + SLACK_S
        self._asked = _Asked(message, self._time.last_s, due_s)

    def _end(self, message: str) -> None:
        """Take nothing more; under the lock."""
        if not self._stopping:
            self._end_markers()
            self._stopping, self._message = True, message
            self._changed.notify()

    def _take(self) -> Taken | None:
        """Wait a moment for what comes in; None once it is to end and all was taken."""
        with self._changed:
            if not (self._rows or self._frames or self._stopping):
                self._changed.wait(LOOK_S)
            asked = self._asked
            if asked is not None and self._clock() >= asked.due_s:
                self._end(asked.message)
            rows, self._rows = self._rows, deque()
            frame = self._frames.popleft() if self._frames else None
            self._changed.notify_all()  # there is room
            if self._stopping and not rows and frame is None:
                return None
            time_s = frame.frame.time_s if frame is not None else 0.0
            ahead = time_s in self._only_looked or (asked is not None and time_s > asked.last_s)
            return Taken(rows, frame, frame is not None and ahead)

    def _is_behind(self) -> bool:
        return self._clock() - self._dropped_at < BEHIND_S

    def _elapsed_s(self) -> float:
        """Give the recording's time."""
        if self._asked is not None:
            return self._asked.last_s
        if self._paused_s is not None:
            return self._paused_s
        return self._time.last_s if self._stopping else self._time.now()
