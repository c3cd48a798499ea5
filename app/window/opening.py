"""What is meant by files that were dropped or chosen: something to look at, or a recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.session.folder import ABOUT
from app.sources.choice import Choice

TABLES: Final = frozenset({".csv", ".jsonl", ".ndjson", ".parquet"})  # of rows, for a review
# Endings that the engine's decoder reads and that are common; "All files" shows the rest.
VIDEOS: Final = (
    *("mp4", "mkv", "mov", "avi", "webm", "m4v", "mpg", "mpeg", "ts", "mts", "m2ts", "wmv"),
    *("3gp", "asf", "flv", "mjpeg", "mjpg", "mxf", "ogv", "vob", "y4m", "h264", "hevc"),
)


@dataclass(frozen=True, slots=True)
class Opened:
    """What is to be opened.

    Attributes:
        choice: A source; None for a recording.
        review: A recording's folder or table; None for a source.
        video: The video that belongs to a table; None if there is none.
        left: Names of files that are not opened, since one thing is shown at a time.
    """

    choice: Choice | None = None
    review: Path | None = None
    video: Path | None = None
    left: tuple[str, ...] = ()


def meant_by(names: Sequence[str]) -> Opened:
    """Say what is meant by one file or folder, or by several together."""
    paths = [Path(name) for name in names]
    recordings = [path for path in paths if is_recording(path)]
    if recordings:
        first = recordings[0]
        others = [path for path in paths if path is not first]
        videos = [path for path in others if path.suffix.lower().lstrip(".") in VIDEOS]
        video = videos[0] if videos and not first.is_dir() else None
        left = tuple(path.name for path in others if path is not video)
        folder = first.parent if first.name == ABOUT else first
        return Opened(review=_whole(folder), video=video, left=left)
    choice = Choice(kind="file", name=str(paths[0]))
    return Opened(choice=choice, left=tuple(path.name for path in paths[1:]))


def is_recording(path: Path) -> bool:
    """Say whether a path is a recording's folder, or a file of it, or a table of rows."""
    if path.name == ABOUT:
        return True
    return path.suffix.lower() in TABLES or (path / ABOUT).is_file()


def _whole(path: Path) -> Path:
    """Give the folder of a recording for its own table."""
    own = path.suffix == ".csv" and path.name.startswith("records")
    return path.parent if own and (path.parent / ABOUT).is_file() else path
