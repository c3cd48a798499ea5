"""A program that listens."""

import socket

import pytest


@pytest.fixture
def listener():
    """A UDP socket on this machine, five seconds patient."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(5)
        yield made
