"""Configs: frozen dataclasses whose fields are checked as their types say, in one wording."""

import dataclasses
import json
import re
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from engine.errors import ConfigError
from engine.wording import VALUE_MAX, shown

T = TypeVar("T")

WHOLE_MAX: Final = 2**63 - 1  # of a whole number: what arrays and other languages can hold
Natural = Annotated[int, Field(ge=0, le=WHOLE_MAX)]
Positive = Annotated[int, Field(ge=1, le=WHOLE_MAX)]
Side = Annotated[int, Field(ge=1, le=4096)]  # of what a network is shown, pixels
Share = Annotated[float, Field(ge=0, le=1)]
ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
NonNegative = Annotated[float, Field(ge=0)]
AboveZero = Annotated[float, Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"must be printable, got {shown(text)}")
    return text


# A text that messages show: no line break, and nothing that moves a terminal's cursor.
Line = Annotated[Text, AfterValidator(_plain)]

# True is no number and "1" neither, 1 is one for a float; nan and inf are none.
CHECKS: Final = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

# What messages say, by the library's name of the error; the rest of the wording is in `_said`.
_MUST: Final = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",  # of a key, which is always a text
    "float_type": "a number",
    "finite_number": "finite",
    "bool_type": "true or false",
    "string_type": "a text",
    "is_instance_of": "a path",
    "path_type": "a path",
    "tuple_type": "a list",
    "mapping_type": "a table",
    "dict_type": "a table",
    "dataclass_type": "a table",
    "dataclass_exact_type": "a table",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "a list of {min_length} or more",
    "too_long": "a list of {max_length} at most",
}
_UNKNOWN: Final = ("unexpected_keyword_argument", "extra_forbidden")
_NAMES: Final = "__field_names__"  # a config's attribute: what messages call its fields
_LISTED_MAX: Final = 20  # keys


class _BrokenRuleError(ValueError):
    """A rule over several fields does not hold; `key` is the field to change."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@typing.dataclass_transform(
    kw_only_default=True, frozen_default=True, field_specifiers=(dataclasses.field,)
)
def checked(
    table: str = "",
    *,
    names: Mapping[str, str] | None = None,
    kw_only: bool = True,
    extra: Literal["forbid", "ignore"] = "forbid",
) -> Callable[[type[T]], type[T]]:
    """Make a class a config: a frozen, keyword-only dataclass that checks its fields.

    Making one raises ConfigError of one line, such as
    ``detector.every: must be at least 1, got 0``, where a field is missing, unknown, of the wrong
    type or out of its type's range. Rules over several fields stand in ``__post_init__`` and use
    `require`.

    Args:
        table: What messages put before a field's name: the table of files that holds it.
        names: What messages call a field, where that is not its name.
        kw_only: False for values of few fields that are given in order.
        extra: What becomes of keys that are no fields; a file may say more than is asked of it.
    """

    def make(plain: type[T]) -> type[T]:
        config = CHECKS | ConfigDict(extra=extra)
        made: Any = dataclass(frozen=True, slots=True, kw_only=kw_only, config=config)(plain)
        build = made.__init__

        def __init__(self: T, *values: object, **named: object) -> None:
            try:
                build(self, *values, **named)
            except ValidationError as error:
                raise ConfigError(explain(made, error, table)) from error

        made.__init__ = __init__
        setattr(made, _NAMES, names or {})
        return typing.cast(type[T], made)

    return make


def require(config: object, key: str, holds: bool, wanted: str) -> None:
    """Refuse a config in its ``__post_init__``: ``key: must be WANTED, got VALUE``.

    Args:
        config: What is checked.
        key: Its field that is to be changed.
        holds: Whether the rule does.
        wanted: What the field must be.
    """
    if not holds:
        raise _BrokenRuleError(key, f"must be {wanted}, got {shown(getattr(config, key))}")


def one_of(choices: Iterable[str] | Callable[[], Iterable[str]]) -> AfterValidator:
    """Give the check of a name that is to be in a registry, for `Annotated`.

    Args:
        choices: The registry, or what gives it where it is made after the config.
    """

    def check(name: str) -> str:
        known = choices() if callable(choices) else choices
        if name not in known:
            raise ValueError(unknown(name, known))
        return name

    return AfterValidator(check)


def unknown(name: object, choices: Iterable[object]) -> str:
    """Say that a name is none of the choices."""
    return f"{shown(name)} is unknown; choose {', '.join(map(str, choices))}"


def read(
    kind: type[T],
    values: Mapping[str, Any],
    table: str = "",
    *,
    said: Callable[[object], str] = shown,
) -> T:
    """Make a config of what a TOML file says, its tables and lists included.

    Args:
        kind: A class made by `checked`.
        values: Of the file.
        table: What messages put before keys.
        said: Words a value that is wrong.

    Raises:
        ConfigError: Something is wrong, with its dotted path.
    """
    try:
        return parse(kind, values)
    except ValidationError as error:
        raise ConfigError(explain(kind, error, table, said)) from error


def parse(kind: type[T], values: Mapping[str, Any]) -> T:
    """Make a checked dataclass of what a TOML or JSON file says.

    Raises:
        ValidationError: Something is wrong; see `explain`.
    """
    # JSON has lists for tuples and texts for paths, as TOML has. It has no dates, and no field is
    # one: as tables they are refused whatever is wanted.
    text = json.dumps(values, default=lambda date: {type(date).__name__: str(date)})
    return TypeAdapter(kind).validate_json(text)


def problems(kind: type[Any], values: Mapping[str, object]) -> dict[str, str]:
    """Say by field what is wrong with values that a config would be made of."""
    try:
        kind(**values)
    except ConfigError as error:
        found = typing.cast(ValidationError, error.__cause__)
        return {str(_place(each)[0]): _said(each) for each in reversed(found.errors())}
    return {}


def range_of(kind: type[Any], name: str) -> tuple[float, float]:
    """Give the smallest and the largest value of a config's number that has both."""
    limits = kind.__pydantic_fields__[name].metadata
    (least,) = (limit.ge for limit in limits if hasattr(limit, "ge"))
    (most,) = (limit.le for limit in limits if hasattr(limit, "le"))
    return least, most


