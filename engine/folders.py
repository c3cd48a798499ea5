"""Where this user's files lie, as each system has it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from platformdirs import PlatformDirs

from engine.errors import SinkError

NAME: Final = "fer-live"


def cache_folder() -> Path:
    """Give the folder of files that only this user may write; it may be emptied at any time.

    Raises:
        SinkError: This user has no home.
    """
    return _known(lambda: PlatformDirs(NAME, appauthor=False).user_cache_path)


def config_folder() -> Path:
    """Give the folder of the user's settings.

    Raises:
        SinkError: This user has no home.
    """
    return _known(lambda: PlatformDirs(NAME, appauthor=False, roaming=True).user_config_path)


def data_folder() -> Path:
    """Give the folder that the programs of this user share, such as menu entries.

    Raises:
        SinkError: This user has no home.
    """
    return _known(lambda: PlatformDirs().user_data_path)


def recordings_folder() -> Path:
    """Give the folder that recordings go to unless the user names another: one easily found.

    Raises:
        SinkError: This user has no home.
    """
    return _known(lambda: Path("~", NAME))


def _known(find: Callable[[], Path]) -> Path:
    try:
        return find().expanduser()  # platformdirs leaves a ~, or raises, as `Path` does
    except RuntimeError as error:
        raise SinkError("the user's home folder is unknown; set HOME") from error
