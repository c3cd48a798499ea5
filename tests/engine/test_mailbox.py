"""Hand-over between threads: nothing is lost in one kind, nothing waits in the other."""

import threading
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mailbox import Channel, Closed, Latest

MAKERS = [partial(Channel, 8), Latest]


@given(st.lists(st.integers(), min_size=1))
def test_latest_yields_its_last_item(items):
    latest = Latest[int]()
    for item in items:
        latest.put(item)
    assert latest.take() == items[-1]
    assert latest.dropped == len(items) - 1


def test_latest_says_whether_the_one_before_was_taken():
    latest = Latest[int]()
    assert latest.put(1)
    assert not latest.put(2)
    latest.take()
    assert latest.put(3)
    assert latest.dropped == 1


@given(st.lists(st.integers(), max_size=50), st.integers(1, 5))
def test_channel_keeps_every_item_in_order(items, places):
    channel = Channel[int](places)

    def write() -> None:
        for item in items:
            channel.put(item)
        channel.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert list(channel) == items
    writer.join()


@pytest.mark.parametrize("make", MAKERS)
def test_what_lies_in_a_closed_mailbox_can_still_be_taken(make):
    box = make()
    box.put(1)
    box.close()
    box.close()
    assert box.take() == 1
    with pytest.raises(Closed):
        box.take()
    with pytest.raises(Closed):
        box.put(2)


@pytest.mark.parametrize("make", MAKERS)
def test_close_wakes_a_waiting_reader(make):
    box = make()
    ended = []
    reader = threading.Thread(target=lambda: ended.append(list(box)))
    reader.start()
    box.close()
    reader.join(5)
    assert ended == [[]]


def test_close_wakes_a_writer_that_waits_for_room():
    channel = Channel[int](1)
    channel.put(0)
    refused = threading.Event()

    def write() -> None:
        try:
            channel.put(1)
        except Closed:
            refused.set()

    writer = threading.Thread(target=write)
    writer.start()
    channel.close()
    assert refused.wait(5)
    writer.join()
    assert list(channel) == [0]
