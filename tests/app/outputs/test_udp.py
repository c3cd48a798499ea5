"""JSON over UDP."""

import json
import socket

from app.outputs.address import Address
from app.outputs.datagrams import Datagrams
from app.outputs.udp import UdpOutput
from app.session.folder import Marker
from engine.labels import EXPRESSIONS

FACES = {1: ("happiness", 0.5, 0.25), 4: ("anger", -0.5, 0.75)}


def test_every_frame_and_marker_is_one_object(make_analysis, listener):
    output = UdpOutput(Address(*listener.getsockname()))
    output.send(make_analysis(7, 1.5, FACES))
    output.mark(Marker(2.5, "stimulus on", "F5"))
    output.close()
    frame = json.loads(listener.recv(65_535))
    face = frame["faces"][1]
    assert [f["id"] for f in frame["faces"]] == [1, 4]
    assert face["label"] == "anger"
    assert face["box"] == [58.0, 20.0, 40.0, 50.0]
    assert (face["valence"], face["arousal"], face["reliability"]) == (-0.5, 0.75, 0.6)
    assert list(face["probabilities"]) == list(EXPRESSIONS)
    del frame["faces"]
    assert frame == {
        "type": "frame",
        "version": 1,
        "frame": 7,
        "time_s": 1.5,
        "width": 160,
        "height": 120,
    }
    assert json.loads(listener.recv(65_535)) == {
        "type": "marker",
        "version": 1,
        "time_s": 2.5,
        "key": "F5",
        "text": "stimulus on",
    }


def test_nobody_listening_is_no_error(make_analysis):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        address = Address(*gone.getsockname())
    output = UdpOutput(address)
    for index in range(50):
        output.send(make_analysis(index, index / 25, FACES))
    assert (output.sent, output.error) == (50, "")
    output.close()


def test_what_is_not_taken_at_once_is_dropped_and_told(listener, caplog):
    datagrams = Datagrams(Address(*listener.getsockname()))
    assert not datagrams.post(b"x" * 100_000)
    assert not datagrams.post(b"x" * 100_000)
    assert (datagrams.sent, datagrams.dropped, datagrams.error) == (0, 2, "Message too long")
    assert len([r for r in caplog.records if "dropped" in r.message]) == 1
    assert datagrams.post(b"x")
    assert (datagrams.sent, datagrams.error) == (1, "")
    datagrams.close()


def test_a_marker_that_lasts_is_told_when_it_begins_and_ends(listener):
    output = UdpOutput(Address(*listener.getsockname()))
    for phase in ("begin", "end", ""):
        output.mark(Marker(2.5, "film", "F5", phase=phase))
    output.close()
    said = [json.loads(listener.recv(65_535)).get("phase") for _ in range(3)]
    assert said == ["begin", "end", None]


def test_a_full_socket_drops_and_never_blocks(listener, monkeypatch):
    class Full:
        blocking = True

        def __init__(self, *_):
            """Of any family."""

        def setblocking(self, blocking):
            Full.blocking = blocking

        def sendto(self, content, target):
            raise BlockingIOError(11, "Resource temporarily unavailable")

        def close(self):
            """Nothing is open."""

    address = Address(*listener.getsockname())
    monkeypatch.setattr("app.outputs.datagrams.socket.socket", Full)
    datagrams = Datagrams(address)
    assert Full.blocking is False
    assert not datagrams.post(b"x")
    assert datagrams.error == "Resource temporarily unavailable"
