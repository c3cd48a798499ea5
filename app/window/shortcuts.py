"""Keys that the user chose for actions: which may be changed, what is wrong, and putting them on.

An action of one name has one key in both windows. The settings hold what differs from the defaults,
under ``[keys]``: ``record = "F9"``; an empty text takes the key away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QKeyCombination, Qt
from PyQt6.QtGui import QKeySequence

from app.window.actions import Declared, declared_in, made_in
from app.window.menus import MainActions
from app.window.review.menus import ReviewActions
from app.window.texts import without_marks
from engine.config import unknown_keys
from engine.errors import ConfigError
from engine.wording import Words, shown

Keys = Mapping[str, str]
WINDOWS: Final = (MainActions, ReviewActions)
_Key, _Modifier = Qt.Key, Qt.KeyboardModifier
# What moves the focus, or walks through the faces of the picture.
_TAKEN: Final = frozenset(
    {_Key.Key_Tab, _Key.Key_Backtab, _Key.Key_Up, _Key.Key_Down, _Key.Key_Return, _Key.Key_Enter}
)
_PORTABLE: Final = QKeySequence.SequenceFormat.PortableText


@dataclass(frozen=True, slots=True)
class Changeable:
    """An action whose key can be changed.

    Attributes:
        name: In the settings.
        declared: Its text and default keys.
        windows: The records of `WINDOWS` that have it.
    """

    name: str
    declared: Declared
    windows: tuple[type[object], ...]

    @property
    def words(self) -> str:
        """Its text, without what menus need."""
        return without_marks(self.declared.words).removesuffix("…")

    def keys(self, chosen: Keys) -> list[QKeySequence]:
        """Give its keys, the user's or its own."""
        if self.name not in chosen:
            return self.declared.shortcuts
        text = chosen[self.name]
        return [QKeySequence.fromString(text, _PORTABLE)] if text else []


@cache
def changeable() -> Mapping[str, Changeable]:
    """List every action of both windows, by name."""
    found: dict[str, Changeable] = {}
    for window in WINDOWS:
        for name, declared in declared_in(window):
            first = found.get(name, Changeable(name, declared, ()))
            found[name] = Changeable(name, first.declared, (*first.windows, window))
    return found


def problems(chosen: Keys) -> dict[str, str]:
    """Say by name of the action what is wrong with the user's keys; empty if nothing is."""
    found = {name: why for name, text in chosen.items() if (why := _problem(name, text))}
    good = {name: text for name, text in chosen.items() if name not in found}
    return found | {name: why for name, why in _conflicts(good).items() if name in good}


def _problem(name: str, text: str) -> str:
    if name not in changeable():
        return unknown_keys([name], changeable()).partition(": ")[2]
    sequence = QKeySequence.fromString(text, _PORTABLE)
    if text and not sequence.toString(_PORTABLE):
        return Words("must be a key like F9, Space or Ctrl+Shift+R, got {key}", key=shown(text))
    if sequence.count() > 1:
        return Words("must be one key, not several in a row, got {key}", key=shown(text))
    if text and (why := _taken(sequence[0])):
        return Words("{key} {why}; choose another", key=text, why=why)
    return ""


def _taken(combination: QKeyCombination) -> str:
    """Say what else a key does everywhere; empty if nothing."""
    key, modifiers = combination.key(), combination.keyboardModifiers()
    if key in _TAKEN and modifiers in (_Modifier.NoModifier, _Modifier.ShiftModifier):
        return Words("moves through fields and faces")
    if modifiers == _Modifier.AltModifier and _Key.Key_A <= key <= _Key.Key_Z:
        return Words("opens a menu")
    return ""


def _conflicts(chosen: Keys) -> dict[str, str]:
    """Say by name which actions have the key of another one of their window."""
    found: dict[str, str] = {}
    for window in WINDOWS:
        having: dict[str, Changeable] = {}
        for each in [one for one in changeable().values() if window in one.windows]:
            for key in each.keys(chosen):
                other = having.setdefault(key.toString(_PORTABLE), each)
                if other is not each:
                    text, words = (
                        key.toString(_PORTABLE),
                        "{key} is the key of {other} too; change one",
                    )
                    found[each.name] = Words(words, key=text, other=repr(other.words))
                    found[other.name] = Words(words, key=text, other=repr(each.words))
    return found


def check_keys(chosen: Keys, path: Path) -> None:
    """Refuse keys that the settings' file has wrong.

    Raises:
        ConfigError: One line, with the path and the key of the first.
    """
    for name, why in problems(chosen).items():
        raise ConfigError(f"{path}: keys.{name}: {why}")


def put_on(actions: object, chosen: Keys) -> None:
    """Give a window's actions the user's keys.

    Args:
        actions: A record as `make_actions` makes it.
        chosen: The user's.
    """
    known = changeable()
    for made in made_in(actions):
        keys = known[made.objectName()].keys(chosen)
        if made.shortcuts() != keys:
            made.setShortcuts(keys)
