"""One run of `fer-video`: a source through the pipeline into a video and a table."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from app.command.compared import ComparedSummary
from app.command.doubted import SCORE_MIN, Doubted
from app.command.interrupt import Interrupt
from app.command.progress import progress_bar
from app.command.soft import OverlayKind, SoftOutput
from app.command.summary import Summary
from app.command.twice import Notes, Recalled, held_back, image_of
from app.command.written import BESIDE, ENCODE, RECORD, Drawn, OpenOutput, Outputs, take, write_all
from engine.analyze import (
    AnalyzerConfig,
    config_vocabulary,
    left_out,
    open_config_detector,
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
from engine.errors import ConfigError, FerError, SinkError, SourceError
from engine.faces.blur import CoverConfig, FaceBlur, covered, faces_besides
from engine.origin import (
    Origin,
    OriginFile,
    completed,
    keeps_beside,
    origin_of,
    text_of,
)
from engine.pipeline import Draw, Pipeline
from engine.reading.compared import ComparedReader
from engine.reading.reader import Reader
from engine.record import ORIGIN, open_records
from engine.standard import is_standard
from engine.types import Analysis, Image
from engine.video.audio import Audio
from engine.video.encoders import Codec, Preset
from engine.video.opening import Source, SourceConfig, SourceInfo, open_source, shown_source
from engine.video.picture_sink import PictureSink, takes_pictures
from engine.video.planes import Form
from engine.video.sink import SinkConfig, VideoSink


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
    codec: Codec | None = None
    preset: Preset = "veryfast"
    crf: int | None = None
    source: SourceConfig = field(default_factory=SourceConfig)
    analyzer: AnalyzerConfig = field(default_factory=AnalyzerConfig)
    overlay: OverlayConfig = field(default_factory=OverlayConfig)
    overlay_kind: OverlayKind = "burnt"
    cover: CoverConfig | None = None  # faces are covered
    keep: tuple[int, ...] = ()  # ids of those that are not


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
        unwritten: Outputs that were not begun when the work was interrupted.
    """

    summary: Summary
    elapsed_s: float
    device: str | None
    precision: str | None
    warnings: tuple[str, ...]
    error: FerError | None = None
    unwritten: tuple[Path, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)  # where all of it comes from

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
            "blur": None if job.cover is None else job.cover.kind,
            "kept": list(job.keep),
            "sources": (comparison_sources if job.compare else sources_of)(job.analyzer),
            **self.summary.to_json(self.elapsed_s),
            "provenance": dict(self.origin) or None,
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
        self._unwritten: tuple[Path, ...] = ()
        self._reading = replace(job.source, steady=job.cover is not None)
        self._started_s: float | None = None
        self._origin: Origin = {}

    def outcome(self, error: FerError | None) -> Outcome:
        """Give what came of it."""
        elapsed_s = 0.0 if self._started_s is None else time.monotonic() - self._started_s
        device, precision = self._readers[0] if self._readers else (None, None)
        left = left_out(self._job.analyzer, self.summary.left_out)
        if left and self._job.cover is not None:
            left += ("faces that are not read are not covered",)
        warnings = (*(line for lines in self._warned for line in lines), *left)
        return Outcome(
            self.summary,
            elapsed_s,
            device,
            precision,
            warnings,
            error,
            self._unwritten,
            self._completed(),
        )

    def _completed(self) -> Origin:
        """Give where all comes from, with what is known by now; nothing before it began."""
        device, precision = self._readers[0] if self._readers else (None, None)
        if not self._origin:
            return {}
        counts = self.summary.counts
        return completed(self._origin, device=device, precision=precision, frames=counts)

    def __call__(self, interrupt: Interrupt, *, show_progress: bool) -> None:
        job = self._job
        if job.compare:  # before the source is waited for
            check_comparison(job.analyzer)
        with open_source(job.input, self._reading) as source:
            self._started_s = time.monotonic()
            self._warned.append(source.warnings)
            info = source.info
            _spare_input(job, info)
            _check_kept(job, info)
            sources = comparison_sources if job.compare else sources_of
            self._origin = origin_of(info, job.analyzer, _options(job), sources(job.analyzer))
            with ExitStack() as stack:
                outputs = stack.enter_context(_outputs(job, info, self._origin))
                self._warned.append(outputs.warnings)
                twice = job.cover is not None and is_read_twice(info)
                work = self._twice if twice else self._once
                lost = work(source, outputs, interrupt, show_progress=show_progress)
                outputs.describe(self._completed())
            self._warned.append(self._missing())
            if lost is not None:
                raise lost

    def _once(
        self, source: Source, outputs: Outputs, interrupt: Interrupt, *, show_progress: bool
    ) -> SourceError | None:
        """Look at each frame, draw on it, and write it; give what ended the source too early."""
        job, info = self._job, source.info
        draw = None
        if job.out is not None and job.overlay_kind != "soft":
            draw = _drawing(job, job.out, info)
        blur = None
        if job.cover is not None and not info.pictures:
            blur = FaceBlur(keep=job.keep, config=job.cover)
        pipeline = self._pipeline(source, draw if blur is None else None)
        with self._running(pipeline, info, interrupt, shown=show_progress) as advance:
            results = iter(pipeline) if blur is None else held_back(pipeline, blur, draw)
            lost = take(results, outputs, self.summary, advance)
            self._check_any(pipeline, info, interrupt)
        return None if lost is None else SourceError(f"{lost} (what was done is kept)")

    def _twice(
        self, source: Source, outputs: Outputs, interrupt: Interrupt, *, show_progress: bool
    ) -> SourceError | None:
        """Look at a whole film, then read it again to cover faces, draw and write."""
        job, info = self._job, source.info
        out, cover = job.out, job.cover
        if out is None or cover is None:
            raise TypeError("_twice: expected an output and what to cover faces with")
        with ExitStack() as opened:
            doubted = Doubted(open_config_detector(job.analyzer, SCORE_MIN))
            opened.callback(doubted.close)
            beside = None if is_standard(out) else out.parent
            notes = opened.enter_context(closing(Notes(beside, job.keep, doubted)))
            write = outputs.first_note(notes.add)
            pipeline = self._pipeline(source, None)
            with self._running(pipeline, info, interrupt, shown=show_progress) as advance:
                lost = take(iter(pipeline), outputs, self.summary, advance)
                self._check_any(pipeline, info, interrupt)
            source.close()
            if interrupt.requested:
                if job.records is None:
                    raise KeyboardInterrupt
                self._unwritten = (out,)
                return None
            if not outputs.then_write(write, notes.finish):
                return None
            recalled = Recalled(info.name, notes, cover)
            failed = None
            try:
                with open_source(job.input, self._reading) as again:
                    pipeline = Pipeline(
                        again, lambda: recalled, lambda: recalled, _drawing(job, out, info)
                    )
                    with self._running(pipeline, info, interrupt, shown=show_progress) as advance:
                        write_all(iter(pipeline), outputs, self.summary, advance)
            except SourceError as error:
                failed = error
            if lost is not None and notes.done:
                return SourceError(f"{lost} (what was done is kept)")
            if failed is None and not notes.done and not interrupt.requested and outputs.encodes:
                failed = SourceError(
                    f"{info.name}: ends earlier than when it was looked at first; no film is "
                    "written. Is another program writing it?"
                )
            if failed is not None:
                outputs.withdraw()
            return failed

    def _pipeline(self, source: Source, draw: Draw | None) -> Pipeline:
        find, info = partial(open_finder, self._job.analyzer), source.info
        alone = bool(info.pictures)
        return Pipeline(source, find, self._make_reader, draw, live=info.live, alone=alone)

    @contextmanager
    def _running(
        self, pipeline: Pipeline, info: SourceInfo, interrupt: Interrupt, *, shown: bool
    ) -> Iterator[Callable[[], object]]:
        """Run a pipeline; give what to call after each frame."""
        interrupt.stops(pipeline.stop)
        with progress_bar(info.frame_count, shown=shown) as advance, pipeline:
            yield advance

    def _check_any(self, pipeline: Pipeline, info: SourceInfo, interrupt: Interrupt) -> None:
        self.summary.dropped = pipeline.dropped
        if self.summary.frames == 0:
            if interrupt.requested:
                raise KeyboardInterrupt
            raise SourceError(f"{info.name}: no frames in the part asked for")

    def _missing(self) -> tuple[str, ...]:
        """Say which faces that were to stay bare never came."""
        here = {face.prediction.track_id for face in self.summary.picture_faces}
        here |= set(self.summary.faces)
        missing = sorted(set(self._job.keep) - here)
        if not missing:
            return ()
        there = ", ".join(map(str, sorted(here))) or "none"
        return (f"--keep {','.join(map(str, missing))}: no such face; faces here: {there}",)

    def _make_reader(self) -> Reader | ComparedReader:
        opens = open_comparison if self._job.compare else open_reader
        reader = opens(self._job.analyzer)
        self._readers.append((reader.device, reader.precision))
        return reader


