"""Cases take turns, and their times are what the clock says."""

import gc

import numpy as np
import pytest

from export.bench.rounds import take_turns


class Clock:
    """Stands still but for what the cases take."""

    def __init__(self):
        self.now, self.calls = 100.0, []

    def __call__(self):
        return self.now

    def case(self, name, seconds):
        takes = iter(seconds)

        def work():
            self.calls.append(name)
            self.now += next(takes)

        return work


def test_every_round_times_every_case_once():
    clock = Clock()
    fast = clock.case("fast", [9.0, 0.001, 0.002, 0.003])
    slow = clock.case("slow", [9.0, 0.010, 0.020, 0.030])
    times_ms = take_turns([fast, slow], rounds=range(3), warm_up=1, clock=clock)
    np.testing.assert_allclose(times_ms, [[1, 2, 3], [10, 20, 30]], rtol=1e-4)
    assert times_ms.dtype == np.float32


def test_cases_take_turns_in_an_order_that_changes_but_is_the_same_again():
    def calls(seed):
        clock = Clock()
        cases = [clock.case(name, [0.001] * 20) for name in "abc"]
        take_turns(cases, rounds=range(20), warm_up=0, seed=seed, clock=clock)
        return ["".join(clock.calls[first : first + 3]) for first in range(0, 60, 3)]

    rounds = calls(0)
    assert {"".join(sorted(each)) for each in rounds} == {"abc"}
    assert len(set(rounds)) > 1
    assert rounds == calls(0) != calls(1)


def test_rubbish_is_not_collected_meanwhile_and_is_afterwards():
    seen = []
    take_turns([lambda: seen.append(gc.isenabled())], rounds=range(2), warm_up=1)
    assert seen == [True, False, False]
    assert gc.isenabled()


def test_case_that_fails_leaves_the_collector_on():
    def fail():
        raise OSError(5, "broken")

    with pytest.raises(OSError, match="broken"):
        take_turns([fail], rounds=range(1), warm_up=0)
    assert gc.isenabled()
