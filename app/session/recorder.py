"""Records a running session into a folder, on a thread of its own, so that nobody waits for it.

    recorder = Recorder(root, source.info, analyzer_config, RecorderConfig())
    recorder.add(analysis)                    # every analysis, in order; never waits
    recorder.mark("stimulus on", key="F5")    # now
    recorder.status()                         # for the window, a few times a second
    recorder.stop()                           # returns at once
    recorder.join()                           # waits until the files are finished

What comes in is taken by `app/session/intake.py`. What the folder holds is in
`app/session/folder.py`; all of it survives a kill.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from app.session.about import about_session
from app.session.disk import free_bytes
from app.session.files import SessionFiles
from app.session.folder import new_folder
from app.session.intake import Intake
from app.session.recording import RecorderConfig, RecorderStatus, State
from engine.analyze import AnalyzerConfig, config_vocabulary
from engine.errors import FerError, SinkError
from engine.origin import Origin, completed
from engine.video.opening import SourceInfo
from engine.wording import Words

log = logging.getLogger(__name__)

DISK_S: Final = 1.0  # between two looks at the free space
JOIN_S: Final = 10.0


class Recorder(Intake):
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
        super().__init__(root, info, config, first=first, clock=clock)
        self._root, self._analyzer, self._free_at = root, analyzer, free
        self._state = State.STARTING
        self._origin: Origin = {}
        self._folder: Path | None = None
        self._free: int | None = None
        self._video_frames, self._part = 0, 1
        self._looked_s = -DISK_S
        self._thread = threading.Thread(target=self._run, name="fer-recorder", daemon=True)
        self._thread.start()

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
                behind=self._is_behind(),
                markers=self._marked,
                part=self._part,
                free=self._free,
                message=self._message,
            )

    def _run(self) -> None:
        """The thread: open, write until told, close, say how it ended."""
        try:
            self._check_disk(self._config.start_free, "not started")
            about = self._about()
            self._origin = about["provenance"]
            folder = new_folder(self._root, datetime.now().astimezone(), about)
            with self._changed:
                self._folder = self._place = folder
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
        counts = {"seen": status.seen, "analysed": status.frames, "faceless": self._faceless}
        counts["dropped"] = status.seen - status.frames
        read_in = self._origin["networks"][-1]["precision"]
        ended = completed(
            self._origin, device=self._config.device, precision=read_in, frames=counts
        )
        return {
            "provenance": ended,
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
        while (taken := self._take()) is not None:
            files.write_rows(taken.rows)
            if taken.frame is not None:
                (files.look_ahead if taken.ahead else files.write_frame)(taken.frame)
            with self._changed:
                self._video_frames += taken.frame is not None and not taken.ahead
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
        free = self._free_at(self._place)
        with self._changed:
            self._free = free
        if free < least:
            raise SinkError(
                f"{self._place}: recording {why}: {free / 1e6:,.0f} MB free, at least "
                f"{least / 1e6:,.0f} MB needed; make room or choose another folder"
            )

    def _throw_away(self, folder: Path) -> None:
        """Leave nothing of a recording into which no frame came."""
        why = self._message or Words("stopped before the first frame")
        try:
            shutil.rmtree(folder)
        except OSError as error:
            log.warning("%s: cannot be removed: %s", folder, error.strerror or error)
        with self._changed:
            self._folder = None
        self._fail(Words("nothing was recorded: {why}", why=why))

    def _fail(self, message: str) -> None:
        with self._changed:
            self._stopping, self._message = True, message
        self._over(State.FAILED)

    def _over(self, state: State) -> None:
        with self._changed:
            self._state = state
            self._rows.clear()
            self._frames.clear()