def _spare_input(job: Job, info: SourceInfo) -> None:
    """Refuse an output that is the input, or the other output, however they are written."""
    paths = [p for p in (job.out, job.records) if p is not None and not is_standard(p)]
    for path in paths:
        if info.is_at(path):
            raise SinkError(f"{path}: is the input itself; choose another name")
    if len({os.path.realpath(path) for path in paths}) < len(paths):
        raise SinkError(f"{paths[1]}: is the same file as {paths[0]}; choose another name")


def is_read_twice(info: SourceInfo) -> bool:
    """Say whether a source can be looked at as a whole before anything is written of it."""
    return info.path is not None and not info.live and not info.pictures


def _check_kept(job: Job, info: SourceInfo) -> None:
    if job.keep and len(info.pictures) > 1:
        raise ConfigError(
            "--keep: faces of separate pictures have no ids that last; name one picture, or make "
            "the folder a film (--sequence)"
        )


def _drawing(job: Job, out: Path, info: SourceInfo) -> Draw:
    """Give what draws, and covers faces of pictures."""
    draw = _overlaid(job, out, info) if job.overlay_kind == "burnt" else image_of
    cover = job.cover
    if cover is None or not info.pictures:
        return draw

    def draw_covered(analysis: Analysis) -> Image:
        boxes = [box for _, box in faces_besides(analysis, job.keep)]
        return draw(covered(analysis, boxes, cover))

    return draw_covered


