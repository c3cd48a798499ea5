"""Listeners as the settings say."""

import socket
import time

import pytest

from app.live.inputs import LiveInputs
from app.settings.settings import Settings


@pytest.fixture
def inputs():
    made = LiveInputs(lambda *_: None)
    yield made
    made.close()


def wait(inputs, wanted):
    deadline = time.monotonic() + 20
    while not wanted(inputs.status()[0]):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_failed_is_tried_again_with_the_next_settings(inputs):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        settings = Settings(hear_udp=True, hear_udp_port=other.getsockname()[1])
        inputs.use(settings)
        wait(inputs, lambda state: state.error)
    inputs.use(settings)
    wait(inputs, lambda state: not state.opening)
    assert inputs.status()[0].error == ""


def test_one_that_listens_goes_on_under_the_same_settings(inputs):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
    inputs.use(Settings(hear_udp=True, hear_udp_port=port))
    wait(inputs, lambda state: not state.opening)
    inputs.use(Settings(hear_udp=True, hear_udp_port=port, landmarks=True))
    assert not inputs.status()[0].opening
