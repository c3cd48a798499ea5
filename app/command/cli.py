"""`fer-video`: a video in, an annotated video and a table of results out."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app.command.interrupt import Interrupt
from engine.command import DEVICES, Parser, count, number, one_of, run_command, say, several
from engine.errors import ConfigError, ModelError
from engine.signals import INTERRUPTED, leave
from engine.standard import OUTPUT_NAME, is_standard
from engine.wording import PURPOSE, shown

if TYPE_CHECKING:
    from app.command.job import Job, Outcome

PROGRAM: Final = "fer-video"
KINDS: Final = ("blur", "mosaic", "box")  # as `CoverConfig` takes them
_MODEL: Final = "poster-rt"
_SECONDS_MAX: Final = 1e9  # as `SourceConfig` takes them
# As `engine.video.encoders` has them, which takes long to import.
CODECS: Final = ("h264", "hevc", "av1")
PRESETS: Final = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow")
CRF_MAX: Final = 63

# Fields of `AnalyzerConfig` by option; its defaults apply where one is not given.
_ANALYZER: Final = {
    "model": "--model",
    "device": "--device",
    "precision": "--precision",
    "detector": "--detector",
    "detector_model": "--detector-model",
    "detect_every": "--detect-every",
    "min_face_px": "--min-face",
    "max_faces": "--max-faces",
    "relink": "--relink",
    "faces": "--faces",
    "upright": "--upright",
    "smooth": "--smooth",
    "max_network_mib": "--max-network-mib",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(PROGRAM, _run, argv, kept="nothing was kept")


def _run(argv: Sequence[str]) -> int:
    options = parser().parse_args(argv)
    if options.list_models is not None:
        return _list_models(options)
    if options.measure:
        raise ConfigError("--measure: goes with --list-models")
    if options.verify is not None:
        return _verify(options)
    with Interrupt(partial(leave, PROGRAM)) as interrupt:
        job = _job(options)
        from app.command.job import try_job
        from engine.native import silence_opencv

        silence_opencv()
        progress = sys.stderr.isatty() and not options.quiet
        outcome = try_job(job, interrupt, show_progress=progress)
        _report(options, job, outcome, interrupted=interrupt.requested)
        if outcome.error is not None:
            raise outcome.error
        return INTERRUPTED if interrupt.requested else 0


def _job(options: argparse.Namespace) -> "Job":
    """Check the options and bring them into the shape that the engine takes."""
    if options.input is None:
        raise ConfigError(f"INPUT is missing; see {PROGRAM} --help")
    if options.out is None and options.records is None:
        raise ConfigError("nothing to do; give --out FILE for a video or --records FILE for rows")
    printed = [
        name
        for name, used in (
            ("--out -", options.out and is_standard(options.out)),
            ("--records -", options.records and is_standard(options.records)),
            ("--json", options.json),
        )
        if used
    ]
    if len(printed) > 1:
        raise ConfigError(f"{' and '.join(printed)}: only one of them can have standard output")
    from app.command.job import Job
    from app.command.wanted import COVERED, Wanted
    from engine.analyze import AnalyzerConfig
    from engine.config import problems
    from engine.drawing.overlay import OverlayConfig
    from engine.video.opening import SourceConfig

    given = {name: value for name, value in vars(options).items() if name in _ANALYZER}
    if options.compare is not None:
        if "model" in given:
            raise ConfigError("--compare: names the networks itself; leave --model out")
        given["model"] = options.compare
    wanted = Wanted(
        out=options.out,
        compare=options.compare is not None,
        overlay=options.overlay,
        blur=options.blur,
        pad=options.pad,
        keep=options.keep,
        codec=options.codec,
        preset=options.preset,
        crf=options.crf,
    ).of_job()
    if options.blur is not None:
        given.setdefault("max_faces", COVERED)
    for field, said in problems(AnalyzerConfig, given).items():
        option = (
            "--compare" if field == "model" and options.compare is not None else _ANALYZER[field]
        )
        raise ConfigError(f"{option}: {said}")
    return Job(
        input=options.input,
        out=options.out,
        records=options.records,
        landmarks=options.landmarks,
        compare=options.compare is not None,
        audio="none" if options.no_audio else options.audio,
        overwrite=options.overwrite,
        source=SourceConfig(
            start_s=options.start,
            duration_s=options.duration,
            live=options.live,
            sequence=options.sequence,
            max_megapixels=options.max_megapixels,
        ),
        analyzer=AnalyzerConfig(**given),
        overlay=OverlayConfig(timeline=not options.no_timeline, landmarks=options.landmarks),
        **wanted,
    )


def _verify(options: argparse.Namespace) -> int:
    """Say whether rows come again."""
    for name, value in {"--out": options.out, "--records": options.records}.items():
        if value is not None:
            raise ConfigError(f"--verify: writes nothing, and takes no {name}")
    from app.command.verify import DIFFERS, verify

    changed = {name: value for name, value in vars(options).items() if name in _ANALYZER}
    with Interrupt(partial(leave, PROGRAM)) as interrupt:
        verdict = verify(options.verify, options.input, changed, interrupt)
    print("\n".join(verdict.lines))
    return 0 if verdict.same else DIFFERS


def _list_models(options: argparse.Namespace) -> int:
    """Print the networks that there are."""
    wanted = {"INPUT": options.input, "--out": options.out, "--records": options.records}
    for name, value in wanted.items():
        if value is not None:
            raise ConfigError(f"--list-models: reads no video, and takes no {name}")
    from app.command.listing import Listing, measured, to_text

    folder = None if options.list_models is True else options.list_models
    listing = Listing.of(folder, getattr(options, "model", ""))
    if options.measure:
        listing = measured(listing, getattr(options, "device", "auto"))
    for problem in listing.problems:
        say(PROGRAM, f"warning: {problem}")
    print(_as_json(listing.to_json()) if options.json else to_text(listing))
    return ModelError.exit_code if listing.failed else 0


def _about() -> tuple[str, ...]:
    """Name model and providers, without loading what takes time."""
    from engine.assets import asset_path
    from engine.networks.manifest import load_manifest
    from engine.networks.ort import onnxruntime
    from engine.networks.runtime import PROVIDERS

    model = load_manifest(asset_path(f"{_MODEL}.onnx"))
    available = onnxruntime.get_available_providers()
    devices = ", ".join(name for name, provider in PROVIDERS.items() if provider in available)
    return (
        f"model {model.name}, sha256 {model.sha256[:12]}",
        f"providers {devices} (onnxruntime {onnxruntime.__version__})",
    )


def _report(
    options: argparse.Namespace, job: "Job", outcome: "Outcome", *, interrupted: bool
) -> None:
    """Write warnings and the closing summary; as JSON also where there was an error."""
    for warning in outcome.warnings:
        say(PROGRAM, f"warning: {warning}")
    summary, elapsed_s = outcome.summary, outcome.elapsed_s
    written = [
        OUTPUT_NAME if is_standard(path) else str(path)
        for path in (job.out, job.records)
        if path is not None and path not in outcome.unwritten
    ]
    if options.json:
        print(_as_json(outcome.to_json(job, interrupted=interrupted)))
    elif not options.quiet and outcome.error is None:
        if interrupted:
            say(PROGRAM, "interrupted; what was done is kept")
        for path in outcome.unwritten:
            say(PROGRAM, f"{path}: not written; faces are covered once the whole film was read")
        print(summary.to_text(elapsed_s), file=sys.stderr)
        if job.cover is not None:
            kept = f" but {', '.join(map(str, job.keep))}" if job.keep else ""
            print(f"faces covered{kept}; those that were never found are bare", file=sys.stderr)
        print(f"{job.analyzer.model} in {outcome.precision} on {outcome.device}", file=sys.stderr)
        print(f"written: {', '.join(written)}", file=sys.stderr)


def _as_json(values: Mapping[str, Any]) -> str:
    """Write values so that standard output can hold them: names of files may be no text at all."""
    text = json.dumps(values, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(values)
    return text


def parser() -> Parser:
    """Describe the command line."""
    parse = Parser(
        prog=PROGRAM,
        version=_about,
        description="Read the facial expressions in a video: an annotated copy and a table.",
        epilog="T is seconds or HH:MM:SS. FILE may be - (standard output): CSV rows, or MKV video."
        " Exit codes: 2 options, 3 input, 4 model, 5 output, 6 too little memory,"
        f" 7 --verify found other rows, 130 interrupted. What it is for: {PURPOSE}",
    )
    add = parse.add_argument
    add(
        "input",
        metavar="INPUT",
        nargs="?",
        help="video, picture, folder, camera (0), address (rtsp://), or - (standard input)",
    )
    add(
        "--out",
        type=Path,
        metavar="FILE",
        help="annotated video or picture, folder of pictures, or .ass",
    )
    add("--records", type=Path, metavar="FILE", help="rows: .csv, .jsonl or .parquet; - prints")
    add(
        "--compare",
        metavar="NAME,NAME",
        help="networks side by side on the same faces: columns beside the picture, rows of each",
    )
    add(
        "--overlay",
        choices=("burnt", "soft", "none"),
        help="draw into the pictures (burnt), as a subtitle beside untouched ones, or not at all",
    )
    add("--landmarks", action="store_true", help="draw and record the 68 landmarks")
    add("--start", type=_seconds, default=0.0, metavar="T", help="where to begin")
    add("--duration", type=_length, metavar="T", help="how much to process (all)")
    add("--live", action="store_true", help="leave frames out rather than fall behind")
    add("--sequence", action="store_true", help="the pictures of a folder are a film, 25 a second")
    add(
        "--audio",
        choices=("copy", "aac", "none"),
        default="copy",
        help="sound as it is where the file can hold it, as AAC, or none (copy)",
    )
    add("--no-audio", action="store_true", help="the same as --audio none")
    add("--codec", choices=CODECS, help="of --out (h264; hevc where the input has 10 or 12 bits)")
    add("--preset", choices=PRESETS, help="encoder's time for size (veryfast)")
    add(
        "--crf",
        type=_factor,
        metavar="N",
        help="quality, less is better (h264 20, hevc 23, av1 28)",
    )
    add("--no-timeline", action="store_true", help="leave the valence-arousal strip out")
    add(
        "--blur",
        type=one_of(KINDS),
        nargs="?",
        const=KINDS[0],
        metavar="HOW",
        help="cover every face in --out: blur, mosaic or box (blur)",
    )
    add("--keep", type=several(count), metavar="ID,ID", help="with --blur: faces that stay bare")
    add("--pad", type=number, metavar="SHARE", help="with --blur: margin around a face (0.35)")
    add("--max-megapixels", type=count, metavar="N", help="largest picture (150, in videos 36)")
    add("--overwrite", action="store_true", help="replace existing output files")
    add("--json", action="store_true", help="print the summary as one JSON object on stdout")
    add(
        "--list-models",
        type=Path,
        nargs="?",
        const=True,
        metavar="DIR",
        help="print the networks there are, or those of a folder, with their figures",
    )
    add(
        "--verify",
        type=Path,
        metavar="ROWS",
        help="read INPUT again as --records did, and say whether the rows are the same",
    )
    add("--measure", action="store_true", help="with --list-models: ms a face on this machine")
    add("--quiet", action="store_true", help="no progress bar and no summary")
    _add_analyzer_options(parse)
    return parse


def _add_analyzer_options(parse: Parser) -> None:
    group = parse.add_argument_group("analysis", argument_default=argparse.SUPPRESS)
    add = group.add_argument
    add("--model", metavar="NAME|PATH", help="expression model, or several with commas (poster-rt)")
    add("--device", choices=DEVICES, help="what to run on (auto)")
    add(
        "--precision",
        choices=("auto", "fp32", "int8"),
        help="int8 is faster on newer processors, and taken there (auto)",
    )
    add("--detector", metavar="NAME", help="face detector: fer, yunet, mtcnn, mediapipe (fer)")
    add("--detector-model", metavar="FILE", help="model file of yunet and mediapipe")
    add("--detect-every", type=int, metavar="N", help="frames between detections (10)")
    add("--min-face", type=int, metavar="PX", dest="min_face_px", help="smallest face (20)")
    add("--max-faces", type=int, metavar="N", help="faces followed at once (8)")
    add("--relink", action="store_true", help="who comes back gets the old id, by looks")
    add("--faces", type=int, metavar="N", help="people in the film: no more ids than these")
    add(
        "--upright",
        action=argparse.BooleanOptionalAction,
        help="where nothing is found, look at the frame turned and stretched too (on)",
    )
    add("--max-network-mib", type=count, metavar="N", help="memory of a network's call (2048)")
    add("--smooth", type=float, metavar="S", help="seconds of smoothing, 0 for none (0.25)")


def _seconds(text: str) -> float:
    """Read ``90``, ``1:30`` or ``00:01:30.5`` as seconds."""
    try:
        numbers = [number(part) for part in text.split(":")]
    except argparse.ArgumentTypeError:
        numbers = []
    sixties = all(part < 60 for part in numbers[1:])
    if not 1 <= len(numbers) <= 3 or min(numbers) < 0 or not sixties:
        raise argparse.ArgumentTypeError(f"expected seconds or HH:MM:SS, got {shown(text)}")
    seconds = sum(part * 60.0**power for power, part in enumerate(reversed(numbers)))
    if seconds > _SECONDS_MAX:
        raise argparse.ArgumentTypeError(f"expected {_SECONDS_MAX:g} seconds at most")
    return seconds


def _factor(text: str) -> int:
    """Read a constant rate factor."""
    factor = int(text) if text.isascii() and text.isdigit() and len(text) < 3 else -1
    if not 0 <= factor <= CRF_MAX:
        raise argparse.ArgumentTypeError(f"expected 0 to {CRF_MAX}, got {shown(text)}")
    return factor


def _length(text: str) -> float:
    """Read a time above 0."""
    seconds = _seconds(text)
    if seconds == 0:
        raise argparse.ArgumentTypeError(f"expected more than 0 seconds, got {shown(text)}")
    return seconds


if __name__ == "__main__":
    raise SystemExit(main())
