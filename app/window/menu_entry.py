"""The application in the desktop's menu: `fer-app --add-to-menu`, on Linux."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from engine.assets import asset_path
from engine.errors import ConfigError
from engine.files import write_text
from engine.folders import data_folder

ENTRY: Final = Path("applications", "fer-app.desktop")
ICON: Final = Path("icons", "hicolor", "scalable", "apps", "fer-live.svg")
_ESCAPED: Final = '"`$\\'  # inside quotes, says the Desktop Entry Specification


def data_home(platform: str = sys.platform) -> Path:
    """Say where the user's menu entries lie.

    Args:
        platform: As `sys.platform`.

    Raises:
        ConfigError: This system's menus are not made of files.
    """
    if platform != "linux":
        raise ConfigError("--add-to-menu: works on Linux; here make a shortcut to the command")
    return data_folder()


def command() -> tuple[str, ...]:
    """Give what starts the application, wherever it was started from."""
    program = Path(sys.executable).with_name("fer-app")
    return (str(program),) if program.exists() else (sys.executable, "-m", "app.window.desktop")


def add_to_menu(data: Path, starts: Sequence[str]) -> Path:
    """Write menu entry and icon; those that are there are replaced.

    Args:
        data: The folder of `data_home`.
        starts: The command and its arguments.

    Returns:
        The entry's file.

    Raises:
        SinkError: They cannot be written.
    """
    entry = asset_path("fer-app.desktop").read_text("utf-8")
    entry = entry.replace("Exec=fer-app", f"Exec={' '.join(_quoted(part) for part in starts)}")
    write_text(data / ICON, asset_path("fer-live.svg").read_text("utf-8"))
    write_text(data / ENTRY, entry)
    return data / ENTRY


def _quoted(part: str) -> str:
    inside = "".join(f"\\{c}" if c in _ESCAPED else c for c in part)
    # A backslash is written twice in every string of the file, and % begins a field code.
    return f'"{inside}"'.replace("\\", "\\\\").replace("%", "%%")
