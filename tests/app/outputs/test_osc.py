"""OSC, decoded by hand and by another library."""

import pytest

from app.outputs.address import Address
from app.outputs.osc import OscOutput, bundle, frame_bundle, message
from app.session.folder import Marker

FACES = {1: ("happiness", 0.5, 0.25), 4: ("anger", -0.5, 0.75)}


def test_messages_are_those_of_the_specification():
    # "/oscillator/4/frequency" with 440.0, and "/foo" as printed in OSC 1.0's examples.
    assert message("/oscillator/4/frequency", 440.0) == (
        b"/oscillator/4/frequency\0,f\0\0\x43\xdc\x00\x00"
    )
    assert message("/foo", 1000, -1, "hello", 1.234, 5.678) == (
        b"/foo\0\0\0\0,iisff\0\0\x00\x00\x03\xe8\xff\xff\xff\xffhello\0\0\0"
        b"\x3f\x9d\xf3\xb6\x40\xb5\xb2\x2d"
    )
    assert bundle(message("/a")) == (b"#bundle\0\0\0\0\0\0\0\0\1\0\0\0\x08/a\0\0,\0\0\0")


def _decoded(content):
    osc = pytest.importorskip("pythonosc.osc_packet", reason="python-osc is not installed")
    return [(m.message.address, m.message.params) for m in osc.OscPacket(content).messages]


def test_another_library_reads_every_frame(make_analysis, listener):
    output = OscOutput(Address(*listener.getsockname()))
    output.send(make_analysis(7, 1.5, FACES))
    output.mark(Marker(2.5, "Zürich, 中", "F5"))
    output.close()
    output.close()
    messages = _decoded(listener.recv(65_535))
    assert [address for address, _ in messages] == [
        "/fer/frame",
        "/fer/face",
        "/fer/probabilities",
        "/fer/face",
        "/fer/probabilities",
    ]
    assert messages[0][1] == [7, 1.5, 2, 160, 120]
    assert messages[1][1] == [
        1,
        "happiness",
        pytest.approx(0.65),
        pytest.approx(0.6),
        0.5,
        0.25,
        8.0,
        20.0,
        40.0,
        50.0,
    ]
    assert messages[4][1] == [4, *[pytest.approx(0.65 if i == 4 else 0.05) for i in range(8)]]
    assert _decoded(listener.recv(65_535)) == [("/fer/marker", [2.5, "F5", "Zürich, 中"])]
    assert (output.sent, output.dropped, output.error) == (2, 0, "")


def test_a_frame_without_faces_is_told_too(make_analysis):
    assert _decoded(frame_bundle(make_analysis(0, 0.0))) == [("/fer/frame", [0, 0.0, 0, 160, 120])]


def test_a_datagram_holds_many_faces(make_analysis):
    faces = dict.fromkeys(range(1, 33), ("happiness", 0.1, 0.1))
    assert len(frame_bundle(make_analysis(0, 0.0, faces))) < 9000


def test_a_marker_that_lasts_has_addresses_of_its_own(listener):
    output = OscOutput(Address(*listener.getsockname()))
    for phase in ("begin", "end"):
        output.mark(Marker(2.5, "film", "F5", phase=phase))
        assert _decoded(listener.recv(65_535)) == [(f"/fer/marker/{phase}", [2.5, "F5", "film"])]
    output.close()
