"""Actions of a window: declared once, with text and keys, in a frozen record; then made and wired.

An action has a name, its field's unless it says another: by that its key can be changed, in every
window that has one of this name (`app/window/shortcuts.py`).

@dataclass(frozen=True, slots=True)
class MainActions:
    quit: QAction = action("&Quit", "Ctrl+Q")

made = make_actions(MainActions, window, {"quit": window.close})
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Final, TypeVar

from PyQt6.QtCore import QCoreApplication
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QWidget

T = TypeVar("T")
Intent = Callable[..., object]

_DECLARED: Final = "declared"


@dataclass(frozen=True, slots=True)
class Declared:
    """What is known of an action before there is a window."""

    text: str
    keys: str
    checkable: bool = False
    context: str = "Actions"  # of its translation
    called: str = ""

    @property
    def words(self) -> str:
        """Its text in the user's language."""
        return QCoreApplication.translate(self.context, self.text)

    @property
    def shortcuts(self) -> list[QKeySequence]:
        """Its keys, where the user chose no other."""
        portable = QKeySequence.SequenceFormat.PortableText  # else Ctrl may be called Strg
        return [QKeySequence.fromString(key, portable) for key in self.keys.split()]

    def make(self, name: str, parent: QWidget, intent: Intent) -> QAction:
        """Make it.

        Args:
            name: By which its key can be changed.
            parent: Owns it.
            intent: What it asks for.
        """
        made = QAction(self.words, parent)
        made.setObjectName(name)
        made.setShortcuts(self.shortcuts)
        made.setCheckable(self.checkable)
        if self.checkable:
            made.toggled.connect(intent)
        else:
            made.triggered.connect(lambda _: intent())
        parent.addAction(made)
        return made


def action(text: str, keys: str = "", *, checkable: bool = False, called: str = "") -> Any:  # noqa: ANN401 - a field of any record
    """Declare one action.

    Args:
        text: As the menu shows it.
        keys: Its shortcuts, a space between two.
        checkable: It is on or off; its intent gets the new state.
        called: Its name; that of the field if left out.
    """
    return field(metadata={_DECLARED: Declared(text, keys, checkable, called=called)})


def actions(
    choices: Mapping[str, tuple[str, str]], context: str = "Actions", called: str = ""
) -> Any:  # noqa: ANN401 - a field of any record
    """Declare one action for each of several choices.

    Args:
        choices: Text and keys by what the intent gets.
        context: Of the texts' translations.
        called: What their names begin with; that of the field if left out.
    """
    declared = {
        choice: Declared(text, keys, context=context, called=called)
        for choice, (text, keys) in choices.items()
    }
    return field(metadata={_DECLARED: declared})


def declared_in(record: type[object]) -> Iterator[tuple[str, Declared]]:
    """List what a record declares, each with its name."""
    for each in fields(record):  # type: ignore[arg-type] # a dataclass
        what = each.metadata[_DECLARED]
        if isinstance(what, Declared):
            yield what.called or each.name, what
        else:
            for choice, one in what.items():
                yield _name_of(one.called or each.name, choice), one


def _name_of(called: str, choice: object) -> str:
    return f"{called}_{str(choice).lstrip('.').lower()}"


def made_in(record: object) -> Iterator[QAction]:
    """List the actions of a record that `make_actions` made."""
    for each in fields(record):  # type: ignore[arg-type] # a dataclass
        value = getattr(record, each.name)
        yield from value if isinstance(value, tuple) else (value,)


def key_of(made: QAction) -> str:
    """Give an action's first key, as the system writes it; empty if it has none."""
    return made.shortcut().toString(QKeySequence.SequenceFormat.NativeText)


def with_key(words: str, made: QAction) -> str:
    """Give words with an action's first key behind them, if it has one."""
    return f"{words} ({key})" if (key := key_of(made)) else words


def make_actions(record: type[T], parent: QWidget, intents: Mapping[str, Intent]) -> T:
    """Make a record's actions and connect each to what it asks for.

    Args:
        record: A dataclass whose fields are declared by `action` and `actions`.
        parent: Owns them.
        intents: What to call, by the field's name.

    Raises:
        ValueError: A field has no intent, or an intent no field.
    """
    declared = {f.name: f.metadata[_DECLARED] for f in fields(record)}  # type: ignore[arg-type] # a dataclass
    if odd := declared.keys() ^ intents.keys():
        raise ValueError(f"{record.__name__}: no such pair of action and intent: {sorted(odd)}")
    made: dict[str, QAction | tuple[QAction, ...]] = {}
    for name, what in declared.items():
        intent = intents[name]
        if isinstance(what, Declared):
            made[name] = what.make(what.called or name, parent, intent)
        else:
            made[name] = tuple(
                one.make(_name_of(one.called or name, choice), parent, partial(intent, choice))
                for choice, one in what.items()
            )
    return record(**made)
