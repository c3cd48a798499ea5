"""The speed measurement on a thread of its own, so that the window stays alive."""

import logging
import threading
from collections.abc import Callable

from PyQt6.QtCore import QObject, pyqtSignal

from app.settings.speed import Speed, measure_speed
from engine.analyze import AnalyzerConfig
from engine.errors import FerError

log = logging.getLogger(__name__)

Measure = Callable[[AnalyzerConfig, Callable[[], bool]], Speed | None]


class Measurement(QObject):
    """One measurement; emits exactly one of its signals at its end.

    Attributes:
        measured: Emitted with a `Speed`.
        stopped: Emitted if it was stopped.
        failed: Emitted with a message.
    """

    measured = pyqtSignal(object)
    stopped = pyqtSignal()
    failed = pyqtSignal(str)

    def __init__(self, config: AnalyzerConfig, measure: Measure = measure_speed) -> None:
        """Take what is to be measured.

        Args:
            config: The networks and the device.
            measure: Does the work.
        """
        super().__init__()
        self._config, self._measure = config, measure
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fer-speed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end; returns at once, and may be called any number of times."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; say whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            speed = self._measure(self._config, self._stop.is_set)
        except FerError as error:
            log.warning("speed: %s", error)
            self.failed.emit(str(error))
        except Exception as error:
            log.exception("the speed measurement failed")
            self.failed.emit(f"{type(error).__name__}: {error}")
        else:
            if speed is None:
                self.stopped.emit()
            else:
                self.measured.emit(speed)
