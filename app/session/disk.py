"""The room for recordings: whether there is any, and how much."""

import os
import shutil
from pathlib import Path

from engine.errors import SinkError
from engine.wording import Words


def free_bytes(path: Path) -> int:
    """Give the bytes that may still be written where `path`, or what it will lie in, is.

    Raises:
        SinkError: Nothing can be written there, or the system does not say.
    """
    place = next((p for p in (path, *path.absolute().parents) if p.exists()), path)
    try:
        usage = shutil.disk_usage(place)
    except OSError as error:
        raise SinkError(f"{path}: cannot be written: {error.strerror or error}") from error
    if not place.is_dir():
        raise SinkError(f"{path}: cannot be written: {place} is no folder; choose another folder")
    if hasattr(os, "statvfs") and os.statvfs(place).f_flag & os.ST_RDONLY:
        raise SinkError(f"{path}: cannot be written: the disk is read-only; choose another folder")
    if usage.total == 0 or not os.access(place, os.W_OK | os.X_OK):  # /proc, a mounted image
        raise SinkError(f"{path}: cannot be written: no permission; choose another folder")
    return usage.free


def shown_bytes(count: int) -> str:
    """Give a number of bytes in words, in the units that disks are sold in: ``12.3 GB``."""
    if count >= 1e9:
        return Words("{count:,.1f} GB", count=count / 1e9)
    return Words("{count:,.0f} MB", count=count / 1e6)
