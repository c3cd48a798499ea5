"""Keeps the listeners for markers as the settings say, without making anybody wait."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from app.inputs.listener import Ear, Listener
from app.inputs.lsl import LslEar
from app.inputs.udp import UdpEar
from app.outputs.address import Address
from app.settings.settings import Settings

Take = Callable[[str, str, float], object]  # text, how it came, and when: `time.monotonic()`


def ears_of(settings: Settings) -> dict[str, tuple[object, ...]]:
    """Give what the settings turn on: by name, all that its ear depends on."""
    wanted: dict[str, tuple[object, ...]] = {}
    if settings.hear_udp:
        wanted["UDP"] = (settings.hear_udp_host, settings.hear_udp_port)
    if settings.hear_lsl:
        wanted["LSL"] = (settings.hear_lsl_stream, settings.lsl_network)
    return wanted


def _ear(name: str, settings: Settings) -> Ear:
    if name == "UDP":
        return UdpEar(Address(settings.hear_udp_host, settings.hear_udp_port))
    return LslEar(settings.hear_lsl_stream, network=settings.lsl_network)


@dataclass(frozen=True, slots=True)
class InputStatus:
    """How one listener is doing.

    Attributes:
        name: What it is called.
        target: Where it listens.
        open_to_others: Other machines may be heard.
        opening: It is not open yet.
        came: Markers that came.
        refused: Texts that can be no marker.
        why: Why the last one was refused; empty before the first.
        error: Why it does not listen; empty if it does.
    """

    name: str
    target: str
    open_to_others: bool
    opening: bool
    came: int
    refused: int
    why: str
    error: str


class LiveInputs:
    """The listeners that are on now. Used by one thread; markers come on others."""

    def __init__(self, take: Take) -> None:
        """Start with none.

        Args:
            take: Gets each marker, on the listener's thread; must not wait.
        """
        self._take = take
        self._wanted: dict[str, tuple[object, ...]] = {}
        self._listeners: dict[str, Listener] = {}

    def use(self, settings: Settings) -> None:
        """Begin to listen as the settings say, soon, and end the rest; returns at once.

        What failed is tried again.
        """
        wanted = ears_of(settings)
        before, self._listeners = self._listeners, {}
        for name, listener in before.items():
            if wanted.get(name) == self._wanted[name] and not listener.error:
                self._listeners[name] = listener
            else:
                listener.close()
        for name in [name for name in wanted if name not in self._listeners]:
            take = partial(self._came, name)
            self._listeners[name] = Listener(_ear(name, settings), take, before.get(name))
        self._wanted = wanted

    def _came(self, name: str, text: str, at_s: float) -> None:
        self._take(text, name, at_s)

    def status(self) -> tuple[InputStatus, ...]:
        """Say how each is doing that the settings turn on."""
        return tuple(
            InputStatus(
                name=one.ear.name,
                target=one.ear.target,
                open_to_others=one.ear.open_to_others,
                opening=not (one.opened or one.error),
                came=one.gate.came,
                refused=one.gate.refused,
                why=one.gate.why,
                error=one.error,
            )
            for one in self._listeners.values()
        )

    def close(self) -> None:
        """Listen no more; further calls do nothing."""
        for listener in self._listeners.values():
            listener.close()
        for listener in self._listeners.values():
            listener.join()
        self._listeners, self._wanted = {}, {}
