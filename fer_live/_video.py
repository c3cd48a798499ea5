"""Videos, cameras and streams: moment by moment, or into an annotated file."""

import logging
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, Final, Unpack

from app.command.interrupt import Interrupt
from app.command.job import Job, run_job
from app.command.soft import OverlayKind
from app.command.wanted import COVERED, Wanted
from engine.analyze import AnalyzerConfig, check_networks, left_out, open_finder, open_reader
from engine.drawing.overlay import OverlayConfig
from engine.errors import ConfigError, SourceError
from engine.faces.blur import Kind
from engine.mailbox import Closed, Latest
from engine.pipeline import Pipeline
from engine.types import Analysis
from engine.video.audio import Audio
from engine.video.encoders import Codec, Preset
from engine.video.opening import SourceConfig, open_source
from engine.wording import shown
from fer_live._faces import moment_of
from fer_live._options import FilmOptions, Switches, configs_of, path_of
from fer_live._words import in_python, spoken
from fer_live.types import Moment

log = logging.getLogger(__name__)

Source = str | os.PathLike[str] | int

_JOIN_S: Final = 10.0
_CAMERAS: Final = 10**9  # no system numbers them so high


def stream(
    source: Source,
    *,
    rgb: bool = False,
    **options: Unpack[FilmOptions],
) -> Generator[Moment, None, None]:
    """Read the faces of a video, a camera or a network stream, moment by moment.

    Memory does not grow: frames are decoded and analysed a few ahead, on threads of their own.
    Of a file every frame comes, in order; of a live source always the newest, and those that
    nobody had time for are left out. Closing the generator, or dropping it, stops the threads and
    frees the networks.

    Args:
        source: A file, a folder of pictures, a camera (0, ``/dev/video0``) or an address
            (``rtsp://``, ``http://``).
        rgb: Images and crops are RGB.
        options: `start` and `duration`, seconds, say which part to read; `live` leaves moments out
            rather than wait for the reader, also of a source that has an end; with `sequence` the
            pictures of a folder are a film of 25 frames a second, else each is a moment of its
            own, in its own size, and names its `file`; `max_megapixels` is the largest picture of
            a file or stream, None for 150, in videos 36. The others, `model`, `device`,
            `precision`, `detector`, `detector_model`, `detect_every`, `min_face_px`, `max_faces`,
            `relink`, `faces`, `upright`, `smooth`, `threads`, `max_network_mib`, are as
            `engine.analyze.AnalyzerConfig` has them.

    Returns:
        The generator; the source is opened when the first moment is asked for.

    Raises:
        ConfigError: An option is unknown or its value is not allowed; at once.
        ModelError: Unknown model, missing or damaged file, or a device that is not there; at once.
        SourceError: The source is missing or unreadable, or was lost; on the way.
    """
    Switches(rgb=rgb)
    name, (part, config) = name_of(source), configs_of(stream, options)
    with spoken():
        check_networks(config)
    return _moments(analyses_of(name, part, config), rgb)


