"""Sound in the window: a file is heard as it plays, a microphone while it is recorded.

Qt Multimedia's sink and source only, which talk to the system's sound server; decoding is PyAV's
(docs/decisions/0028-sound.md). It is loaded when something is to be heard, not before.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from PyQt6.QtCore import QLoggingCategory, QObject, QTimer

from app.session.controller import RecordingController
from app.sources.player import Player
from app.window.playback import Playback
from engine.errors import FerError
from engine.types import Floats
from engine.video.sound import CHANNELS, RATE, SoundBlock, SoundReader

if TYPE_CHECKING:
    from PyQt6.QtCore import QIODevice
    from PyQt6.QtMultimedia import QAudioDevice, QAudioFormat, QAudioSink, QAudioSource

log = logging.getLogger(__name__)

LOOK_MS: Final = 40  # while something is heard
IDLE_MS: Final = 250  # else
OFF_S: Final = 0.2  # sound that is further from the picture than this is begun anew
BEGUN_MAX: Final = 6  # times within SILENT_S; more often, it is left silent for a while
SILENT_S: Final = 3.0
AHEAD_S: Final = 1.0  # that is decoded before it is heard
_FULL: Final = 32_767


class Speaker(Protocol):
    """What is heard through."""

    def room(self) -> int:
        """Say how many samples it takes now."""

    def waiting_s(self) -> float:
        """Say how long what it has will sound, seconds."""

    def play(self, samples: Floats) -> None:
        """Take (CHANNELS, N) float32."""

    def stop(self) -> None:
        """Forget what it has."""


class SoundAhead:
    """Decodes a file's sound a second ahead of what is heard, on a thread of its own."""

    def __init__(self, path: Path, origin_s: float) -> None:
        """Begin at the file's start.

        Args:
            path: The file.
            origin_s: As in `SourceInfo`.
        """
        self._path, self._origin_s = path, origin_s
        self._changed = threading.Condition()
        self._blocks: deque[SoundBlock] = deque()
        self._wanted_s: float | None = 0.0
        self._from_s = 0.0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="fer-sound", daemon=True)
        self._thread.start()

    def begin(self, time_s: float) -> None:
        """Decode from a time on, seconds of the file."""
        with self._changed:
            self._wanted_s = time_s
            self._blocks.clear()
            self._changed.notify()

    def take(self, samples: int) -> SoundBlock | None:
        """Give the next samples, so many at most; None where none are ready."""
        with self._changed:
            if not self._blocks:
                return None
            block = self._blocks.popleft()
            end_s = block.time_s + samples / RATE
            if block.end_s > end_s:
                self._blocks.appendleft(block.between(end_s, block.end_s))
                block = block.between(block.time_s, end_s)
            self._changed.notify()
            return block

    def close(self) -> None:
        """End the thread soon."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def join(self, limit_s: float) -> bool:
        """Wait for it, after `close`; False if it is late."""
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            reader = SoundReader(self._path, self._origin_s)
        except FerError as error:
            log.info("%s", error)
            return
        try:
            while self._step(reader):
                pass
        except Exception:
            log.exception("sound of %s", self._path.name)
        finally:
            reader.close()

    def _step(self, reader: SoundReader) -> bool:
        """Decode one block, or wait; False at the end."""
        with self._changed:
            full = self._blocks and self._blocks[-1].end_s - self._blocks[0].time_s > AHEAD_S
            while not self._closed and self._wanted_s is None and full:
                self._changed.wait(0.2)
                full = self._blocks and self._blocks[-1].end_s - self._blocks[0].time_s > AHEAD_S
            if self._closed:
                return False
            wanted_s, self._wanted_s = self._wanted_s, None
        if wanted_s is not None:
            reader.seek(wanted_s)
            self._from_s = wanted_s
        block = reader.read()
        with self._changed:
            if block is None:
                while not self._closed and self._wanted_s is None:
                    self._changed.wait(0.2)
            elif self._wanted_s is None and block.end_s > self._from_s:
                self._blocks.append(block.between(self._from_s, block.end_s))
        return True


def _pace(timer: QTimer, *, busy: bool) -> None:
    """Look more often while something is heard: an idle window costs nothing."""
    wanted = LOOK_MS if busy else IDLE_MS
    if timer.interval() != wanted:
        timer.setInterval(wanted)


class SoundOfFile(QObject):
    """Lets a file be heard while it plays at its own speed, in step with the picture."""

    def __init__(
        self, playback: Playback, on: Callable[[], bool], speaker: Callable[[], Speaker | None]
    ) -> None:
        """Look at the file from now on.

        Args:
            playback: Knows what plays.
            on: Says whether anything is to be heard.
            speaker: Makes what is heard through; None where the system has nothing.
        """
        super().__init__(playback)
        self._playback, self._on, self._make = playback, on, speaker
        self._speaker: Speaker | None = None
        self._ahead: SoundAhead | None = None
        self._of: Player | None = None
        self._asked = False  # for a loudspeaker, where there is none
        self._begun: deque[float] = deque(maxlen=BEGUN_MAX)  # when sound was begun anew
        self._next_s: float | None = None  # of the file: what the speaker gets next
        self._timer = QTimer(self)
        self._timer.setInterval(IDLE_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    @property
    def heard_s(self) -> float | None:
        """Time of the file that is heard now; None in silence."""
        if self._next_s is None or self._speaker is None:
            return None
        return self._next_s - self._speaker.waiting_s()

    def look(self) -> None:
        """Give the speaker what it has room for."""
        self._look()
        _pace(self._timer, busy=self._next_s is not None)

    def _look(self) -> None:
        player = self._playback.player
        if player is not self._of:
            self._leave()
            self._of, self._asked = player, False
        heard = player is not None and player.info.has_audio and player.info.path is not None
        if not heard or player is None or not self._on():
            self._hush()
            return
        if not player.playing or player.speed != 1.0:
            self._hush()
            return
        self._follow(player)

    def _follow(self, player: Player) -> None:
        if self._speaker is None and not self._asked:
            self._asked = True  # once for each source: looking takes a tenth of a second
            self._speaker = self._make()
        path = player.info.path
        if self._speaker is None or path is None:
            return
        if self._ahead is None:
            self._ahead = SoundAhead(path, player.info.origin_s)
        heard_s = self.heard_s
        if heard_s is None or abs(heard_s - player.position_s) > OFF_S:
            now_s = time.monotonic()
            if len(self._begun) == BEGUN_MAX and now_s - self._begun[0] < SILENT_S:
                self._hush()  # the picture does not keep its pace: sound would only stutter
                return
            self._begun.append(now_s)
            self._speaker.stop()
            self._next_s = player.position_s
            self._ahead.begin(player.position_s)
            return
        while (room := self._speaker.room()) > 0 and (block := self._ahead.take(room)) is not None:
            self._speaker.play(block.samples)
            self._next_s = block.end_s

    def _hush(self) -> None:
        if self._next_s is not None and self._speaker is not None:
            self._speaker.stop()
        self._next_s = None

    def _leave(self) -> None:
        self._hush()
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def close(self) -> None:
        """Be silent, and end the thread."""
        self._timer.stop()
        ahead = self._ahead
        self._leave()
        if ahead is not None and not ahead.join(1.0):
            log.warning("thread fer-sound is late and left behind")


def _format() -> "QAudioFormat":
    from PyQt6.QtMultimedia import QAudioFormat

    made = QAudioFormat()
    made.setSampleRate(RATE)
    made.setChannelCount(CHANNELS)
    made.setSampleFormat(QAudioFormat.SampleFormat.Int16)
    return made


def _hush_qt() -> None:
    """Leave it to this program to say that there is no sound; Qt names libraries that it tried."""
    QLoggingCategory.setFilterRules("qt.multimedia*=false")


class SystemSpeaker:
    """The system's own loudspeaker."""

    def __init__(self, sink: "QAudioSink") -> None:
        """Take what Qt gives."""
        self._sink = sink
        self._device: QIODevice | None = None

    @classmethod
    def open(cls) -> "SystemSpeaker | None":
        """Give it; None where there is none."""
        _hush_qt()
        from PyQt6.QtMultimedia import QAudioSink, QMediaDevices

        device = QMediaDevices.defaultAudioOutput()
        if device.isNull() or not device.isFormatSupported(_format()):
            log.info("no sound: the system has no loudspeaker")
            return None
        sink = QAudioSink(device, _format())
        sink.setBufferSize(round(0.2 * RATE) * 2 * CHANNELS)
        return cls(sink)

    def room(self) -> int:
        """Say how many samples it takes now."""
        if self._device is None:
            self._device = self._sink.start()
        return self._sink.bytesFree() // (2 * CHANNELS)

    def waiting_s(self) -> float:
        """Say how long what it has will sound, seconds."""
        if self._device is None:
            return 0.0
        waiting = self._sink.bufferSize() - self._sink.bytesFree()
        return max(0, waiting) / (2 * CHANNELS * RATE)

    def play(self, samples: Floats) -> None:
        """Take (CHANNELS, N) float32."""
        if self._device is not None:
            whole = (np.clip(samples, -1, 1) * _FULL).astype("<i2")
            self._device.write(np.ascontiguousarray(whole.T).tobytes())

    def stop(self) -> None:
        """Forget what it has."""
        self._sink.reset()
        self._device = None


