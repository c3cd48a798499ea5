"""One run of `fer-video`: a source through the pipeline into a video and a table."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from app.command.interrupt import Interrupt
from app.command.progress import progress_bar
from app.command.summary import Summary
from engine.analyze import AnalyzerConfig, open_finder, open_reader
from engine.drawing.overlay import Overlay, OverlayConfig
from engine.errors import SourceError
from engine.pipeline import Pipeline
from engine.reading.reader import Reader
from engine.record import open_records
from engine.types import Analysis, Image
from engine.video.opening import SourceConfig, SourceInfo, open_source
from engine.video.sink import SinkConfig, VideoSink

Write = Callable[[Analysis, Image], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to read, what to do with it, and where the results go."""

    input: str
    out: Path | None = None
    records: Path | None = None
    landmarks: bool = False
    audio: bool = True
    overwrite: bool = False
    source: SourceConfig = field(default_factory=SourceConfig)
    analyzer: AnalyzerConfig = field(default_factory=AnalyzerConfig)
    overlay: OverlayConfig = field(default_factory=OverlayConfig)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job.

    Attributes:
        summary: Of every frame written.
        elapsed_s: From opening the outputs to closing them, loading the model included.
        device: What the analysis ran on.
        precision: What the expression network calculated in.
        warnings: One line for each thing that went wrong without ending the work.
    """

    summary: Summary
    elapsed_s: float
    device: str
    precision: str
    warnings: tuple[str, ...]

    def to_json(self, job: Job, *, interrupted: bool) -> dict[str, Any]:
        """Give what was done and what came of it as plain values, ready for `json.dumps`."""
        return {
            "input": job.input,
            "out": None if job.out is None else str(job.out),
            "records": None if job.records is None else str(job.records),
            "interrupted": interrupted,
            "warnings": list(self.warnings),
            "model": job.analyzer.model,
            "device": self.device,
            "precision": self.precision,
            **self.summary.to_json(self.elapsed_s),
        }


def run_job(job: Job, interrupt: Interrupt, *, show_progress: bool = False) -> Outcome:
    """Do the work; an interruption ends it early and leaves finished files.

    Raises:
        SourceError: The source was lost on the way; the outputs hold what came before.
        FerError: It cannot be done; no output is left behind.
        KeyboardInterrupt: Interrupted before the first frame; no output is left behind.
    """
    summary, readers = Summary(), list[tuple[str, str]]()

    def make_reader() -> Reader:
        reader = open_reader(job.analyzer)
        readers.append((reader.device, reader.precision))
        return reader

    with open_source(job.input, job.source) as source:
        started = time.monotonic()
        info = source.info
        with ExitStack() as stack:
            writers = _open_writers(job, info, stack)
            draw = Overlay(info.width, info.height, job.overlay).draw if job.out else None
            find = partial(open_finder, job.analyzer)
            pipeline = Pipeline(source, find, make_reader, draw, live=info.live)
            interrupt.stops(pipeline.stop)
            advance = stack.enter_context(progress_bar(info.frame_count, shown=show_progress))
            lost = _take(stack.enter_context(pipeline), writers, summary, advance)
            if summary.frames == 0:
                if interrupt.requested:
                    raise KeyboardInterrupt
                raise SourceError(f"{info.name}: no frames in the part asked for")
        if lost is not None:
            raise SourceError(f"{lost} (what was done is kept)") from lost
        elapsed_s = time.monotonic() - started
        return Outcome(summary, elapsed_s, *readers[0], tuple(source.warnings))


def _open_writers(job: Job, info: SourceInfo, stack: ExitStack) -> dict[str, Write]:
    """Open the outputs, by stage name; they are finished, or discarded, with `stack`."""
    writers: dict[str, Write] = {}
    if job.records is not None:
        records = open_records(job.records, landmarks=job.landmarks, overwrite=job.overwrite)
        stack.enter_context(_finished(records))
        writers["record"] = lambda analysis, _: records.write(analysis)
    if job.out is not None:
        config = SinkConfig(audio=job.audio, overwrite=job.overwrite)
        sink = VideoSink(job.out, info, config)
        stack.enter_context(_finished(sink))
        writers["encode"] = lambda analysis, image: sink.write(analysis.frame.time_s, image)
    return writers


def _take(
    results: Iterable[tuple[Analysis, Image]],
    writers: dict[str, Write],
    summary: Summary,
    advance: Callable[[], object],
) -> SourceError | None:
    """Write every result; give what ended the source once there was something to keep."""
    try:
        for analysis, image in results:
            summary.add(analysis, _write(writers, analysis, image))
            advance()
    except SourceError as error:
        if summary.frames == 0:
            raise
        return error
    return None


def _write(writers: dict[str, Write], analysis: Analysis, image: Image) -> dict[str, float]:
    """Hand one frame to every writer; give all stages' milliseconds."""
    times_ms = dict(analysis.times_ms)
    for stage, write in writers.items():
        begun = time.monotonic()
        write(analysis, image)
        times_ms[stage] = 1000.0 * (time.monotonic() - begun)
    return times_ms


class _Output(Protocol):
    def close(self) -> None: ...

    def discard(self) -> None: ...


@contextmanager
def _finished(output: _Output) -> Iterator[None]:
    """Close on success, which puts the file in its place; discard on any error."""
    try:
        yield
    except BaseException:
        output.discard()
        raise
    output.close()
