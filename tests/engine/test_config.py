from dataclasses import FrozenInstanceError, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from engine.config import (
    Positive,
    Share,
    Text,
    checked,
    one_of,
    problems,
    read,
    require,
    unknown,
)
from engine.errors import ConfigError

COLOURS = {"red": 1, "blue": 2}


@checked("detector")
class Detector:
    every: Positive = 4
    score_min: Share = 0.5
    most: int = 8

    def __post_init__(self) -> None:
        require(self, "most", self.most >= self.every, f"at least every ({self.every})")


@checked()
class Everything:
    name: Text
    detector: Detector = field(default_factory=Detector)
    others: tuple[Detector, ...] = ()
    device: Literal["auto", "cpu"] = "auto"
    side: Literal[112, 224] = 112
    colour: Annotated[str, one_of(COLOURS)] = "red"
    on: bool = False
    folder: Path = Path("/tmp")
    weights: dict[str, float] = field(default_factory=dict)
    size: tuple[Positive, Positive] | None = None
    ops: Annotated[tuple[str, ...], Field(min_length=1)] = ("Conv",)
    step: Annotated[int, Field(multiple_of=32)] = 32


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "name: missing"),
        ({"name": ""}, "name: must not be empty"),
        ({"name": 1}, "name: must be a text, got 1"),
        ({"nam": "a"}, "nam: unknown key; known here: name, detector, others, device, side, "),
        ({"nam": "a", "eyes": 2}, "nam, eyes: unknown keys; known here: name, detector, "),
        ({"name": "a", "device": "gpu"}, "device: 'gpu' is unknown; choose auto, cpu"),
        ({"name": "a", "side": 100}, "side: 100 is unknown; choose 112, 224"),
        ({"name": "a", "colour": "pink"}, "colour: 'pink' is unknown; choose red, blue"),
        ({"name": "a", "on": 1}, "on: must be true or false, got 1"),
        ({"name": "a", "folder": 1}, "folder: must be a path, got 1"),
        ({"name": "a", "weights": []}, "weights: must be a table, got []"),
        ({"name": "a", "weights": {"b.c": "1"}}, "weights.b.c: must be a number, got '1'"),
        ({"name": "a", "size": 3}, "size: must be a list, got 3"),
        ({"name": "a", "size": [3, 4]}, "size: must be a tuple, got [3, 4]"),
        ({"name": "a", "size": (3, 0)}, "size.1: must be at least 1, got 0"),
        ({"name": "a", "size": (1, 2, 3)}, "size: must be a list of 2 at most, got (1, 2, 3)"),
        ({"name": "a", "size": (1,)}, "size: must be a longer list, got (1,)"),
        ({"name": "a", "ops": ()}, "ops: must be a list of 1 or more, got ()"),
        ({"name": "a", "step": 33}, "step: must be a multiple of 32, got 33"),
        ({"name": "a", "detector": 3}, "detector: must be a table, got 3"),
    ],
)
def test_what_is_wrong_is_one_line(values, line):
    with pytest.raises(ConfigError) as error:
        Everything(**values)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"every": 0}, "detector.every: must be at least 1, got 0"),
        ({"every": True}, "detector.every: must be a whole number, got True"),
        ({"every": "1"}, "detector.every: must be a whole number, got '1'"),
        ({"every": 1.0}, "detector.every: must be a whole number, got 1.0"),
        ({"score_min": 1.5}, "detector.score_min: must be at most 1, got 1.5"),
        ({"score_min": -0.5}, "detector.score_min: must be at least 0, got -0.5"),
        ({"score_min": True}, "detector.score_min: must be a number, got True"),
        ({"score_min": float("nan")}, "detector.score_min: must be finite, got nan"),
        ({"score_min": float("inf")}, "detector.score_min: must be finite, got inf"),
        ({"evry": 3}, "detector.evry: unknown key; known here: every, score_min, most"),
        ({"most": 3}, "detector.most: must be at least every (4), got 3"),
    ],
)
def test_table_stands_before_the_key(values, line):
    with pytest.raises(ConfigError) as error:
        Detector(**values)
    assert str(error.value) == line


def test_whole_number_is_a_number():
    assert Detector(score_min=1).score_min == 1.0
    assert isinstance(Detector(score_min=1).score_min, float)


def test_config_is_a_frozen_dataclass_that_replace_checks():
    detector = Detector()
    assert [each.name for each in fields(detector)] == ["every", "score_min", "most"]
    assert replace(detector, every=2) == Detector(every=2)
    with pytest.raises(FrozenInstanceError):
        detector.every = 2
    with pytest.raises(ConfigError, match=r"detector\.every: must be at least 1, got 0"):
        replace(detector, every=0)
    with pytest.raises(ConfigError, match=r"detector\.every: Unexpected positional argument"):
        Detector(3)


def test_file_has_lists_paths_and_tables():
    said = {
        "name": "a",
        "detector": {"every": 2},
        "others": [{"score_min": 1}],
        "size": [1, 2],
        "folder": "/a",
        "weights": {"b.c": 1},
    }
    assert read(Everything, said) == Everything(
        name="a",
        detector=Detector(every=2),
        others=(Detector(score_min=1.0),),
        size=(1, 2),
        folder=Path("/a"),
        weights={"b.c": 1.0},
    )


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "run.name: missing"),
        ({"nam": "a"}, "run.nam: unknown key; known here: name, detector, others, "),
        ({"detector": {"evry": 1, "moost": 1}}, "run.detector.evry, run.detector.moost: unknown"),
        ({"others": [{}, {"evry": 1}]}, "run.others.1.evry: unknown key; known here: every, sc"),
        ({"detector": {"every": "1"}}, "run.detector.every: must be a whole number, got '1'"),
        ({"others": [{"most": 1}]}, "run.others.0.most: must be at least every (4), got 1"),
        ({"name": date(2026, 1, 1)}, "run.name: must be a text, got {'date': '2026-01-01'}"),
        ({"step": float("nan")}, "run.step: must be "),
        ({"a\nb": 1}, r"run.'a\nb': unknown key"),
        ({"name": ["x" * 1000]}, "run.name: must be a text, got ['xxx"),
    ],
)
def test_file_is_blamed_with_the_dotted_path(values, line):
    with pytest.raises(ConfigError) as error:
        read(Everything, {"name": "a", **values} if line != "run.name: missing" else values, "run")
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 250


def test_form_sees_everything_that_is_wrong():
    wrong = problems(Detector, {"every": 0, "score_min": "1", "most": 8})
    assert wrong == {
        "every": "must be at least 1, got 0",
        "score_min": "must be a number, got '1'",
    }
    assert problems(Detector, {"every": 9}) == {"most": "must be at least every (9), got 8"}
    assert problems(Detector, {"every": 8}) == {}


def test_unknown_name_lists_the_choices():
    assert unknown("pink", COLOURS) == "'pink' is unknown; choose red, blue"
