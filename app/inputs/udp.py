"""Markers by UDP: the text of one in each datagram. Described in `docs/inputs.md`."""

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.inputs.gate import BYTES_MAX
from app.outputs.address import Address
from engine.errors import ConfigError

PORT: Final = 9002
LOOK_S: Final = 0.2  # how often it looks up while nothing comes


class UdpEar:
    """Listens on a port, of this machine's own address unless another is named."""

    name = "UDP"

    def __init__(self, address: Address) -> None:
        """Take the address; nothing is opened yet."""
        self._address = address
        self.target, self.open_to_others = str(address), not address.local

    @contextmanager
    def heard(self) -> Iterator[Iterator[tuple[bytes, float] | None]]:
        """Open the socket, and give the datagrams that come.

        Raises:
            ConfigError: There is no such address here, the port is taken, or the network fails.
        """
        try:
            family, target = self._address.resolved("markers by UDP")
            made = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise self._refused(error) from error
        with made:
            try:
                made.bind(target)
            except OSError as error:
                raise self._refused(error) from error
            made.settimeout(LOOK_S)
            yield self._datagrams(made)

    def _refused(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"markers by UDP {self._address}: cannot be listened on: {error.strerror or error}; "
            "choose another port, or an address of this machine"
        )

    def _datagrams(self, made: socket.socket) -> Iterator[tuple[bytes, float] | None]:
        while True:
            try:
                content = made.recv(BYTES_MAX + 1)
            except TimeoutError:
                yield None
            except OSError as error:
                if error.errno != errno.EMSGSIZE:  # Windows says so of one that is longer
                    raise self._refused(error) from error
                yield b" " * (BYTES_MAX + 1), time.monotonic()
            else:
                yield content, time.monotonic()
