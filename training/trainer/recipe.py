"""Recipe files: TOML with one table per configured component, overridden by key=value."""

import tomllib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.config import read
from engine.documents import read_toml
from engine.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to train and where.

    Attributes:
        task: Name of the trainer, see `training.train.TASKS`.
        tables: The file's tables, overrides applied.
        data: Folder with the data packs.
        cache: Folder for unpacked and decoded data.
        folder: Run folder: logs, checkpoints, weights.
    """

    task: str
    tables: Mapping[str, Mapping[str, Any]]
    data: Path
    cache: Path
    folder: Path

    def check_tables(self, known: Set[str]) -> None:
        """Refuse tables that the task does not know.

        Raises:
            ConfigError: There is one, with its name.
        """
        for name in sorted(self.tables.keys() - known):
            raise ConfigError(f"{name}: unknown table; known here: {', '.join(sorted(known))}")

    def section(self, name: str, kind: type[T]) -> T:
        """Build a component's config from its table.

        Raises:
            ConfigError: A key is unknown or missing or has a wrong value, with the dotted path.
        """
        return read(kind, self.tables.get(name, {}), name)


def _value(text: str) -> object:
    """Read a TOML value; what is none is a string without its quotes."""
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except (ValueError, RecursionError):
        return text


def read_recipe(
    path: Path, overrides: Sequence[str] = (), *, data: Path, cache: Path, folder: Path
) -> Recipe:
    """Read a recipe file and apply ``table.key=value`` overrides (values are TOML).

    Raises:
        ConfigError: Unreadable file, bad TOML, or an override without ``table.key=``.
    """
    tables = read_toml(path, ConfigError)
    task = tables.pop("task", None)
    if not isinstance(task, str):
        raise ConfigError(f"{path}: task: missing; name what to train")
    for name, value in tables.items():
        if not isinstance(value, dict):
            raise ConfigError(f"{path}: {name}: expected a table, got {value!r}")
    for override in overrides:
        dotted, _, text = override.partition("=")
        table, _, key = dotted.partition(".")
        if not key or not text:
            raise ConfigError(f"{override}: expected table.key=value, such as loop.steps=100")
        tables.setdefault(table, {})[key] = _value(text)
    return Recipe(task=task, tables=tables, data=data, cache=cache, folder=folder)
