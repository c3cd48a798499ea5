"""Where datagrams go: this machine unless the user names another."""

import ipaddress
import socket
from typing import Annotated, Final, Self

from pydantic import Field

from engine.config import Text, checked
from engine.errors import ConfigError

LOCALHOST: Final = "127.0.0.1"

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]  # what sockets take


@checked("output", kw_only=False)
class Address:
    """A host and a port.

    Attributes:
        host: A name or an address.
        port: 1 to 65535.
    """

    host: Text = LOCALHOST
    port: Annotated[int, Field(ge=1, le=65_535)] = 9000

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``9000``, ``host:9000`` or ``[::1]:9000``; without a host it is this machine.

        Raises:
            ConfigError: There is no port, or it is no number.
        """
        host, colon, port = text.strip().rpartition(":")
        if colon and not host:
            host = LOCALHOST
        if not port.isascii() or not port.isdigit():
            raise ConfigError(f"output {text}: no port; write it as 9000 or host:9000")
        return cls(host.removeprefix("[").removesuffix("]") or LOCALHOST, int(port))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def local(self) -> bool:
        """True if it is this machine by its notation; a name is so only as ``localhost``."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def resolved(self, called: str = "output") -> tuple[socket.AddressFamily, SocketAddress]:
        """Look the host up; may take seconds where it is a name.

        Args:
            called: What the address is of, for the error.

        Returns:
            The family, and what `socket.sendto` takes.

        Raises:
            ConfigError: There is no such host.
        """
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise ConfigError(f"{called} {self}: unknown host: {error.strerror}") from error
        family, _, _, _, target = found[0]
        return family, target
