"""Sends datagrams without ever waiting: what the system does not take at once is dropped."""

import logging
import socket

from app.outputs.address import Address
from engine.errors import SinkError

log = logging.getLogger(__name__)


class Datagrams:
    """A UDP socket that never blocks. Used by one thread.

    Attributes:
        sent: Datagrams handed to the system.
        dropped: Datagrams that it did not take.
        error: Why the last one was dropped; empty if it was not.
    """

    def __init__(self, address: Address) -> None:
        """Look the address up and make the socket; nothing is sent yet.

        Raises:
            ConfigError: There is no such host.
            SinkError: The system gives no socket.
        """
        self._address = address
        family, self._target = address.resolved()
        try:
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise SinkError(f"output {address}: no socket: {error.strerror}") from error
        self._socket.setblocking(False)
        self.sent = self.dropped = 0
        self.error = ""

    def post(self, content: bytes) -> bool:
        """Send one datagram; False if it was dropped."""
        try:
            self._socket.sendto(content, self._target)
        except OSError as error:  # full, too long, no network: the next one may go through
            self.dropped += 1
            reason = error.strerror or str(error)
            if reason != self.error:
                log.warning("output %s: dropped: %s", self._address, reason)
            self.error = reason
            return False
        self.sent += 1
        self.error = ""
        return True

    def close(self) -> None:
        """Let go of the socket; further calls do nothing."""
        self._socket.close()
