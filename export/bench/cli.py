"""`fer-bench [MODEL.onnx ...]`: what networks, stages and the command cost, what is found."""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from engine.command import (
    DEVICES,
    Parser,
    add_data_options,
    count,
    libraries,
    number,
    one_of,
    run_command,
    several,
    whole_number,
)
from engine.errors import ConfigError, SinkError, SourceError

if TYPE_CHECKING:
    from export.bench.tables import Measurements

PROGRAM: Final = "fer-bench"
PARTS: Final = ("networks", "stages", "command", "finding", "following", "reading")
USUAL: Final = PARTS[:3]  # the others need the data packs
FILES: Final = ("bench.json", "bench.csv", "bench.md", "bench.png")
PICTURE: Final = "bench.png"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure from the command line; return the exit code."""
    return run_command(PROGRAM, _run, argv, extra="bench", kept="nothing was written")


def _run(argv: Sequence[str]) -> None:
    _bench(parser().parse_args(argv), argv)


def parser() -> Parser:
    """Describe the command line."""
    parse = Parser(
        prog=PROGRAM,
        version=libraries("onnxruntime", "onnx", "torch", "tensorrt"),
        description=__doc__,
    )
    add = parse.add_argument
    add("models", type=Path, nargs="*", metavar="MODEL.onnx", help="networks; default all shipped")
    add(
        "--device",
        type=several(one_of(DEVICES)),
        default=("auto",),
        help=f"of {', '.join(DEVICES)}",
    )
    add("--precision", type=several(str), default=(), help="only networks of these, fp32,int8")
    add("--batches", type=several(count), default=(1, 2, 4, 8), help="faces of a call (1,2,4,8)")
    add("--threads", type=several(count), default=(1, 2), help="of a network on a CPU (1,2)")
    add("--rounds", type=count, default=200, help="timed calls of each case (200)")
    add("--seed", type=int, default=0, help="of inputs and orders (0)")
    add("--clips", type=Path, nargs="+", metavar="CLIP", help="videos; default the shipped one")
    add("--repeats", type=count, default=5, help="runs of the command behind a median (5)")
    add("--soak", type=_minutes, metavar="MINUTES", help="also memory over a looped video")
    add(
        "--parts",
        type=several(one_of(PARTS)),
        default=USUAL,
        help=f"of {', '.join(PARTS)} ({','.join(USUAL)})",
    )
    add_data_options(parse)
    add("--sets", type=count, default=10, help="of films behind `following`, people by lot (10)")
    add("--people", type=count, default=60, help="of a cell of `finding`'s grid (60)")
    add("--film", type=Path, metavar="CLIP", help="short_hamilton_clip.mp4 (DATA/../media)")
    add("--sheets", type=Path, metavar="DIR", help="keep pictures of what `finding` got wrong")
    add("--detector", default="fer", metavar="NAME", help="of `finding` (fer)")
    add("--detector-model", metavar="FILE", help="its model file, where it needs one")
    add("--test", action="store_true", help="reading: judge the test split, once, at the end")
    add("--faces", type=whole_number, default=0, metavar="N", help="reading: faces, 0 for all (0)")
    add("--note", default="", help="a line about the machine for the page: what else ran")
    add("--out", type=Path, default=Path("bench"), help="folder (bench); - is the page on stdout")
    add("--overwrite", action="store_true", help="replace files that are there")
    add("--quiet", action="store_true", help="no progress bar")
    return parse


def _minutes(text: str) -> float:
    try:
        minutes = number(text)
    except argparse.ArgumentTypeError:
        minutes = 0.0
    if not 0 < minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes up to a day")
    return minutes


def _bench(options: argparse.Namespace, given: Sequence[str]) -> None:
    """Measure and write; the folder is tried before anything is measured."""
    if str(options.out) == "-":
        from export.bench.tables import to_markdown

        sys.stdout.write(to_markdown(_measure(options, given)))
        return
    if options.out.exists() and not options.out.is_dir():
        raise SinkError(f"{options.out}: is no folder; name another --out")
    there = [name for name in FILES if (options.out / name).exists()]
    if there and not options.overwrite:
        raise SinkError(
            f"{options.out / there[0]}: exists already; use --overwrite or another --out"
        )
    from engine.files import staged

    was_there = options.out.is_dir()
    try:
        with staged(options.out / FILES[0]):
            pass  # nothing can be written: said now and not in ten minutes
        measured = _measure(options, given)
    except BaseException:
        if not was_there:
            with suppress(OSError):
                options.out.rmdir()
        raise
    with staged(options.out / FILES[0]) as inside:
        _write(measured, inside.parent)
    sys.stderr.write(f"written: {options.out / 'bench.md'} and what is beside it\n")


def _write(measured: "Measurements", folder: Path) -> None:
    from engine.files import write_text
    from export.bench.tables import to_csv, to_json, to_markdown

    picture = ""
    if measured.networks is not None:
        from export.bench.drawing import draw_frontier

        picture = PICTURE
        draw_frontier(measured.systems, folder / picture)
        write_text(folder / "bench.csv", to_csv(measured.networks.rows))
    write_text(folder / "bench.json", to_json(measured))
    write_text(folder / "bench.md", to_markdown(measured, picture))


def _measure(options: argparse.Namespace, given: Sequence[str]) -> "Measurements":
    """Do what was asked for, networks first: they need a machine that does nothing else."""
    from engine.assets import asset_path
    from export.bench.machine import this_machine
    from export.bench.tables import Measurements

    machine = this_machine(options.note)
    clips = options.clips or [asset_path("demo.mp4")]
    for clip in clips:
        if not clip.is_file():
            raise SourceError(f"{clip}: no such video file")
    settings = {
        "command": command_line(given),
        "rounds": options.rounds,
        "seed": options.seed,
        "repeats": options.repeats,
    }
    found = Measurements(machine=machine, settings=settings)
    if "reading" in options.parts:
        found = _reading(options, found)
    if "networks" in options.parts:
        found = _networks(options, found)
    with TemporaryDirectory(prefix="fer-bench.") as name:
        if "stages" in options.parts:
            found = _stages(options, found, clips)
        if "command" in options.parts:
            found = _command(options, found, clips, Path(name))
    if "finding" in options.parts:
        found = _finding(options, found)
    if "following" in options.parts:
        found = _following(options, found)
    return found


def command_line(given: Sequence[str]) -> str:
    """Give the command line as it can be typed again, without folders and without the note."""
    words, left = [], iter(given)
    for word in left:
        if word in ("--note", "--out"):
            next(left, None)
        elif not word.startswith(("--note=", "--out=")):
            words.append(Path(word).name if "/" in word or "\\" in word else word)
    return shlex.join([PROGRAM, *words])


def _networks(options: argparse.Namespace, found: "Measurements") -> "Measurements":
    from export.bench.networks import NetworksConfig, measure_networks
    from export.bench.published import measured_systems, stated_systems
    from export.bench.workload import shipped_models, workloads_of

    workloads = workloads_of(options.models or shipped_models(), options.precision)
    config = NetworksConfig(
        devices=options.device,
        threads=options.threads,
        batches=options.batches,
        rounds=options.rounds,
        seed=options.seed,
    )
    networks = measure_networks(workloads, config, _bar(options.quiet))
    systems = (*measured_systems(networks), *stated_systems())
    return replace(found, networks=networks, systems=systems)


def _reading(options: argparse.Namespace, found: "Measurements") -> "Measurements":
    from engine.assets import asset_path
    from export.bench.reading import ReadingJob, measure_reading

    if len(options.models) > 1:
        raise ConfigError("--parts reading: judges one network; name one MODEL.onnx")
    films = sorted((options.data.parent / "media").glob("*.mp4"))  # beside the packs
    config = ReadingJob(
        model=options.models[0] if options.models else None,
        split="test" if options.test else "valid",
        faces=options.faces,
        data=options.data,
        cache=options.cache,
        films=tuple(options.clips or (asset_path("demo.mp4"), *films)),
    )
    return replace(found, reading=measure_reading(config, _bar(options.quiet)))


def _stages(
    options: argparse.Namespace, found: "Measurements", clips: Sequence[Path]
) -> "Measurements":
    from export.bench.clips import stages_alone

    bar = _bar(options.quiet)(len(clips), "stages")
    stages = [
        stage
        for clip, _ in zip(clips, bar, strict=True)
        for stage in stages_alone(clip, options.device[0])
    ]
    return replace(found, stages=(*found.stages, *stages))


def _command(
    options: argparse.Namespace, found: "Measurements", clips: Sequence[Path], folder: Path
) -> "Measurements":
    from export.bench import claims
    from export.bench.clips import end_to_end

    device, wholes, stages = options.device[0], [], list(found.stages)
    bar = _bar(options.quiet)(len(clips), "whole command")
    for clip, _ in zip(clips, bar, strict=True):
        compared, inside = end_to_end(clip, folder, options.repeats, device)
        wholes.append(compared)
        stages += inside
    figures = claims.analysis_of_small_frames(device)
    figures += claims.start_up(clips[0], folder, options.repeats, device)
    figures += claims.memory_at_1080p(folder, device)
    if options.soak:
        figures += claims.memory_over_time(clips[0], folder, options.soak, device)
    return replace(found, whole=tuple(wholes), stages=tuple(stages), claims=tuple(figures))


def _finding(options: argparse.Namespace, found: "Measurements") -> "Measurements":
    from engine.analyze import AnalyzerConfig
    from export.bench.finding import FILM, measure_finding, needs_libraries
    from export.bench.strangers import Strangers
    from training.detector.packs import load_packs

    needs_libraries()
    film = options.film or options.data.parent / "media" / FILM
    if not film.is_file():
        raise SourceError(f"{film}: no such film; name {FILM} with --film")
    strangers = Strangers(load_packs(options.data, options.cache), options.data)
    config = AnalyzerConfig(
        device=options.device[0],
        detector=options.detector,
        detector_model=options.detector_model,
    )
    scores = measure_finding(
        strangers,
        film,
        config,
        people=options.people,
        seed=options.seed,
        bar=_bar(options.quiet),
        sheets=options.sheets,
    )
    settings = {
        **found.settings,
        "people": options.people,
        "strangers": len({sitter.person for sitter in strangers.sitters}),
        "detector": options.detector,
    }
    return replace(found, finding=tuple(scores), settings=settings)


def _following(options: argparse.Namespace, found: "Measurements") -> "Measurements":
    from export.bench.following import check_trackeval, measure_following
    from export.bench.plays import KINDS, films, stage_of
    from export.bench.staged import cast

    check_trackeval()
    actors, grounds = cast(options.data)
    sets = range(options.seed, options.seed + options.sets)
    bar = _bar(options.quiet)(len(sets) * len(KINDS), "films")
    clips = (clip for seed in sets for clip in films(stage_of(actors, grounds, seed)))
    scores = measure_following(
        (clip for clip, _ in zip(clips, bar, strict=True)), options.device[0]
    )
    settings = {**found.settings, "sets": options.sets, "people": len(actors)}
    return replace(found, following=tuple(scores), settings=settings)


def _bar(quiet: bool) -> Callable[[int, str], Iterable[int]]:
    """Give `tracked(count, what)`: a progress bar on a terminal."""

    def tracked(count: int, what: str) -> Iterable[int]:
        if quiet:
            return range(count)
        from training.data.progress import tracked as shown

        return shown(range(count), what, count)

    return tracked


if __name__ == "__main__":
    raise SystemExit(main())
