"""Several systems side by side: each reads the same faces for itself."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing

from engine.reading.reader import Reader
from engine.types import Analysis, Compared, Found


class ComparedReader:
    """Reads what found faces show by several systems; belongs to the thread that made it.

    Attributes:
        systems: Their names.
        devices: What each runs on.
        precisions: What each calculates in.
    """

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        """Take the readers, at least one, by the names of their systems; they are closed here."""
        self._readers = dict(readers)
        self.systems = tuple(self._readers)
        self.devices = tuple(reader.device for reader in self._readers.values())
        self.precisions = tuple(reader.precision for reader in self._readers.values())

    @property
    def device(self) -> str:
        """What they run on."""
        return ", ".join(dict.fromkeys(self.devices))

    @property
    def precision(self) -> str:
        """What they calculate in."""
        return ", ".join(dict.fromkeys(self.precisions))

    def close(self) -> None:
        """Free the networks."""
        with ExitStack() as opened:
            for reader in self._readers.values():
                opened.enter_context(closing(reader))

    def read(self, several: Sequence[Found]) -> list[Analysis]:
        """Read the faces of the next frames, one call of each system.

        Raises:
            ModelError: Inference failed.
        """
        said, spent_ms = [], {}
        for name, reader in self._readers.items():
            started = time.perf_counter()
            said.append(reader.read(several))
            spent_ms[f"read {name}"] = 1000 * (time.perf_counter() - started)
        faces = max(1, sum(len(found.tracks) for found in several))
        return [
            Compared(
                found.frame,
                found.tracks,
                each[0].predictions,
                dict(found.times_ms)
                | {name: ms * len(found.tracks) / faces for name, ms in spent_ms.items()},
                found.left_out,
                self.systems,
                tuple(analysis.predictions for analysis in each),
                tuple(sighting.face.crop for sighting in found.sightings),
            )
            for found, each in zip(several, zip(*said, strict=True), strict=True)
        ]
