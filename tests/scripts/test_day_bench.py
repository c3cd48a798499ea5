"""A working day of camera, faster than it passes."""

from array import array
from types import SimpleNamespace

import pytest

from engine.errors import ConfigError
from scripts.benches.day import GROWTH_MIB, Hour, Ids, faults, main, run, visits


def test_a_short_day_shows_no_fault(capsys):
    assert run(40.0, 10.0, 15, 1000.0, live=False) == []
    said = capsys.readouterr().out
    people = sum(map(len, visits(40.0)))
    assert f"{people} people, {people} ids" in said
    assert "4 parts of video" in said


@pytest.mark.slow
@pytest.mark.long
def test_eight_hours_at_ten_times_the_speed():
    assert run(8 * 3600.0, 3600.0, 15, 10.0) == []


def _day(**changes):
    """A day of four hours like one another, but for changes in the third, the last but one."""
    hours = [Hour(memory_mib=100, descriptors=9, threads=12) for _ in range(4)]
    for hour in hours:
        hour.latencies_ms = array("f", [3.0, 5.0])
    for name, value in changes.items():
        setattr(hours[2], name, value)
    return SimpleNamespace(
        hour_s=3600.0, hours=hours, ids=SimpleNamespace(twice=0, total=10, leaps=0), came=10
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"memory_mib": 101 + GROWTH_MIB}, ["memory rose from 100 to 125 MiB"]),
        ({"descriptors": 11}, ["descriptors rose from 9 to 11"]),
        ({"threads": 14}, ["threads rose from 12 to 14"]),
        ({"latencies_ms": array("f", [30.0])}, ["latency rose from 4.0 to 30.0 ms"]),
    ],
)
def test_what_rises_is_a_fault(changes, words):
    assert list(faults(_day(**changes))) == words


def test_ids_that_come_back_are_counted(make_analysis):
    ids = Ids()
    frames = [(0.0, (1, 2)), (1.0, (2,)), (1.5, (1, 3)), (9.0, (3,)), (9.1, (1, 4))]
    for index, (time_s, faces) in enumerate(frames):
        ids.add(make_analysis(index, time_s, dict.fromkeys(faces, ("fear", 0.0, 0.0))))
    assert (ids.total, ids.twice) == (4, 1)  # face 1 was hidden for 1.5 s, then gone for 7.5


@pytest.mark.parametrize("wrong", [["--hours", "0"], ["--speed", "-1"], ["--fps", "0"]])
def test_a_day_that_cannot_be_is_refused(wrong, capsys):
    assert main(wrong) == ConfigError.exit_code
    assert "--" in capsys.readouterr().err
