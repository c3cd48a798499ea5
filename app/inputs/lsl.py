"""Markers of a Lab Streaming Layer stream: the first text of each sample; see `docs/inputs.md`."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from app.outputs.lsl import load_lsl
from engine.errors import ConfigError

TYPE: Final = "Markers"
LOOK_S: Final = 0.2  # how often it looks up while nothing comes
OLDEST_S: Final = 60.0  # a time stamp further off is none
BUFFER_S: Final = 60  # what LSL calls seconds are hundreds of samples where there is no rate


class LslEar:
    """Waits for a stream of this name, and listens to it; where it ends, waits for the next."""

    name = "LSL"

    def __init__(self, stream: str, *, network: bool) -> None:
        """Take what is looked for; nothing is opened yet.

        Args:
            stream: Its name; its type is `TYPE`.
            network: Look on the local network too, not on this machine alone.
        """
        self.target, self.open_to_others = stream, network

    @contextmanager
    def heard(self) -> Iterator[Iterator[tuple[bytes, float] | None]]:
        """Load the library, and give what comes.

        Raises:
            ConfigError: The library is missing, or the stream holds numbers.
        """
        pylsl = load_lsl(network=self.open_to_others)
        with closing(self._samples(pylsl)) as samples:
            yield samples

    def _samples(self, pylsl: Any) -> Generator[tuple[bytes, float] | None]:  # noqa: ANN401
        from pylsl.util import LostError

        resolver = pylsl.ContinuousResolver(prop="type", value=TYPE)
        while True:
            inlet = self._inlet(pylsl, resolver)
            if inlet is None:
                time.sleep(LOOK_S)
                yield None
                continue
            try:
                while True:
                    yield _sample(pylsl, inlet)
            except LostError:
                time.sleep(LOOK_S)  # it is among the results for some seconds more
            finally:
                inlet.close_stream()

    def _inlet(self, pylsl: Any, resolver: Any) -> Any:  # noqa: ANN401 - an untyped library
        """Open the stream; None while there is none."""
        for info in resolver.results():
            if info.name() != self.target:
                continue
            if info.channel_format() != pylsl.cf_string:
                raise ConfigError(
                    f"markers by LSL {self.target}: the stream holds numbers; name one of texts"
                )
            sync = pylsl.proc_clocksync  # its time stamps are those of this machine's LSL clock
            return pylsl.StreamInlet(info, BUFFER_S, processing_flags=sync)
        return None


def _sample(pylsl: Any, inlet: Any) -> tuple[bytes, float] | None:  # noqa: ANN401
    try:
        sample, stamp_s = inlet.pull_sample(timeout=LOOK_S)
    except UnicodeDecodeError as error:  # the gate says so
        return bytes(error.object), time.monotonic()
    if sample is None:
        return None
    ago_s = pylsl.local_clock() - stamp_s
    return sample[0].encode(), time.monotonic() - (ago_s if 0 <= ago_s < OLDEST_S else 0.0)
