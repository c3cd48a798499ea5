"""Keeps the live outputs as the settings say, without making anybody wait."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from app.outputs.address import Address
from app.outputs.lsl import LslConfig
from app.outputs.outputs import Outputs, OutputsConfig, open_outputs
from app.session.folder import Marker
from app.settings.settings import Settings
from engine.errors import FerError
from engine.types import Analysis

log = logging.getLogger(__name__)


def outputs_of(settings: Settings) -> OutputsConfig:
    """Give what the settings turn on."""
    return OutputsConfig(
        osc=Address(settings.osc_host, settings.osc_port) if settings.osc else None,
        udp=Address(settings.udp_host, settings.udp_port) if settings.udp else None,
        lsl=LslConfig(name=settings.lsl_name) if settings.lsl else None,
    )


class LiveOutputs:
    """The outputs that are on now; opening one looks names up, which happens on a thread.

    Attributes:
        error: Why the last ones could not be opened, one line; empty if they could.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._config = OutputsConfig()
        self._outputs = Outputs(())
        self._lock = threading.Lock()
        self._opener = ThreadPoolExecutor(1, thread_name_prefix="fer-outputs")
        self.error = ""

    def use(self, settings: Settings) -> None:
        """Open what the settings turn on, soon, and close the rest; returns at once."""
        config = outputs_of(settings)
        if config != self._config:
            self._config = config
            self._opener.submit(self._open, config)

    def _open(self, config: OutputsConfig) -> None:
        self._swap(Outputs(())).close()  # first: a port may be needed again
        try:
            self._swap(open_outputs(config)).close()
            self.error = ""
        except FerError as error:
            log.warning("%s", error)
            self.error = str(error)

    def _swap(self, outputs: Outputs) -> Outputs:
        with self._lock:
            before, self._outputs = self._outputs, outputs
        return before

    def send(self, analysis: Analysis) -> None:
        """Tell what one frame shows; from any thread, never waits."""
        self._outputs.send(analysis)

    def mark(self, marker: Marker) -> None:
        """Tell of a marker; from any thread, never waits."""
        self._outputs.mark(marker)

    def close(self) -> None:
        """Close all; further calls do nothing."""
        self._opener.shutdown(wait=True, cancel_futures=True)
        self._swap(Outputs(())).close()
