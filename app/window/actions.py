"""Actions of a window: declared once, with text and keys, in a frozen record; then made and wired.

@dataclass(frozen=True, slots=True)
class MainActions:
    quit: QAction = action("&Quit", "Ctrl+Q")

made = make_actions(MainActions, window, {"quit": window.close})
"""

from collections.abc import Callable, Mapping
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
class _Action:
    """What is known of an action before there is a window."""

    text: str
    keys: str
    checkable: bool = False
    context: str = "Actions"  # of its translation

    def make(self, parent: QWidget, intent: Intent) -> QAction:
        made = QAction(QCoreApplication.translate(self.context, self.text), parent)
        made.setShortcuts([QKeySequence(key) for key in self.keys.split()])
        made.setCheckable(self.checkable)
        if self.checkable:
            made.toggled.connect(intent)
        else:
            made.triggered.connect(lambda _: intent())
        parent.addAction(made)
        return made


def action(text: str, keys: str = "", *, checkable: bool = False) -> Any:  # noqa: ANN401 - a field of any record
    """Declare one action.

    Args:
        text: As the menu shows it.
        keys: Its shortcuts, a space between two.
        checkable: It is on or off; its intent gets the new state.
    """
    return field(metadata={_DECLARED: _Action(text, keys, checkable)})


def actions(choices: Mapping[str, tuple[str, str]], context: str = "Actions") -> Any:  # noqa: ANN401 - a field of any record
    """Declare one action for each of several choices.

    Args:
        choices: Text and keys by what the intent gets.
        context: Of the texts' translations.
    """
    declared = {
        choice: _Action(text, keys, context=context) for choice, (text, keys) in choices.items()
    }
    return field(metadata={_DECLARED: declared})


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
        if isinstance(what, _Action):
            made[name] = what.make(parent, intent)
        else:
            made[name] = tuple(
                one.make(parent, partial(intent, choice)) for choice, one in what.items()
            )
    return record(**made)
