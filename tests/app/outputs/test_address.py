"""Addresses."""

import socket

import pytest

from app.outputs.address import Address
from engine.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "address", "local"),
    [
        ("9000", Address("127.0.0.1", 9000), True),
        (":9000", Address("127.0.0.1", 9000), True),
        ("localhost:7", Address("localhost", 7), True),
        ("127.3.2.1:7", Address("127.3.2.1", 7), True),
        ("[::1]:65535", Address("::1", 65535), True),
        ("192.168.1.5:9000", Address("192.168.1.5", 9000), False),
        ("lab-pc:9000", Address("lab-pc", 9000), False),
        ("[fe80::1]:9000", Address("fe80::1", 9000), False),
    ],
)
def test_an_address_is_this_machine_unless_another_is_named(text, address, local):
    assert Address.parse(text) == address
    assert address.local is local
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize("text", ["", "host", "host:", "host:x", "host:0", "host:70000", "-1"])
def test_a_bad_address_says_so(text):
    with pytest.raises(ConfigError, match="port"):
        Address.parse(text)


def test_names_are_looked_up():
    family, target = Address("127.0.0.1", 9000).resolved()
    assert (family, target) == (socket.AF_INET, ("127.0.0.1", 9000))
    with pytest.raises(ConfigError, match=r"output no\.such\.host\.invalid:9000: unknown host"):
        Address("no.such.host.invalid", 9000).resolved()
    with pytest.raises(ConfigError, match=r"output\.host: must not be empty"):
        Address("", 9000)
