"""Bounds: which are exceeded, and what is said then."""

import pytest

from engine.errors import ModelError
from export.graph import PARITY
from export.parity import BOUNDS, Deviation, Report

NAN = float("nan")


def report_of(*errors, precision="fp32", agreement=None, accuracy=None, faces=1000):
    return Report(
        "a", "b", precision, (1,), errors, agreement or {}, accuracy, faces if accuracy else 0
    )


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (
            report_of(Deviation("logits", "real", 2 * PARITY, 2 * PARITY, 0, 1)),
            "logits on real pictures: off by",
        ),
        (report_of(Deviation("logits", "adversarial", NAN, NAN, 0, 1)), "not a number"),
        (report_of(Deviation("map4", "real", NAN, NAN, 0, 1), precision="int8"), "not a number"),
        (
            report_of(Deviation("probabilities", "real", 0.5, 0.5, 0.4, 1), precision="int8"),
            "99.9 % are off by up to 4.00e-01, allowed 3e-01",
        ),
        (report_of(agreement={"real": 0.9}), "90.00 % agree, wanted 99.9 %"),
        (report_of(accuracy=(0.86, 0.85)), "accuracy: 1.00 points lost, allowed 0.1"),
        (report_of(accuracy=(0.75, 0.5), faces=8), "accuracy: 25.00 points lost, allowed 12"),
    ],
)
def test_every_bound_is_named_where_it_is_exceeded(report, says):
    (failure,) = report.failures
    assert says in failure
    with pytest.raises(ModelError, match="b: differs from a"):
        report.require()


@pytest.mark.parametrize(
    "report",
    [
        report_of(Deviation("logits", "real", 5 * PARITY, PARITY, 0, 1)),
        report_of(Deviation("probabilities", "adversarial", 1.0, 1.0, 1.0, 1), precision="int8"),
        report_of(agreement={"adversarial": 0.5}),
        report_of(accuracy=(0.85, 0.86)),
        report_of(accuracy=(0.75, 0.625), faces=8, precision="int8"),  # one face
    ],
)
def test_what_is_within_its_bounds_passes(report):
    assert report.failures == []
    report.require()


def test_every_precision_bounds_probabilities_or_logits():
    assert set(BOUNDS) == {"fp32", "fp16", "int8"}
    assert BOUNDS["fp32"].largest["logits"] == 1e-4
    for precision in ("fp16", "int8"):
        assert "probabilities" in BOUNDS[precision].tail
        assert BOUNDS[precision].agreement >= 0.95
        assert BOUNDS[precision].points <= 0.5
