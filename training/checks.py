"""Checks of settings, whose messages name the dotted path."""

from collections.abc import Mapping

from engine.errors import ConfigError

Choices = Mapping[str, tuple[str | int, ...]]


def require(table: str, config: object, key: str, holds: bool, wanted: str) -> None:
    """Raise ConfigError ``table.key: must be WANTED, got VALUE`` unless `holds`."""
    if not holds:
        raise ConfigError(f"{table}.{key}: must be {wanted}, got {getattr(config, key)}")


def require_choices(table: str, config: object, choices: Choices) -> None:
    """Raise ConfigError unless each key's value is one of its choices."""
    for key, known in choices.items():
        wanted = "one of " + ", ".join(str(choice) for choice in known)
        require(table, config, key, getattr(config, key) in known, wanted)
