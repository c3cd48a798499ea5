"""All outputs together."""

import json
import time

import pytest

from app.outputs.address import Address
from app.outputs.lsl import LslConfig
from app.outputs.osc import OscOutput
from app.outputs.outputs import OutputsConfig, open_outputs
from app.session.folder import Marker
from engine.errors import ConfigError

FACES = dict.fromkeys(range(1, 5), ("happiness", 0.5, 0.25))


def test_everything_is_off_by_default(make_analysis):
    with open_outputs(OutputsConfig()) as outputs:
        outputs.send(make_analysis(0, 0.0, FACES))
        assert outputs.status() == ()
    assert not OutputsConfig().leaves_machine


def test_what_leaves_the_machine_is_told():
    assert not OutputsConfig(osc=Address(), udp=Address(), lsl=LslConfig()).leaves_machine
    assert OutputsConfig(osc=Address("10.0.0.2", 9000)).leaves_machine
    assert OutputsConfig(udp=Address("lab-pc", 9000)).leaves_machine
    assert OutputsConfig(lsl=LslConfig(network=True)).leaves_machine


def test_frames_and_markers_go_to_all(make_analysis, listener):
    address = Address(*listener.getsockname())
    with open_outputs(OutputsConfig(osc=address, udp=address)) as outputs:
        outputs.send(make_analysis(0, 0.0, FACES))
        outputs.mark(Marker(0.0, "on"))
        assert [(s.name, s.sent, s.dropped) for s in outputs.status()] == [
            ("OSC", 2, 0),
            ("UDP", 2, 0),
        ]
    got = [listener.recv(65_535) for _ in range(4)]
    assert got[0].startswith(b"#bundle")
    assert json.loads(got[1])["type"] == "frame"
    assert got[2].startswith(b"/fer/marker")
    assert json.loads(got[3])["type"] == "marker"


def test_an_output_that_cannot_open_closes_those_before_it(monkeypatch):
    closed = []
    close = OscOutput.close

    def noted(output):
        closed.append(output)
        close(output)

    monkeypatch.setattr(OscOutput, "close", noted)
    config = OutputsConfig(osc=Address(), udp=Address("no.such.host.invalid", 9000))
    with pytest.raises(ConfigError, match="unknown host"):
        open_outputs(config)
    assert len(closed) == 1


def test_telling_four_faces_takes_little_of_a_frame(make_analysis, listener):
    address = Address(*listener.getsockname())
    analysis = make_analysis(0, 0.0, FACES)
    with open_outputs(OutputsConfig(osc=address, udp=address)) as outputs:
        started = time.perf_counter()
        for _ in range(300):
            outputs.send(analysis)
        spent_ms = 1000 * (time.perf_counter() - started) / 300
    assert spent_ms < 8  # a quarter of a frame, on a busy machine; 0.3 ms on an idle one
