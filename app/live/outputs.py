"""Keeps the live outputs as the settings say, without making anybody wait."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace

from app.outputs.address import Address
from app.outputs.lsl import LslConfig
from app.outputs.outputs import Outputs, OutputsConfig, open_outputs
from app.session.folder import Marker
from app.settings.settings import Settings
from engine.analyze import AnalyzerConfig, config_vocabulary
from engine.errors import FerError
from engine.types import Analysis

log = logging.getLogger(__name__)


def outputs_of(settings: Settings) -> OutputsConfig:
    """Give what the settings turn on."""
    return OutputsConfig(
        osc=Address(settings.osc_host, settings.osc_port) if settings.osc else None,
        udp=Address(settings.udp_host, settings.udp_port) if settings.udp else None,
        lsl=LslConfig(name=settings.lsl_name, network=settings.lsl_network)
        if settings.lsl
        else None,
    )


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """How one output that the settings turn on is doing.

    Attributes:
        name: What it is called.
        target: Where it goes.
        leaves: It may go to another machine.
        opening: It is not open yet.
        sent: What was sent.
        dropped: What was not.
        error: Why it is not open, or why the last one was dropped; empty if all is well.
    """

    name: str
    target: str
    leaves: bool
    opening: bool
    sent: int
    dropped: int
    error: str


@dataclass(frozen=True, slots=True, eq=False)
class _One:
    """An output of its own: one that cannot be opened takes no other with it."""

    config: OutputsConfig
    outputs: Outputs | None = None
    error: str = ""

    def status(self, name: str) -> LiveStatus:
        target = getattr(self.config, name)
        shown = target.name if isinstance(target, LslConfig) else str(target)
        leaves, opening = self.config.leaves_machine, self.outputs is None and not self.error
        if self.outputs is None:
            return LiveStatus(name.upper(), shown, leaves, opening, 0, 0, self.error)
        said = self.outputs.status()
        if not said:  # it is being closed
            return LiveStatus(name.upper(), shown, leaves, True, 0, 0, "")
        (now,) = said
        return LiveStatus(now.name, shown, leaves, False, now.sent, now.dropped, now.error)


def _with_classes(config: OutputsConfig, model: AnalyzerConfig | None) -> OutputsConfig:
    """Give LSL a channel for each class of the model beyond the eight."""
    if config.lsl is None or model is None:
        return config
    return replace(config, lsl=replace(config.lsl, extra=config_vocabulary(model).extra))


class LiveOutputs:
    """The outputs that are on now; opening one looks names up, which happens on a thread."""

    def __init__(self) -> None:
        """Start with none."""
        self._config = OutputsConfig()
        self._model: AnalyzerConfig | None = None
        self._ones: dict[str, _One] = {}
        self._lock = threading.Lock()
        self._opener = ThreadPoolExecutor(1, thread_name_prefix="fer-outputs")

    def use(self, settings: Settings) -> None:
        """Open what the settings turn on, soon, and close the rest; returns at once."""
        config = outputs_of(settings)
        # Its classes have channels.
        model = AnalyzerConfig(model=settings.model) if config.lsl else None
        if (config, model) == (self._config, self._model):
            return
        self._config, self._model = config, model
        wanted = {
            field.name: replace(OutputsConfig(), **{field.name: value})
            for field in fields(config)
            if (value := getattr(config, field.name)) is not None
        }
        with self._lock:
            before, self._ones = self._ones, {name: _One(one) for name, one in wanted.items()}
        self._opener.submit(self._open, before, wanted, model)

    def _open(
        self,
        before: dict[str, _One],
        wanted: dict[str, OutputsConfig],
        model: AnalyzerConfig | None,
    ) -> None:
        for one in before.values():  # first: a port may be needed again
            if one.outputs is not None:
                one.outputs.close()
        for name, config in wanted.items():
            try:
                made = _One(config, open_outputs(_with_classes(config, model)))
            except FerError as error:
                log.warning("%s", error)
                made = _One(config, error=str(error))
            except Exception as error:
                log.exception("output %s", name)
                made = _One(config, error=f"output {name}: {error}")
            with self._lock:
                still = self._ones.get(name)
                if still is not None and still.config is config:
                    self._ones[name] = made
                    continue
            if made.outputs is not None:  # other settings came meanwhile
                made.outputs.close()

    def status(self) -> tuple[LiveStatus, ...]:
        """Say how each is doing that the settings turn on."""
        with self._lock:
            ones = dict(self._ones)
        return tuple(one.status(name) for name, one in ones.items())

    def _open_ones(self) -> list[Outputs]:
        with self._lock:
            return [one.outputs for one in self._ones.values() if one.outputs is not None]

    def send(self, analysis: Analysis) -> None:
        """Tell what one frame shows; from any thread, never waits."""
        for outputs in self._open_ones():
            outputs.send(analysis)

    def mark(self, marker: Marker) -> None:
        """Tell of a marker; from any thread, never waits."""
        for outputs in self._open_ones():
            outputs.mark(marker)

    def close(self) -> None:
        """Close all; further calls do nothing."""
        self._opener.shutdown(wait=True, cancel_futures=True)
        for outputs in self._open_ones():
            outputs.close()
        with self._lock:
            self._ones = {}
