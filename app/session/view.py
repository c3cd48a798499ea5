"""What a window shows of the recording that runs, or ran last."""

from dataclasses import dataclass
from pathlib import Path

from app.session.options import RecordingOptions


@dataclass(frozen=True, slots=True)
class View:
    """A recording as a window shows it.

    Attributes:
        choice: What the user chose.
        recording: True from the start until the files are closed.
        paused: It is held, until it goes on or ends.
        ending: It records nothing more; the files are closed within seconds.
        can_start: True if a source gives frames and something is to be recorded.
        can_snapshot: True if there is a frame.
        elapsed_s: Of the recording that runs, or ran last.
        free: Bytes free where recordings go; None until that is known.
        behind: True while frames of the video are being left out.
        dropped: Frames of the video left out.
        seen: Frames that the source gave since the recording began.
        missed: Those of them that nobody had time to analyse: they have no rows.
        markers: Markers set in this recording.
        running: Keys whose markers have begun and not ended.
        part: Number of the part that is written, from 1.
        folder: That of the recording that runs, or ran last; None before the first.
        message: One line: what went wrong, or what was saved; may be empty.
        said: Messages so far: another number, and the message is new.
        failed: The message is of something that went wrong.
        unwritable: Why nothing can be written where recordings go; empty where it can.
    """

    choice: RecordingOptions
    recording: bool
    paused: bool
    ending: bool
    can_start: bool
    can_snapshot: bool
    elapsed_s: float
    free: int | None
    behind: bool
    dropped: int
    seen: int
    missed: int
    markers: int
    running: tuple[str, ...]
    part: int
    folder: Path | None
    message: str
    said: int
    failed: bool
    unwritable: str
