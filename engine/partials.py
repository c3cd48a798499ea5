"""What is not complete lies in a hidden folder beside its place, locked while its run lives.

Nobody can guess the folder's name, and it is made so that it is new: whoever may write beside it
cannot have put a link or another file there before. A run that is killed leaves its folder; the
next one that writes to the same place sees that nobody holds the lock, and removes it.
"""

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from socket import gethostname
from typing import Final

from engine.signals import UNFINISHED

if sys.platform == "win32":
    import msvcrt

    _HELD: Final = PermissionError

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    _HELD: Final = BlockingIOError

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


NAME_MAX: Final = 255  # bytes that file systems allow in a name
LOCK: Final = "fer-live.lock"
AGE_S: Final = 7 * 24 * 3600.0  # after which another host's folder counts as left behind
_TRIES: Final = 20
_NAME: Final = re.compile(r"\..*\.(?P<host>[0-9a-f]{8})-[0-9a-f]{16}\.partial", re.DOTALL)


class Partial:
    """A place to write to beside a target; this process alone knows and removes it.

    Attributes:
        folder: Hidden; gone after `discard`.
        path: In it; not made yet.
    """

    def __init__(self, target: Path, name: str = "") -> None:
        """Make the folder, and remove those that killed runs left beside it.

        Args:
            target: What `path` shall be moved to.
            name: Of `path`, if not the target's.

        Raises:
            OSError: It cannot be made.
        """
        for _ in range(_TRIES):
            # Another name each time: who took the folder before removes what is called so.
            self.folder = target.with_name(_name(target.stem))
            self.path = self.folder / (name or target.name)
            UNFINISHED[self] = os.getpid()  # before there is anything: a signal may come any moment
            try:
                file = _claim(self.folder)
            except BaseException:
                del UNFINISHED[self]
                raise
            if file is not None:
                break
        else:
            del UNFINISHED[self]
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.folder))
        self._file = file
        sweep(target.parent, now_s=self.folder.stat().st_mtime)

    def discard(self) -> None:
        """Remove the folder with all that is in it; further calls do nothing."""
        if self in UNFINISHED:
            shutil.rmtree(self.folder, ignore_errors=True)
            if UNFINISHED.pop(self, None) is not None:
                os.close(self._file)
                # Where an open file stays, or there was no number left for another open file.
                _remove(self.folder, self.path)


def sweep(parent: Path, *, now_s: float | None = None) -> None:
    """Remove what killed runs have left in a folder.

    Of this host, what nobody holds the lock of; of others, whose locks may not be seen from here,
    and where there are no locks, what nobody has touched for seven days. Never a link, nor
    anything that merely has such a name.

    Args:
        parent: The folder.
        now_s: By the clock of the disk that the folder lies on; by this host's otherwise.
    """
    for folder, host in _partials(parent):
        with suppress(OSError):  # somebody else's, or gone meanwhile
            if host == _host() and _is_empty(folder):
                folder.rmdir()  # killed in its first moment
            elif stat.S_ISREG((folder / LOCK).lstat().st_mode):
                _remove_if_left(folder, host, time.time() if now_s is None else now_s)


def is_being_written(target: Path) -> bool:
    """Say whether a run that lives, this one or another one, writes to this file."""
    with suppress(OSError):  # a folder that only others may look into
        return any(
            (folder / target.name).exists() and _is_held(folder)
            for folder, _ in _partials(target.parent)
        )
    return False


def _claim(folder: Path) -> int | None:
    """Make a folder with a lock in it that this process holds; give the lock's open file.

    None where another run took the new folder for one that was left, and removes it.
    """
    folder.mkdir(mode=0o700)
    try:
        return _make_lock(folder / LOCK)
    except BaseException:
        _remove(folder)
        raise


def _remove(folder: Path, path: Path | None = None) -> None:
    """Remove a folder of ours, also where no file can be opened, as removing a tree does."""
    shutil.rmtree(folder, ignore_errors=True)
    names = [LOCK] if path is None else [path.name, LOCK]
    with suppress(OSError):
        names += [inside.name for inside in folder.iterdir()]
    for name in names:
        with suppress(OSError):
            (folder / name).unlink()
    with suppress(OSError):
        folder.rmdir()


def _make_lock(path: Path) -> int | None:
    """Make and hold a lock; None where another run took the new folder for one that was left."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileNotFoundError:
        return None
    try:
        _lock(file)
        gone = os.name == "posix" and os.fstat(file).st_nlink == 0
    except _HELD:
        gone = True
    except OSError:  # no locks here: others leave it alone for seven days
        gone = False
    if gone:
        os.close(file)
    return None if gone else file


def _name(stem: str) -> str:
    tail = f".{_host()}-{secrets.token_hex(8)}.partial"
    room = NAME_MAX - 1 - len(tail)
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return f".{stem}{tail}"


def _host() -> str:
    """Tell this host from others, without its name."""
    return hashlib.sha256(gethostname().encode()).hexdigest()[:8]


def _partials(parent: Path) -> list[tuple[Path, str]]:
    """List the folders that are named as ours are, each with its host."""
    found = []
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            named = _NAME.fullmatch(entry.name)
            if named and entry.is_dir(follow_symlinks=False):
                found.append((Path(entry.path), named["host"]))
    return found


def _is_empty(folder: Path) -> bool:
    return next(folder.iterdir(), None) is None


def _take(folder: Path) -> int:
    """Hold the lock that is there; give its open file."""
    file = os.open(folder / LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        _lock(file)
    except BaseException:
        os.close(file)
        raise
    return file


def _is_held(folder: Path) -> bool:
    try:
        os.close(_take(folder))
    except _HELD:
        return True
    except OSError:
        return False
    return False


def _remove_if_left(folder: Path, host: str, now_s: float) -> None:
    if host == _host():
        try:
            file = _take(folder)
        except _HELD:
            return
        except OSError:  # no locks here
            pass
        else:
            shutil.rmtree(folder, ignore_errors=os.name != "posix")
            os.close(file)  # after the rest, so that nobody else begins to remove it
            shutil.rmtree(folder, ignore_errors=True)
            return
    touched_s = max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
    if now_s - touched_s > AGE_S:
        shutil.rmtree(folder)
