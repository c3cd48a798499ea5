"""Outputs that appear under their name only when they are complete, or from the first byte on."""

from collections.abc import Collection
from pathlib import Path

from engine.errors import ConfigError, SinkError


class PartialFile:
    """A temporary file beside its target, renamed onto it by `commit`.

    Attributes:
        target: Where the file shall lie in the end.
        path: Where it is written until then; hidden, with the target's ending.
    """

    def __init__(self, target: Path, *, endings: Collection[str], overwrite: bool) -> None:
        """Check the target and create the temporary file.

        Raises:
            ConfigError: The ending is none of `endings`.
            SinkError: The target exists and may not be replaced, or nothing can be written there.
        """
        _check(target, endings, overwrite)
        self.target = target
        self.path = self._path()
        try:
            self.path.write_bytes(b"")
        except OSError as error:
            raise self.failed(error) from error

    def _path(self) -> Path:
        return self.target.with_name(f".{self.target.stem}.partial{self.target.suffix}")

    def failed(self, error: Exception) -> SinkError:
        """The error that says why writing the target failed."""
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return SinkError(f"{self.target}: cannot be written: {why}")

    def write(self, content: str | bytes) -> None:
        """Write all there is to write, text as UTF-8, and put the file in its place.

        Raises:
            SinkError: The system refuses; nothing is left of it.
        """
        try:
            if isinstance(content, str):
                self.path.write_text(content, "utf-8")
            else:
                self.path.write_bytes(content)
        except OSError as error:
            self.discard()
            raise self.failed(error) from error
        self.commit()

    def commit(self) -> None:
        """Put the finished file in its place.

        Raises:
            SinkError: The system refuses.
        """
        try:
            self.path.replace(self.target)
        except OSError as error:
            self.discard()
            raise self.failed(error) from error

    def discard(self) -> None:
        """Remove the temporary file, if it is there."""
        self.path.unlink(missing_ok=True)


class GrowingFile(PartialFile):
    """A file that has its name from the start, so that a kill leaves what was written."""

    def _path(self) -> Path:
        return self.target

    def commit(self) -> None:
        """Do nothing: the file is in its place."""

    def discard(self) -> None:
        """Keep what was written; remove the file only if that is nothing."""
        try:
            if self.path.stat().st_size == 0:
                self.path.unlink()
        except FileNotFoundError:
            pass


def open_target(
    target: Path, *, endings: Collection[str], overwrite: bool, growing: bool
) -> PartialFile:
    """Make the file that an output is written to.

    Args:
        target: Where it shall lie.
        endings: Those allowed.
        overwrite: Replace a file that exists.
        growing: Give it its name from the start.

    Raises:
        ConfigError: The ending is none of `endings`.
        SinkError: The target exists and may not be replaced, or nothing can be written there.
    """
    kind = GrowingFile if growing else PartialFile
    return kind(target, endings=endings, overwrite=overwrite)


def _check(target: Path, endings: Collection[str], overwrite: bool) -> None:
    if target.suffix.lower() not in endings:
        known = ", ".join(endings)
        raise ConfigError(f"{target}: unknown ending; known here: {known}")
    if target.is_dir():
        raise SinkError(f"{target}: is a folder; name a file")
    if not target.parent.is_dir():
        raise SinkError(f"{target}: folder {target.parent} does not exist; create it first")
    if target.exists() and not overwrite:
        raise SinkError(f"{target}: exists already; use --overwrite or another name")
