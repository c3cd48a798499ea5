"""One run of `fer-video`: a source through the pipeline into a video and a table."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from app.command.compared import ComparedSummary
from app.command.interrupt import Interrupt
from app.command.progress import progress_bar
from app.command.summary import Summary
from engine.analyze import (
    AnalyzerConfig,
    config_vocabulary,
    left_out,
    open_finder,
    open_reader,
    sources_of,
)
from engine.compare import (
    check_comparison,
    comparison_sources,
    comparison_vocabulary,
    open_comparison,
    systems_of,
)
from engine.drawing.comparison import Comparison
from engine.drawing.overlay import Overlay, OverlayConfig
from engine.errors import FerError, SinkError, SourceError
from engine.pipeline import Draw, Pipeline
from engine.reading.compared import ComparedReader
from engine.reading.reader import Reader
from engine.record import open_records
from engine.standard import is_standard
from engine.types import Analysis, Image
from engine.video.audio import Audio
from engine.video.opening import SourceConfig, SourceInfo, open_source, shown_source
from engine.video.picture_sink import PictureSink, takes_pictures
from engine.video.sink import SinkConfig, VideoSink

Write = Callable[[Analysis, Image], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to read, what to do with it, and where the results go."""

    input: str
    out: Path | None = None
    records: Path | None = None
    landmarks: bool = False
    compare: bool = False  # the model's networks are systems, side by side
    audio: Audio = "copy"
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
        device: What the analysis ran on; None if it ended before that was known.
        precision: What the expression network calculated in; None likewise.
        warnings: One line for each thing that went wrong without ending the work.
        error: What ended the work, or cost an output; None if nothing did.
    """

    summary: Summary
    elapsed_s: float
    device: str | None
    precision: str | None
    warnings: tuple[str, ...]
    error: FerError | None = None

    def to_json(self, job: Job, *, interrupted: bool) -> dict[str, Any]:
        """Give what was done and what came of it as plain values, ready for `json.dumps`."""
        return {
            "input": shown_source(job.input),
            "out": None if job.out is None else str(job.out),
            "records": None if job.records is None else str(job.records),
            "interrupted": interrupted,
            "warnings": list(self.warnings),
            "error": None if self.error is None else str(self.error),
            "model": job.analyzer.model,
            "device": self.device,
            "precision": self.precision,
            "sources": (comparison_sources if job.compare else sources_of)(job.analyzer),
            **self.summary.to_json(self.elapsed_s),
        }


def run_job(job: Job, interrupt: Interrupt, *, show_progress: bool = False) -> Outcome:
    """Do the work; an interruption ends it early and leaves finished files.

    Raises:
        SourceError: The source was lost on the way; the outputs hold what came before.
        FerError: It cannot be done; no output is left behind.
        KeyboardInterrupt: Interrupted before the first frame; no output is left behind.
    """
    outcome = try_job(job, interrupt, show_progress=show_progress)
    if outcome.error is not None:
        raise outcome.error
    return outcome


def try_job(job: Job, interrupt: Interrupt, *, show_progress: bool = False) -> Outcome:
    """Do the work as `run_job` does, and tell what came of it also where that is an error.

    Raises:
        KeyboardInterrupt: Interrupted before the first frame; no output is left behind.
    """
    run = _Run(job)
    try:
        run(interrupt, show_progress=show_progress)
    except FerError as error:
        if interrupt.requested and not run.summary.frames:
            raise  # a library that was interrupted may say anything
        return run.outcome(error)
    return run.outcome(None)


class _Run:
    """One run of a job, and what is known of it so far."""

    def __init__(self, job: Job) -> None:
        self._job = job
        systems = systems_of(job.analyzer) if job.compare else {}
        self.summary = ComparedSummary(tuple(systems)) if systems else Summary()
        self._readers = list[tuple[str, str]]()
        self._warned = list[Sequence[str]]()
        self._started_s: float | None = None

    def outcome(self, error: FerError | None) -> Outcome:
        """Give what came of it."""
        elapsed_s = 0.0 if self._started_s is None else time.monotonic() - self._started_s
        device, precision = self._readers[0] if self._readers else (None, None)
        left = left_out(self._job.analyzer, self.summary.left_out)
        warnings = (*(line for lines in self._warned for line in lines), *left)
        return Outcome(self.summary, elapsed_s, device, precision, warnings, error)

    def __call__(self, interrupt: Interrupt, *, show_progress: bool) -> None:
        job, summary = self._job, self.summary
        if job.compare:  # before the source is waited for
            check_comparison(job.analyzer)
        with open_source(job.input, job.source) as source:
            self._started_s = time.monotonic()
            self._warned.append(source.warnings)
            info = source.info
            _spare_input(job, info)
            with ExitStack() as stack:
                outputs = stack.enter_context(_outputs(job, info))
                self._warned.append(outputs.warnings)
                draw = None if job.out is None else _drawing(job, job.out, info)
                find = partial(open_finder, job.analyzer)
                alone = bool(info.pictures)
                pipeline = Pipeline(
                    source, find, self._make_reader, draw, live=info.live, alone=alone
                )
                interrupt.stops(pipeline.stop)
                advance = stack.enter_context(progress_bar(info.frame_count, shown=show_progress))
                lost = _take(stack.enter_context(pipeline), outputs, summary, advance)
                summary.dropped = pipeline.dropped
                if summary.frames == 0:
                    if interrupt.requested:
                        raise KeyboardInterrupt
                    raise SourceError(f"{info.name}: no frames in the part asked for")
            if lost is not None:
                raise SourceError(f"{lost} (what was done is kept)") from lost

    def _make_reader(self) -> Reader | ComparedReader:
        opens = open_comparison if self._job.compare else open_reader
        reader = opens(self._job.analyzer)
        self._readers.append((reader.device, reader.precision))
        return reader


def _spare_input(job: Job, info: SourceInfo) -> None:
    """Refuse an output that is the input, however either is written."""
    for path in (job.out, job.records):
        if path is not None and not is_standard(path) and info.is_at(path):
            raise SinkError(f"{path}: is the input itself; choose another name")


def _drawing(job: Job, out: Path, info: SourceInfo) -> Draw:
    """Give what draws: a film in one size, pictures each in its own, without a strip of time."""
    if not takes_pictures(out, info):
        return _overlay(job, info.width, info.height).draw
    still = replace(job, overlay=replace(job.overlay, timeline=False))

    def draw(analysis: Analysis) -> Image:
        height, width = analysis.frame.image.shape[:2]
        return _overlay(still, width, height).draw(analysis)

    return draw


def _overlay(job: Job, width: int, height: int) -> Overlay | Comparison:
    return _comparison(job, width, height) if job.compare else Overlay(width, height, job.overlay)


def _comparison(job: Job, width: int, height: int) -> Comparison:
    return Comparison(width, height, tuple(systems_of(job.analyzer)), job.overlay)


class _Output(Protocol):
    def close(self) -> None: ...

    def discard(self) -> None: ...


@dataclass(slots=True)
class _OpenOutput:
    """One output, by the name of its stage."""

    path: Path
    output: _Output
    write: Write
    warnings: Sequence[str] = ()  # of the output itself, complete once it is closed


class _Outputs:
    """The files of a job: a fault of one never costs the others.

    What fails is given up alone; the rest goes on, and the fault is raised at the end.

    Attributes:
        writers: By stage.
        warnings: Of outputs that are closed.
        error: The first fault; None if there was none.
    """

    def __init__(self) -> None:
        self.writers: dict[str, _OpenOutput] = {}
        self.warnings: list[str] = []
        self.error: SinkError | BrokenPipeError | None = None

    def write(self, analysis: Analysis, image: Image) -> dict[str, float]:
        """Hand one frame to every output; give all stages' milliseconds.

        Raises:
            SinkError: No output is left.
            BrokenPipeError: The same, and the last one was read by nobody any more.
        """
        times_ms = dict(analysis.times_ms)
        for stage, writer in tuple(self.writers.items()):
            begun = time.monotonic()
            try:
                writer.write(analysis, image)
            except (SinkError, BrokenPipeError) as error:
                self._give_up(stage, error)
                if not self.writers:
                    raise
            times_ms[stage] = 1000.0 * (time.monotonic() - begun)
        return times_ms

    def _give_up(self, stage: str, error: SinkError | BrokenPipeError) -> None:
        self.writers.pop(stage).output.discard()
        self.error = self.error or error

    def finish(self) -> None:
        """Close every output, which puts it in its place.

        Raises:
            SinkError: One of them failed, now or before; the others are in their places.
            BrokenPipeError: The same, since nobody read it any more.
        """
        for stage, writer in tuple(self.writers.items()):
            try:
                writer.output.close()
            except (SinkError, BrokenPipeError) as error:
                self._give_up(stage, error)
            self.warnings += writer.warnings
        if isinstance(self.error, BrokenPipeError):
            raise self.error
        if self.error is not None:
            kept = ", ".join(str(writer.path) for writer in self.writers.values())
            raise SinkError(f"{self.error}" + (f" (kept: {kept})" if kept else ""))

    def discard(self) -> None:
        """Give every output up."""
        for writer in self.writers.values():
            writer.output.discard()


@contextmanager
def _outputs(job: Job, info: SourceInfo) -> Iterator[_Outputs]:
    """Open the outputs; finish them on success, discard them on any error."""
    outputs = _Outputs()
    try:
        if job.records is not None:
            try:
                outputs.writers["record"] = _open_rows(job.records, job)
            except BrokenPipeError as error:
                if job.out is None:
                    raise
                outputs.error = error
        if job.out is not None:
            outputs.writers["encode"] = _open_sink(job.out, job, info)
        yield outputs
    except BaseException:
        outputs.discard()
        raise
    outputs.finish()


def _open_rows(path: Path, job: Job) -> _OpenOutput:
    records = open_records(
        path,
        landmarks=job.landmarks,
        overwrite=job.overwrite,
        vocabulary=(comparison_vocabulary if job.compare else config_vocabulary)(job.analyzer),
    )
    return _OpenOutput(path, records, lambda analysis, _: records.write(analysis))


def _open_sink(path: Path, job: Job, info: SourceInfo) -> _OpenOutput:
    """Open the output that takes pictures of this source as they are drawn."""
    if takes_pictures(path, info):
        pictures = PictureSink(path, info, overwrite=job.overwrite)

        def keep(analysis: Analysis, image: Image) -> None:
            pictures.write(analysis.frame.file or "", image)

        return _OpenOutput(path, pictures, keep)
    if job.compare:  # the picture, and the columns beside it
        width, height = _comparison(job, info.width, info.height).size
        info = replace(info, width=width, height=height)
    sink = VideoSink(path, info, SinkConfig(audio=job.audio, overwrite=job.overwrite))
    return _OpenOutput(
        path,
        sink,
        lambda analysis, image: sink.write(analysis.frame.time_s, image),
        sink.warnings,
    )


def _take(
    results: Iterable[tuple[Analysis, Image]],
    outputs: _Outputs,
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
