"""Signals as a wish to finish."""

import signal

import pytest

from app.command.interrupt import Interrupt


def entered(work, **how):
    with Interrupt(**how) as interrupt:
        work(interrupt)


def twice(asked, seen):
    """Give work that two signals come to, and note whether the first was heard."""

    def work(interrupt):
        interrupt.stops(lambda: asked.append(True))
        signal.raise_signal(signal.SIGTERM)
        seen.append(interrupt.requested)
        signal.raise_signal(signal.SIGINT)

    return work


def test_first_signal_asks_to_finish_and_the_second_raises():
    asked, seen = [], []
    with pytest.raises(KeyboardInterrupt):
        entered(twice(asked, seen))
    assert (asked, seen) == ([True], [True])


def test_second_signal_gives_up_as_it_was_told():
    asked, given_up = [], []
    with pytest.raises(KeyboardInterrupt):
        entered(twice(asked, []), give_up=lambda: given_up.append(len(asked)))
    assert given_up == [1]


def test_before_there_is_anything_to_finish_it_raises_at_once():
    with pytest.raises(KeyboardInterrupt):
        entered(lambda _: signal.raise_signal(signal.SIGINT))


def test_signal_that_a_library_swallowed_is_not_forgotten():
    asked = []
    with Interrupt() as interrupt:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        interrupt.stops(lambda: asked.append(True))
    assert asked == [True]


def test_error_that_a_library_makes_of_it_is_an_interruption():
    def work(_):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("numpy.core failed") from None

    with pytest.raises(KeyboardInterrupt):
        entered(work)


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT)
    with Interrupt():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) is before
