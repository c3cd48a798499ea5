"""What the user chose to record."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.session.folder import PartLimits

KEYS: Final = ("F5", "F6", "F7", "F8")
TEXTS: Final = ("stimulus on", "stimulus off", "question", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOptions:
    """What the user chose to record.

    Attributes:
        root: Where recordings go.
        video: Record the video.
        records: Record the rows.
        annotate: Draw boxes and labels into video and snapshots.
        clean: Record a second video on which nothing is drawn.
        timeline: Draw the strip of valence and arousal and the class bars as well.
        blur: Make faces unrecognisable in video and snapshots.
        blur_whole: Where they are blurred, blur all of a frame that may hold one nobody found.
        sound: Record sound too: that of the file, or the microphone's.
        sheet: Ask who is recorded before each recording.
        limit_s: Stop after this time, seconds; None records until told.
        part: When a recording goes on in other files.
        texts: What the markers of `KEYS` say.
    """

    root: Path
    video: bool = True
    records: bool = True
    annotate: bool = True
    clean: bool = False
    timeline: bool = True
    blur: bool = False
    blur_whole: bool = False
    sound: bool = False
    sheet: bool = False
    limit_s: float | None = None
    part: PartLimits = field(default_factory=PartLimits)
    texts: tuple[str, ...] = TEXTS
