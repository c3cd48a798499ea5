"""What a recording is told at its start, and how it is doing."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from app.session.annotated import VideoConfig
from app.session.folder import PartLimits
from app.session.participant import Participant
from engine.config import AboveZero, Natural, checked, require
from engine.errors import ConfigError


class State(Enum):
    """Where a recording is in its life."""

    STARTING = "starting"
    RECORDING = "recording"
    FINISHED = "finished"
    FAILED = "failed"


@checked("recording")
class RecorderConfig:
    """What is recorded, and when to stop.

    Attributes:
        video: Record the video.
        records: Record a row for each face in each frame.
        landmarks: Rows hold the 68 landmarks too.
        sound: The video has the file's sound, or what a microphone gives.
        look: How the video looks.
        who: What is said of the people in it.
        device: What the analysis runs on; None where nobody knows yet.
        limit_s: Stop after this time, seconds; None records until told.
        part: When the recording goes on in other files.
        start_free: Bytes that must be free on the disk to start.
        stop_free: Bytes; with less, the recording ends before the disk is full.
    """

    video: bool = True
    records: bool = True
    landmarks: bool = False
    sound: bool = False
    look: VideoConfig = field(default_factory=VideoConfig)
    who: Participant = field(default_factory=Participant)
    device: str | None = None
    limit_s: AboveZero | None = None
    part: PartLimits = field(default_factory=PartLimits)
    start_free: Natural = 1_000_000_000
    stop_free: Natural = 250_000_000

    def __post_init__(self) -> None:
        if not (self.video or self.records):
            raise ConfigError("recording: nothing to record; choose video, records or both")
        enough = self.stop_free <= self.start_free
        require(self, "stop_free", enough, f"at most start_free ({self.start_free})")


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """A recording at one moment.

    Attributes:
        state: Where it is in its life.
        folder: Its folder; None until there is one.
        elapsed_s: The recording's time.
        paused: It takes nothing until it goes on.
        ending: It takes nothing more and will be over within seconds.
        frames: Frames taken: those that were analysed.
        seen: Frames that the source gave, those included that nobody had time to analyse.
        video_frames: Frames in the video.
        dropped: Frames left out of the video because encoding did not keep up.
        behind: True if that happened within the last seconds.
        markers: Markers set.
        part: Number of the part that is written, from 1.
        free: Bytes free on the disk; None before the first look.
        message: Why it ended by itself or failed, one line; else empty.
    """

    state: State
    folder: Path | None
    elapsed_s: float
    paused: bool
    ending: bool
    frames: int
    seen: int
    video_frames: int
    dropped: int
    behind: bool
    markers: int
    part: int
    free: int | None
    message: str

    @property
    def over(self) -> bool:
        """True once the files are closed."""
        return self.state in (State.FINISHED, State.FAILED)
