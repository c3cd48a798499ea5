"""What is written of a film: a fault of one output never costs the others."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from app.command.summary import Summary
from engine.errors import SinkError, SourceError
from engine.types import Analysis, Image
from engine.video.planes import Copied

Drawn = Image | Copied
Write = Callable[[Analysis, Drawn], None]
ENCODE: Final = "encode"
RECORD: Final = "record"
NOTE: Final = "note"
BESIDE: Final = "provenance"


class _Output(Protocol):
    def close(self) -> None: ...

    def discard(self) -> None: ...


@dataclass(slots=True)
class OpenOutput:
    """One output, by the name of its stage."""

    path: Path
    output: _Output
    write: Write
    warnings: Sequence[str] = ()  # of the output itself, complete once it is closed
    waits: bool = False  # it is complete, or its time has not come
    describe: Callable[[Mapping[str, object]], object] = bool  # takes where it comes from


class Outputs:
    """The files of a job: a fault of one never costs the others.

    What fails is given up alone; the rest goes on, and the fault is raised at the end.

    Attributes:
        writers: By stage.
        warnings: Of outputs that are closed.
        error: The first fault; None if there was none.
    """

    def __init__(self) -> None:
        self.writers: dict[str, OpenOutput] = {}
        self.warnings: list[str] = []
        self.error: SinkError | BrokenPipeError | None = None

    def write(self, analysis: Analysis, image: Drawn) -> dict[str, float]:
        """Hand one frame to every output; give all stages' milliseconds.

        Raises:
            SinkError: No output is left.
            BrokenPipeError: The same, and the last one was read by nobody any more.
        """
        times_ms = dict(analysis.times_ms)
        for stage, writer in tuple(self.writers.items()):
            if writer.waits:
                continue
            begun = time.monotonic()
            try:
                writer.write(analysis, image)
            except (SinkError, BrokenPipeError) as error:
                self._give_up(stage, error)
                if not self.writers.keys() - {BESIDE}:
                    raise
            times_ms[stage] = 1000.0 * (time.monotonic() - begun)
        return times_ms

    @property
    def encodes(self) -> bool:
        """Whether the film goes on: it was not given up."""
        return ENCODE in self.writers

    def first_note(self, note: Callable[[Analysis], None]) -> Write:
        """Note frames in the place of writing the film; give what writes it."""
        writer = self.writers.pop(ENCODE)
        write = writer.write
        writer.write = lambda analysis, _: note(analysis)
        self.writers[NOTE] = writer
        return write

    def then_write(self, write: Write, finish: Callable[[], None]) -> bool:
        """Write the film, and nothing else any more; False where it was given up.

        Args:
            write: Writes it.
            finish: Finishes the notes.
        """
        try:
            finish()
        except SinkError as error:
            if NOTE in self.writers:
                self._give_up(NOTE, error)
        for writer in self.writers.values():
            writer.waits = True
        if NOTE in self.writers:
            writer = self.writers[ENCODE] = self.writers.pop(NOTE)
            writer.write, writer.waits = write, False
        return self.encodes

    def withdraw(self) -> None:
        """Leave no film."""
        if self.encodes:
            self.writers.pop(ENCODE).output.discard()

    def _give_up(self, stage: str, error: SinkError | BrokenPipeError) -> None:
        self.writers.pop(stage).output.discard()
        if stage == RECORD and BESIDE in self.writers:  # without rows it is about nothing
            self.writers.pop(BESIDE).output.discard()
        self.error = self.error or error

    def finish(self) -> None:
        """Close every output, which puts it in its place.

        Raises:
            SinkError: One of them failed, now or before; the others are in their places.
            BrokenPipeError: The same, since nobody read it any more.
        """
        for stage, writer in tuple(self.writers.items()):
            if stage not in self.writers:  # given up with another one
                continue
            try:
                writer.output.close()
            except (SinkError, BrokenPipeError) as error:
                self._give_up(stage, error)
            self.warnings += writer.warnings
        if isinstance(self.error, BrokenPipeError):
            raise self.error
        if self.error is not None:
            writers = (self.writers[stage] for stage in self.writers if stage != BESIDE)
            kept = ", ".join(str(writer.path) for writer in writers)
            raise SinkError(f"{self.error}" + (f" (kept: {kept})" if kept else ""))

    def describe(self, origin: Mapping[str, object]) -> None:
        """Tell every output where it comes from, before it is closed."""
        for writer in self.writers.values():
            writer.describe(origin)

    def discard(self) -> None:
        """Give every output up."""
        for writer in self.writers.values():
            writer.output.discard()


def take(
    results: Iterable[tuple[Analysis, Drawn]],
    outputs: Outputs,
    summary: Summary,
    advance: Callable[[], object],
) -> SourceError | None:
    """Write every result; give what ended the source once there was something to keep."""
    try:
        for analysis, image in results:
            summary.add(analysis, outputs.write(analysis, image))
            advance()
    except SourceError as error:
        if summary.frames == 0:
            raise
        return error
    return None


def write_all(
    results: Iterable[tuple[Analysis, Drawn]],
    outputs: Outputs,
    summary: Summary,
    advance: Callable[[], object],
) -> None:
    """Write a film whose frames were counted before.

    Raises:
        SourceError: It cannot be read, or is another one.
        SinkError: No output is left.
    """
    for analysis, image in results:
        times_ms = outputs.write(analysis, image)
        summary.add_times({stage: times_ms[stage] for stage in times_ms if stage != "decode"})
        if not outputs.encodes:
            return
        advance()