def _microphone() -> "QAudioDevice | None":
    """Give the system's own; None where there is none that can be used."""
    _hush_qt()
    from PyQt6.QtMultimedia import QMediaDevices

    device = QMediaDevices.defaultAudioInput()
    return None if device.isNull() or not device.isFormatSupported(_format()) else device


class Microphone(QObject):
    """Hands what the system's microphone hears to a recording, and listens only for that."""

    def __init__(self, controller: RecordingController) -> None:
        """Look from now on whether a recording wants it; tell its controller if there is one."""
        super().__init__()
        self._controller = controller
        controller.microphone = lambda: _microphone() is not None
        self._source: QAudioSource | None = None
        self._device: QIODevice | None = None
        self._asked = False
        self._timer = QTimer(self)
        self._timer.setInterval(IDLE_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> None:
        """Begin to listen, hand on what was heard, or stop."""
        self._look()
        _pace(self._timer, busy=self._device is not None)

    def _look(self) -> None:
        if not self._controller.wants_microphone:
            self.close()
            self._asked = False
        elif self._device is not None:
            self._hand_on(self._device)
        elif not self._asked:
            self._asked = True
            self._begin()

    def _begin(self) -> None:
        from PyQt6.QtMultimedia import QAudioSource

        device = _microphone()
        if device is None:
            return
        self._source = QAudioSource(device, _format())
        self._device = self._source.start()

    def _hand_on(self, device: "QIODevice") -> None:
        content = bytes(device.readAll().data())
        whole = np.frombuffer(content[: len(content) // 4 * 4], "<i2").reshape(-1, CHANNELS)
        if len(whole):
            self._controller.hear(np.ascontiguousarray(whole.T, np.float32) / np.float32(_FULL))

    def close(self) -> None:
        """Stop listening."""
        if self._source is not None:
            self._source.stop()
        self._source = self._device = None
