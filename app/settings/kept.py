"""The settings' file while the program runs: what is kept in it, and what is not."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from app.settings.settings import Settings, save_settings, values_of
from app.sources.choice import Choice
from engine.errors import FerError

RECENT: Final = 5  # sources that are remembered


class SettingsFile:
    """Saves settings, but not what was asked for this time only.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, asked: Settings, stored: Settings | None = None) -> None:
        """Keep nothing yet.

        Args:
            path: The file.
            asked: The settings that the program began with.
            stored: What the file holds, where those differ from it for this time only.
        """
        self.path = path
        self._asked, self._stored = values_of(asked), values_of(stored or asked)

    def save(self, settings: Settings) -> str:
        """Save settings; say in one line why that failed, empty if it did not."""
        now, asked, stored = values_of(settings), self._asked, self._stored
        kept = {n: stored[n] if now[n] == asked[n] != stored[n] else now[n] for n in now}
        try:
            save_settings(self.path, Settings(**kept))
        except FerError as error:
            return str(error)
        return ""


def with_recent(settings: Settings, choice: Choice) -> Settings:
    """Remember a source that is opened, unless its address may hold a password."""
    if choice.kind == "stream" and choice.title != choice.name:
        return settings
    name, folder = choice.name, settings.recent_folder
    if choice.kind == "file":
        path = Path(choice.name).absolute()
        name, folder = str(path), str(path.parent)
    others = [each for each in settings.recent if each != name]
    return replace(settings, recent=(name, *others)[:RECENT], recent_folder=folder)
