"""What of the texts that come becomes a marker."""

import pytest

from app.inputs.gate import BYTES_MAX, PER_SECOND, Gate


@pytest.fixture
def taken():
    return []


@pytest.fixture
def gate(taken):
    return Gate(lambda text, at_s: taken.append((text, at_s)))


def test_a_text_is_handed_on_as_one_line_with_its_time(gate, taken):
    gate.give("  Trial \u00e9\n2\x00 ".encode(), 4.5, 5.0)
    assert taken == [("Trial \u00e9 2\ufffd", 4.5)]
    assert (gate.came, gate.refused, gate.why) == (1, 0, "")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * (BYTES_MAX + 1), "longer than 1,000 bytes"),
        (b"", "empty"),
        (b" \n ", "empty"),
    ],
)
def test_what_can_be_no_marker_is_counted(gate, taken, content, why):
    gate.give(content, 0.0, 0.0)
    assert (gate.came, gate.refused, gate.why) == (0, 1, why)
    assert taken == []
    gate.give(b"x" * BYTES_MAX, 1.0, 1.0)
    assert gate.came == 1


def test_a_flood_is_counted_and_does_not_flood(gate, taken):
    for number in range(10_000):  # in two seconds
        gate.give(b"x", 0.0, 100.0 + number / 5000)
    assert 2 * PER_SECOND <= len(taken) <= 3 * PER_SECOND + 1
    assert gate.came + gate.refused == 10_000
    assert gate.why == "more than 100 in a second"
    gate.give(b"later", 0.0, 110.0)
    assert taken[-1] == ("later", 0.0)
