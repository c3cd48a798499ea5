"""Every config of the four folders, found by walking them, checks every field."""

import dataclasses
import importlib
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from app.session.naming import NamedFace
from engine.errors import ConfigError

NAN, INF = float("nan"), float("inf")
# Of every type: what no field of it takes.
WRONG = {
    int: (None, True, "1", 1.5, NAN, INF, [1], {}),
    float: (None, True, "1", NAN, INF, -INF, [1.0], {}),
    bool: (None, 1, 0, "true", "", []),
    str: (None, 1, True, b"x", [], {}),
    Path: (None, 1, "", "relative", []),
    tuple: (None, 1, "ab", {}, [object()]),
    Mapping: (None, 1, "ab", []),
    dict: (None, 1, "ab", []),
    Literal: (None, "no such thing", NAN, [], object()),
}
# What a class needs beyond its defaults.
GIVEN = {
    "ApartEdit": {"face": 1, "other": 2},
    "Card": {"dataset": "d", "classes": ("a",), "input_size": 48, "parameters": 1, "gmac": 0.1},
    "DeleteEdit": {"face": 1},
    "EngineKey": dict.fromkeys(("gpu", "capability", "tensorrt", "precision", "onnx"), "a"),
    "FaceEdit": {"face": 1, "named": NamedFace()},
    "LabelEdit": {"face": 1, "start_s": 0.0, "end_s": 1.0, "label": "neutral"},
    "MergeEdit": {"face": 1, "into": 2},
    "SplitEdit": {"face": 1, "other": 2, "time_s": 1.0},
    "Part": {"start_s": 1.0},
    "_Judged": {"settings": {}, "figures": {}},
    "_Saved": {"rows": 1, "edits": ()},
    "_File": {"title": "", "recipe": "a.toml", "seeds": (0,), "row": ()},
    "_RowTable": {"name": ""},
    "JitterConfig": {"rotation_deg": 1.0, "scale": 1.0, "shift": 0.1},
    "LoopConfig": {"batch": 1, "steps": 1},
    "Starting": {},
    "SystemConfig": {"name": "dan"},
    "SystemSettings": {"classes": 8, "input_size": 112},
}
ROOT = Path(__file__).parents[1]
SOURCES = {
    path: path.read_text("utf-8")
    for folder in ("engine", "app", "training", "export")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
DECORATED = re.compile(r"^@checked\(.*\)\nclass (\w+)", re.M)
# Files that others or later versions write: what they add is nobody's business here.
OPEN = {
    name
    for source in SOURCES.values()
    for name in re.findall(r'^@checked\(.*extra="ignore".*\)\nclass (\w+)', source, re.M)
}


def module_of(path):
    return importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


CHECKED = [
    getattr(module_of(path), name)
    for path, source in SOURCES.items()
    for name in DECORATED.findall(source)
]


def parts(kind):
    """Give a field's bare type, whether it may be None, and the limits of its values."""
    optional = False
    while True:
        arguments = typing.get_args(kind)
        if typing.get_origin(kind) is typing.Annotated:
            kind = arguments[0]
        elif type(None) in arguments:
            kind, optional = arguments[0], True
        else:
            return kind, optional


def limits_of(kind):
    """Give the limits that a field's type sets to its values."""
    for argument in typing.get_args(kind):
        yield from limits_of(argument)
    for extra in getattr(kind, "__metadata__", ()):
        yield from getattr(extra, "metadata", ())


def beyond(kind):
    """Give values just outside of a field's range."""
    steps = {"ge": -1, "gt": 0, "le": 1, "lt": 0}
    return [
        getattr(limit, word) + step
        for limit in limits_of(kind)
        for word, step in steps.items()
        if hasattr(limit, word)
    ]


def fields_of(config):
    hints = typing.get_type_hints(config, include_extras=True)
    return [(each.name, *parts(hints[each.name])) for each in dataclasses.fields(config)]


FIELDS = [(config, *each) for config in CHECKED for each in fields_of(config)]
NUMBERS = [(config, name) for config, name, kind, _ in FIELDS if kind in (int, float)]


def naming(config, name):
    """Give the pattern of the line that names a field."""
    return re.compile(rf"([\w-]+\.)*{re.escape(config.__field_names__.get(name, name))}[.:]")


def refused(config, name, value):
    given = {**GIVEN.get(config.__name__, {}), name: value}
    with pytest.raises(ConfigError) as error:
        config(**given)
    line = str(error.value)
    assert naming(config, name).match(line), line
    assert "\n" not in line


def test_every_config_is_checked():
    named = {
        name
        for source in SOURCES.values()
        for name in re.findall(r"^class (\w+(?:Config|Settings))\b", source, re.M)
    }
    assert named <= {each.__name__ for each in CHECKED}
    assert len(CHECKED) >= 25


@pytest.mark.parametrize("config", CHECKED, ids=lambda config: config.__name__)
def test_defaults_pass_and_stay_frozen(config):
    made = config(**GIVEN.get(config.__name__, {}))
    assert dataclasses.replace(made) == made
    for each in dataclasses.fields(made)[:1]:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(made, each.name, getattr(made, each.name))


@pytest.mark.parametrize("config", CHECKED, ids=lambda config: config.__name__)
def test_unknown_key_lists_the_known_ones(config):
    if config.__name__ in OPEN:
        assert config(**GIVEN.get(config.__name__, {}), evry=1) == config(
            **GIVEN.get(config.__name__, {})
        )
        return
    names = [each.name for each in dataclasses.fields(config)]
    with pytest.raises(ConfigError, match=r"evry: unknown key; known here:") as error:
        config(**GIVEN.get(config.__name__, {}), evry=1)
    assert str(error.value).endswith(f"known here: {', '.join(names)}".rstrip())


@pytest.mark.parametrize(
    ("config", "name", "kind", "optional"),
    FIELDS,
    ids=[f"{config.__name__}.{name}" for config, name, *_ in FIELDS],
)
def test_wrong_type_is_refused(config, name, kind, optional):
    origin = typing.get_origin(kind) or kind
    wrong = (None, 3, "x", []) if dataclasses.is_dataclass(kind) else WRONG[origin]
    for value in wrong[optional:]:
        refused(config, name, value)


@pytest.mark.parametrize(
    ("config", "name"), NUMBERS, ids=[f"{config.__name__}.{name}" for config, name in NUMBERS]
)
def test_every_number_has_a_range_and_keeps_it(config, name):
    outside = beyond(typing.get_type_hints(config, include_extras=True)[name])
    assert outside
    for value in outside:
        refused(config, name, value)
