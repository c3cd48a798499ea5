"""Times of many cases that take turns, so that what disturbs the machine hits all alike."""

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from engine.types import Floats

Work = Callable[[], object]


def take_turns(
    cases: Sequence[Work],
    *,
    rounds: Iterable[int],
    warm_up: int = 5,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Floats:
    """Time every case once a round, each round in another order.

    Args:
        cases: What to time.
        rounds: One step for each round; a progress bar, say.
        warm_up: Calls of each case before.
        seed: Of the orders.
        clock: Gives seconds.

    Returns:
        (cases, rounds) float32, milliseconds.
    """
    random, columns = np.random.default_rng(seed), list[list[float]]()
    for case in cases:
        for _ in range(warm_up):
            case()
    with _no_collection():
        for _ in rounds:
            column = [0.0] * len(cases)
            for index in random.permutation(len(cases)):
                started = clock()
                cases[index]()
                column[index] = 1000.0 * (clock() - started)
            columns.append(column)
    return np.array(columns, np.float32).reshape(-1, len(cases)).T


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python from tidying up in the middle of a measurement."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