def explain(
    kind: type[Any],
    error: ValidationError,
    table: str = "",
    said: Callable[[object], str] = shown,
) -> str:
    """Word the first thing that is wrong, in one line; all keys that a table has too much.

    Args:
        kind: The class that was to be made.
        error: What came of it.
        table: What the line puts before keys.
        said: Words a value that is wrong.
    """
    errors = error.errors(include_url=False)
    first = next((each for each in errors if each["type"] in _UNKNOWN), errors[0])
    place = _place(first)
    if first["type"] not in _UNKNOWN:
        where = _dotted(table, (*(_name(kind, part) for part in place[:1]), *place[1:]))
        return f"{where}: {_said(first, said)}" if where else _said(first, said)
    beside = [each["loc"] for each in errors if each["type"] in _UNKNOWN]
    keys = [_dotted(table, loc) for loc in beside if loc[:-1] == place[:-1]]
    return unknown_keys(keys, _fields_at(kind, place[:-1]))


def unknown_keys(keys: Sequence[str], known: Iterable[str]) -> str:
    """Say that a table has keys that mean nothing."""
    what = "unknown key" if len(keys) == 1 else "unknown keys"
    more = f" and {len(keys) - _LISTED_MAX} more" if len(keys) > _LISTED_MAX else ""
    listed = f"{', '.join(keys[:_LISTED_MAX])}{more}"
    return f"{listed}: {what}; known here: {', '.join(known)}"


def _name(kind: type[Any], part: int | str) -> str:
    """Say what messages call a field, given by name or as an argument without one."""
    name = part if isinstance(part, str) else dataclasses.fields(kind)[part].name
    return str(getattr(kind, _NAMES, {}).get(name, name))


def _place(error: ErrorDetails) -> tuple[int | str, ...]:
    cause, place = error.get("ctx", {}).get("error"), error["loc"]
    if isinstance(cause, _BrokenRuleError):
        return (*place, cause.key)
    return place[:-1] if _too_short(error) else place


def _too_short(error: ErrorDetails) -> bool:
    """Whether it is an entry of a list of fixed length that is missing, and not a key."""
    return error["type"] == "missing" and isinstance(error["loc"][-1], int)


def _said(error: ErrorDetails, said: Callable[[object], str] = shown) -> str:
    """Word one error."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        longer = f"must be a longer list, got {said(error['input'])}"
        return longer if _too_short(error) else "missing"
    if kind == "string_too_short":
        return "must not be empty"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":  # "'a', 'b' or 'c or d'"
        parts = re.split(r"(?:, | or )(?=['\d])", context["expected"])
        choices = ", ".join(part.strip("'") for part in parts)
        return f"{said(error['input'])} is unknown; choose {choices}"
    if kind == "tuple_type" and isinstance(error["input"], list):  # in Python; files have lists
        return f"must be a tuple, got {said(error['input'])}"
    if kind in _MUST:
        limits = {name: _short(value) for name, value in context.items()}
        return f"must be {_MUST[kind].format(**limits)}, got {said(error['input'])}"
    return f"{error['msg']}, got {said(error['input'])}"


def _short(limit: object) -> object:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def _dotted(table: str, place: Iterable[int | str]) -> str:
    parts = [
        part if part.isprintable() and len(part) <= VALUE_MAX else shown(part)
        for part in map(str, place)
    ]
    return ".".join([table, *parts] if table else parts)


def _fields_at(kind: type[Any], place: Iterable[int | str]) -> list[str]:
    """Name the fields of the config that lies at a place inside another."""
    for part in place:
        if isinstance(part, str):
            of = typing.get_type_hints(kind)[part]
            parts = [each for each in (of, *typing.get_args(of)) if isinstance(each, type)]
            (kind,) = filter(dataclasses.is_dataclass, parts)
    return [each.name for each in dataclasses.fields(kind)]
