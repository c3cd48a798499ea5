"""Whether the last recording was finished: a kill or a power cut leaves one that was not."""

import time
from pathlib import Path
from typing import Final

from app.session.folder import ABOUT, read_about
from engine.errors import FerError

WRITTEN_S: Final = 10.0  # one that was written to since then may be another window's


def unfinished(root: Path) -> Path | None:
    """Give the folder of the last recording, if it was begun and never finished.

    Args:
        root: What recordings lie in. Not for a window's thread: a disk can be slow.
    """
    try:
        folders = [path for path in root.iterdir() if (path / ABOUT).is_file()]
        last = max(folders, key=lambda path: path.name, default=None)
        if last is None or read_about(last).get("state") != "recording":
            return None
        written_s = max(path.stat().st_mtime for path in last.iterdir())
    except (OSError, FerError):  # there is nothing to look at
        return None
    return last if time.time() - written_s > WRITTEN_S else None