def _overlaid(job: Job, out: Path, info: SourceInfo) -> Draw:
    """Give what draws: a film in one size, pictures each in its own, without a strip of time."""
    if not takes_pictures(out, info):
        overlay = _overlay(job, info.width, info.height)
        if isinstance(overlay, Overlay) and _form(job, info) is not None:
            return overlay.over
        return overlay.draw
    still = replace(job, overlay=replace(job.overlay, timeline=False))

    def draw(analysis: Analysis) -> Image:
        width, height = analysis.frame.size
        return _overlay(still, width, height).draw(analysis)

    return draw


def _form(job: Job, info: SourceInfo) -> Form | None:
    """Say what the planes are that are drawn on; None where the drawing needs BGR."""
    plain = job.overlay_kind == "burnt" and not job.compare and job.cover is None
    return info.form if plain else None


def _overlay(job: Job, width: int, height: int) -> Overlay | Comparison:
    return _comparison(job, width, height) if job.compare else Overlay(width, height, job.overlay)


def _comparison(job: Job, width: int, height: int) -> Comparison:
    return Comparison(width, height, tuple(systems_of(job.analyzer)), job.overlay)


def _options(job: Job) -> dict[str, Any]:
    """Say what was asked for, but what the analyzer's config says, and no file's name."""
    names = ("landmarks", "compare", "audio", "codec", "preset", "crf", "overlay_kind", "keep")
    return {name: getattr(job, name) for name in names} | {
        "source": asdict(job.source),
        "overlay": asdict(job.overlay),
        "cover": None if job.cover is None else asdict(job.cover),
    }


@contextmanager
def _outputs(job: Job, info: SourceInfo, origin: Origin) -> Iterator[Outputs]:
    """Open the outputs; finish them on success, discard them on any error."""
    outputs = Outputs()
    try:
        if job.records is not None:
            try:
                outputs.writers[RECORD] = _open_rows(job.records, job)
            except BrokenPipeError as error:
                if job.out is None:
                    raise
                outputs.error = error
        if job.records is not None and keeps_beside(job.records):
            beside = OriginFile(job.records, overwrite=job.overwrite)
            outputs.writers[BESIDE] = OpenOutput(
                beside.path, beside, lambda _, __: None, waits=True, describe=beside.describe
            )
        if job.out is not None:
            if job.cover is not None:  # a film that shows nobody names nobody either
                origin = origin | {"input": origin["input"] | {"name": None, "sha256": None}}
            outputs.writers[ENCODE] = _open_sink(job.out, job, info, {ORIGIN: text_of(origin)})
        yield outputs
    except BaseException:
        outputs.discard()
        raise
    outputs.finish()


def _open_rows(path: Path, job: Job) -> OpenOutput:
    records = open_records(
        path,
        landmarks=job.landmarks,
        overwrite=job.overwrite,
        vocabulary=(comparison_vocabulary if job.compare else config_vocabulary)(job.analyzer),
    )
    return OpenOutput(
        path, records, lambda analysis, _: records.write(analysis), describe=records.describe
    )


def _open_sink(path: Path, job: Job, info: SourceInfo, tags: Mapping[str, str]) -> OpenOutput:
    """Open the output that takes pictures of this source as they are drawn; films have tags."""
    config = SinkConfig(
        audio=job.audio,
        overwrite=job.overwrite,
        pictures=job.cover is None,
        codec=job.codec,
        preset=job.preset,
        crf=job.crf,
        tags=dict(tags),
    )
    if job.overlay_kind == "soft":
        soft = SoftOutput(path, info, job.overlay, config)
        return OpenOutput(path, soft, lambda analysis, _: soft.write(analysis), soft.warnings)
    if takes_pictures(path, info):
        pictures = PictureSink(path, info, overwrite=job.overwrite)

        def keep(analysis: Analysis, image: Drawn) -> None:
            pictures.write(analysis.frame.file or "", cast("Image", image))

        return OpenOutput(path, pictures, keep)
    form = _form(job, info)
    if job.compare:  # the picture, and the columns beside it
        width, height = _comparison(job, info.width, info.height).size
        info = replace(info, width=width, height=height)
    sink = VideoSink(path, info, config, form=form)
    return OpenOutput(
        path,
        sink,
        lambda analysis, image: sink.write(analysis.frame.time_s, image),
        sink.warnings,
    )
