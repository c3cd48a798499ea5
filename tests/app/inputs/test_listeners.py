"""Markers as other programs send them: by a socket, and by the library itself."""

import errno
import queue
import socket
import threading
import time

import pytest

from app.inputs.listener import Listener
from app.inputs.lsl import LslEar
from app.inputs.udp import UdpEar
from app.outputs.address import Address


@pytest.fixture
def heard():
    return queue.Queue()


@pytest.fixture
def listen(heard):
    """Give `listen(ear, after)`: a listener that is closed in the end."""
    made = []

    def begin(ear, after=None):
        made.append(Listener(ear, lambda *what: heard.put(what), after))
        return made[-1]

    yield begin
    for one in made:
        one.close()
        assert one.join()
    assert not [t for t in threading.enumerate() if t.name.startswith("fer-markers")]


def until(wanted):
    deadline = time.monotonic() + 20
    while not wanted():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def send(port, *contents):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        for content in contents:
            made.sendto(content, ("127.0.0.1", port))


def test_each_datagram_is_a_marker_at_the_time_it_came(listen, heard, port):
    one = listen(UdpEar(Address(port=port)))
    until(lambda: one.opened)
    before = time.monotonic()
    send(port, b"trial 1", b"\xff", b"x" * 5000, "trial \u4e2d".encode())
    (first, first_s), (second, second_s) = heard.get(timeout=5), heard.get(timeout=5)
    assert (first, second) == ("trial 1", "trial \u4e2d")
    assert before <= first_s <= second_s <= time.monotonic()
    assert (one.gate.came, one.gate.refused) == (2, 2)
    assert not one.ear.open_to_others


def test_it_listens_to_this_machine_alone_unless_told(listen, port):
    one = listen(UdpEar(Address(port=port)))
    until(lambda: one.opened)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", port))  # else the port were taken there too
    assert UdpEar(Address("0.0.0.0", port)).open_to_others


def test_a_port_that_is_taken_is_said_in_one_line(listen, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        one = listen(UdpEar(Address(port=port)))
        until(lambda: one.error)
    assert f"127.0.0.1:{port}: cannot be listened on" in one.error
    assert "choose another port" in one.error


def test_an_address_of_another_machine_cannot_be_listened_on(listen, port):
    one = listen(UdpEar(Address("192.0.2.1", port)))
    until(lambda: one.error)
    assert "an address of this machine" in one.error


def test_a_port_is_taken_over_from_the_listener_before(listen, heard, port):
    first = listen(UdpEar(Address(port=port)))
    until(lambda: first.opened)
    first.close()
    second = listen(UdpEar(Address(port=port)), first)
    until(lambda: second.opened or second.error)
    assert second.error == ""
    send(port, b"again")
    assert heard.get(timeout=5)[0] == "again"


def test_an_unknown_host_is_called_one_of_markers(listen, port):
    one = listen(UdpEar(Address("no such host", port)))
    until(lambda: one.error)
    assert one.error.startswith(f"markers by UDP no such host:{port}: unknown host")


def test_a_network_that_fails_is_said_and_is_no_long_text(listen, port, monkeypatch):
    class Down(socket.socket):
        def recv(self, *_):
            raise OSError(errno.ENETDOWN, "Network is down")

    monkeypatch.setattr(socket, "socket", Down)
    one = listen(UdpEar(Address(port=port)))
    until(lambda: one.error)
    assert f"127.0.0.1:{port}: cannot be listened on: Network is down" in one.error
    assert one.gate.refused == 0


@pytest.mark.slow
def test_texts_of_a_stream_come_with_the_time_they_were_pushed(listen, heard):
    pylsl = pytest.importorskip("pylsl", reason="pylsl is not installed")
    one = listen(LslEar("fer-live test input", network=False))
    until(lambda: one.opened)
    outlets = {}
    for name, kind, form in (
        ("fer-live test input", "EEG", "float32"),  # not of the type
        ("another", "Markers", "string"),
        ("fer-live test input", "Markers", "string"),
    ):
        info = pylsl.StreamInfo(name, kind, 1, 0, form, f"fer-live {name} {kind}")
        outlets[name, kind] = pylsl.StreamOutlet(info)
    outlet = outlets["fer-live test input", "Markers"]
    assert outlet.wait_for_consumers(20)
    before_s = time.monotonic()
    outlet.push_sample(["now"])
    outlet.push_sample(["before"], pylsl.local_clock() - 2.0)
    outlet.push_sample(["nonsense"], 1e9)
    (now, now_s), (before, at_s), (odd, odd_s) = (heard.get(timeout=10) for _ in range(3))
    assert (now, before, odd) == ("now", "before", "nonsense")
    assert now_s == pytest.approx(before_s, abs=0.2)
    assert at_s == pytest.approx(before_s - 2.0, abs=0.2)
    assert before_s <= odd_s <= time.monotonic()
    assert not outlets["another", "Markers"].have_consumers()


@pytest.mark.slow
def test_a_stream_of_numbers_is_refused(listen):
    pylsl = pytest.importorskip("pylsl", reason="pylsl is not installed")
    info = pylsl.StreamInfo("fer-live codes", "Markers", 1, 0, "int32", "fer-live codes")
    outlet = pylsl.StreamOutlet(info)
    one = listen(LslEar("fer-live codes", network=False))
    until(lambda: one.error)
    assert "the stream holds numbers" in one.error
    del outlet
