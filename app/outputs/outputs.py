"""All outputs together: off unless asked for, and never in the way of the pipeline.

with open_outputs(OutputsConfig(osc=Address.parse("9000"))) as outputs:
    outputs.send(analysis)                # every analysis; microseconds, never waits
    outputs.mark(marker)
    outputs.status()
"""

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from app.outputs.address import Address
from app.outputs.lsl import LslConfig, LslOutput
from app.outputs.osc import OscOutput
from app.outputs.udp import UdpOutput
from app.session.folder import Marker
from engine.config import checked
from engine.types import Analysis

log = logging.getLogger(__name__)


class Output(Protocol):
    """Tells another program."""

    @property
    def name(self) -> str:
        """What a window calls it."""

    @property
    def sent(self) -> int:
        """What was sent."""

    @property
    def dropped(self) -> int:
        """What could not be sent at once, and was not."""

    @property
    def error(self) -> str:
        """Why the last one was dropped; empty if it was not."""

    def send(self, analysis: Analysis) -> None:
        """Tell what one frame shows; never wait."""

    def mark(self, marker: Marker) -> None:
        """Tell of a marker; never wait."""

    def close(self) -> None:
        """Let go of everything; further calls do nothing."""


@checked("outputs")
class OutputsConfig:
    """Which outputs are on; none unless asked for.

    Attributes:
        osc: Where OSC goes.
        udp: Where JSON goes.
        lsl: How the Lab Streaming Layer's streams look.
    """

    osc: Address | None = None
    udp: Address | None = None
    lsl: LslConfig | None = None

    @property
    def leaves_machine(self) -> bool:
        """True if something may go to another machine; a window should say so."""
        addresses = (self.osc, self.udp)
        far = any(address is not None and not address.local for address in addresses)
        return far or (self.lsl is not None and self.lsl.network)


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """How one output is doing.

    Attributes:
        name: What it is called.
        sent: What was sent.
        dropped: What was not.
        error: Why the last one was dropped; empty if it was not.
    """

    name: str
    sent: int
    dropped: int
    error: str


class Outputs:
    """The outputs that are on; from any thread: a marker comes from the window's."""

    def __init__(self, outputs: tuple[Output, ...]) -> None:
        """Take them, open."""
        self._outputs = outputs
        self._lock = threading.Lock()  # held for microseconds: no output waits

    def send(self, analysis: Analysis) -> None:
        """Tell what one frame shows; never waits."""
        with self._lock:
            for output in self._outputs:
                output.send(analysis)

    def mark(self, marker: Marker) -> None:
        """Tell of a marker; never waits."""
        with self._lock:
            for output in self._outputs:
                output.mark(marker)

    def status(self) -> tuple[OutputStatus, ...]:
        """Say how each is doing."""
        return tuple(OutputStatus(o.name, o.sent, o.dropped, o.error) for o in self._outputs)

    def close(self) -> None:
        """Let go of everything; further calls do nothing."""
        with self._lock:
            outputs, self._outputs = self._outputs, ()
        for output in outputs:
            output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_outputs(config: OutputsConfig) -> Outputs:
    """Open what is asked for. Looks names up and loads libraries: not for a window's thread.

    Raises:
        ConfigError: A host is unknown, or a library is missing; nothing is left open.
        SinkError: The system gives no socket; nothing is left open.
    """
    wanted: list[Callable[[], Output]] = []
    if (osc := config.osc) is not None:
        wanted.append(lambda: OscOutput(osc))
    if (udp := config.udp) is not None:
        wanted.append(lambda: UdpOutput(udp))
    if (lsl := config.lsl) is not None:
        wanted.append(lambda: LslOutput(lsl))
    made: list[Output] = []
    with ExitStack() as stack:
        for make in wanted:
            output = make()
            stack.callback(output.close)
            made.append(output)
            log.info("output %s is on", output.name)
        stack.pop_all()
    return Outputs(tuple(made))