@spoken()
def annotate(
    video: Source,
    out: str | os.PathLike[str] | None = None,
    *,
    records: str | os.PathLike[str] | None = None,
    compare: str | Sequence[str] | None = None,
    landmarks: bool = False,
    audio: Audio = "copy",
    timeline: bool = True,
    overwrite: bool = False,
    progress: bool = False,
    overlay: OverlayKind | None = None,
    blur: Kind | None = None,
    keep: Sequence[int] | None = None,
    pad: float | None = None,
    codec: Codec | None = None,
    preset: Preset | None = None,
    crf: int | None = None,
    **options: Unpack[FilmOptions],
) -> dict[str, Any]:
    """Write an annotated copy of a video or of pictures, a table of results, or both: `fer-video`.

    Files appear under their names when they are complete. Ctrl-C finishes them with what was done
    so far before it is raised.

    Args:
        video: What `stream` takes.
        out: The annotated video: .mp4, .mkv or .mov; of a picture also a picture; of a folder of
            pictures a folder; None for rows only.
        records: The rows: .csv, .jsonl, .ndjson or .parquet; None for no rows.
        compare: Networks, or their names with commas, that read the same faces side by side: a
            column beside the picture for each, and in the rows, whose last column is ``model``, a
            row of each. None where `model` reads them.
        landmarks: Draw and record the 68 landmarks.
        audio: ``copy`` keeps the sound, as AAC where the file cannot hold it; ``aac``; ``none``.
        timeline: Draw the valence-arousal strip.
        overwrite: Replace existing files.
        progress: Show a bar on stderr.
        overlay: ``burnt`` into the pictures, ``soft`` as a subtitle beside untouched ones (.mkv, or
            .ass alone), ``none``; None is ``soft`` for .ass, else ``burnt``.
        blur: Cover every face with ``blur``, ``mosaic`` or ``box``; None covers none. Up to 64
            faces are then followed unless `max_faces` says otherwise.
        keep: With `blur`, ids of faces that stay bare.
        pad: With `blur`, margin around a face, as a share of it; None is 0.35.
        codec: ``h264``, ``hevc`` or ``av1``; None is H.264, HEVC where the video has 10 or 12 bits.
        preset: The encoder's time for size; None is ``veryfast``.
        crf: The encoder's constant rate factor; None looks like the source.
        options: As those of `stream`.

    Returns:
        What ``fer-video --json`` prints: frames, those dropped of a live source, faces with their
        seconds per expression, times.

    Raises:
        ConfigError: An option is unknown or its value is not allowed, or there is neither `out`
            nor `records`.
        SourceError: The video is missing or unreadable, or was lost on the way.
        ModelError: Unknown model, missing or damaged file, or a device that is not there.
        SinkError: A file exists already, or cannot be written.
        KeyboardInterrupt: Ctrl-C came; what was done is kept, if there was anything.
    """
    Switches(
        landmarks=landmarks,
        timeline=timeline,
        overwrite=overwrite,
        progress=progress,
        audio=audio,
        overlay=overlay,
        blur=blur,
        keep=None if keep is None else tuple(keep),
        pad=pad,
        codec=codec,
        preset=preset,
        crf=crf,
    )
    if blur is not None:
        options.setdefault("max_faces", COVERED)
    part, config = configs_of(annotate, options)
    if compare is not None:
        if "model" in options:
            raise ConfigError("compare: names the networks itself; leave model out")
        named = compare if isinstance(compare, str) else ",".join(compare)
        config = replace(config, model=named)
    if out is None and records is None:
        raise ConfigError("nothing to do; give out for a video or records for rows")
    target = None if out is None else path_of("out", out)
    wanted = Wanted(
        out=target,
        compare=compare is not None,
        overlay=overlay,
        blur=blur,
        pad=pad,
        keep=keep,
        codec=codec,
        preset=preset,
        crf=crf,
    ).of_job()
    job = Job(
        input=name_of(video),
        out=target,
        records=None if records is None else path_of("records", records),
        landmarks=landmarks,
        compare=compare is not None,
        audio=audio,
        overwrite=overwrite,
        source=part,
        analyzer=config,
        overlay=OverlayConfig(timeline=timeline, landmarks=landmarks),
        **wanted,
    )
    with Interrupt() as interrupt:
        outcome = run_job(job, interrupt, show_progress=progress)
    for warning in outcome.warnings:
        log.warning("%s", in_python(warning))
    if interrupt.requested:
        raise KeyboardInterrupt
    return outcome.to_json(job, interrupted=False)


def name_of(source: object) -> str:
    """Give a source the name that the engine opens it by.

    Raises:
        SourceError: It is nothing that can be opened.
        ConfigError: It is an empty text.
    """
    if isinstance(source, int) and not isinstance(source, bool) and 0 <= source < _CAMERAS:
        return str(source)
    if isinstance(source, str | os.PathLike) and not isinstance(os.fspath(source), bytes):
        path = str(path_of("source", source))
        if isinstance(source, str):
            return source
        return f"./{path}" if path.isdecimal() else path  # a bare number would be a camera
    raise SourceError(
        f"source {shown(source)}: expected a path, an address or a camera's number from 0"
    )


def analyses_of(
    name: str, part: SourceConfig, config: AnalyzerConfig
) -> Generator[Analysis, None, None]:
    """Run the engine over a source; closing the generator ends it.

    Raises:
        FerError: As `stream`.
    """
    with spoken(), open_source(name, part) as source:
        find, read = partial(open_finder, config), partial(open_reader, config)
        count = most = 0
        live, alone = source.info.live, bool(source.info.pictures)
        with Pipeline(source, find, read, live=live, alone=alone) as pipeline:
            every = nullcontext(analysis for analysis, _ in pipeline)
            with _newest(pipeline) if live else every as analyses:
                for analysis in analyses:
                    count += 1
                    most = max(most, analysis.left_out)
                    yield analysis
            log.info("%s: %d frames, %d dropped", source.info.name, count, pipeline.dropped)
        for warning in (*source.warnings, *left_out(config, most)):
            log.warning("%s", in_python(warning))
        if not count:
            raise SourceError(f"{source.info.name}: no frames in the part asked for")


def _moments(analyses: Generator[Analysis, None, None], rgb: bool) -> Generator[Moment, None, None]:
    with closing(analyses):
        for analysis in analyses:
            yield moment_of(analysis, rgb=rgb)


@contextmanager
def _newest(pipeline: Pipeline) -> Iterator[Iterator[Analysis]]:
    """Give always the newest result, so that a slow reader does not see the past."""
    newest, errors = Latest[Analysis](), list[Exception]()

    def hand_on() -> None:
        try:
            for analysis, _ in pipeline:
                newest.put(analysis)
        except Closed:
            log.debug("nobody reads any more")
        except Exception as error:  # noqa: BLE001 - the top of a thread; raised in the reader
            errors.append(error)
        finally:
            newest.close()

    def taken() -> Iterator[Analysis]:
        yield from newest
        if errors:
            raise errors[0]

    thread = threading.Thread(target=hand_on, name="fer-newest", daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        newest.close()
        pipeline.stop()
        thread.join(_JOIN_S)
