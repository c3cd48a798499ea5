"""Figures as JSON that every reader takes, and as tables."""

import json
import math

import pytest

from export.bench.machine import this_machine
from export.bench.reading import ReadingFigures, reading_tables
from export.bench.tables import Measurements, to_json
from export.reading.films import FlipFigures


@pytest.fixture
def reading():
    """Labels that follow a change, mostly never."""
    slow = FlipFigures(
        what="clips", smooth=0.25, seconds=9, flips_per_s=0.1, withheld=0, changes=3,
        lag_s=0.2, lag_p90_s=math.inf,
    )  # fmt: skip
    return ReadingFigures(
        model="a", split="valid", faces=1, threshold=0.3, rows=(), before=(), curve=(),
        lowest=None, flips=(slow,),
    )  # fmt: skip


def test_what_json_does_not_know_is_null(reading):
    text = to_json(Measurements(machine=this_machine(), settings={"nan": (math.nan, 1.5)},
                                reading=reading))  # fmt: skip
    content = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert content["settings"]["nan"] == [None, 1.5]
    (flips,) = content["reading"]["flips"]
    assert (flips["lag_s"], flips["lag_p90_s"]) == (0.2, None)


def test_a_lag_that_never_ends_is_said_so(reading):
    assert "| clips | 0.25 | 9.0 | 0.10 | 3 | 0.20 | never | 0.0 |" in reading_tables(reading)[-1]
