import pytest

from app.session.timecode import timecode


@pytest.mark.parametrize(
    ("seconds", "digits", "text"),
    [
        (0, 0, "0:00"),
        (65, 0, "1:05"),
        (59.96, 1, "1:00.0"),
        (59.999, 2, "1:00.00"),
        (5.54, 1, "0:05.5"),
        (4.25, 2, "0:04.25"),
        (3723, 0, "1:02:03"),
        (3723.5, 1, "1:02:03.5"),
        (-5, 0, "\N{MINUS SIGN}0:05"),
        (-0.01, 0, "0:00"),
    ],
)
def test_times_read_as_clocks(seconds, digits, text):
    assert timecode(seconds, digits=digits) == text


@pytest.mark.parametrize(
    ("seconds", "digits", "text"),
    [(59.99, 0, "0:00:59"), (60, 0, "0:01:00"), (0.29, 2, "0:00:00.29"), (5.99, 1, "0:00:05.9")],
)
def test_a_clock_that_runs_shows_what_has_passed(seconds, digits, text):
    assert timecode(seconds, digits=digits, hour_digits=1, passed=True) == text


def test_hours_have_the_digits_that_a_format_asks_for():
    assert timecode(59.9996, digits=3, hour_digits=2) == "00:01:00.000"
    assert timecode(360_000, hour_digits=2) == "100:00:00"
