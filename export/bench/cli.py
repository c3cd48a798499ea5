"""`fer-bench [MODEL.onnx ...]`: what networks, stages and the whole command cost here."""

import argparse
import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from engine.errors import ConfigError, FerError, SinkError, SourceError

if TYPE_CHECKING:
    from export.bench.tables import Measured

T = TypeVar("T")

PROGRAM: Final = "fer-bench"
PARTS: Final = ("networks", "stages", "command")
# As `engine.networks.runtime.DEVICES`, which takes long to import.
DEVICES: Final = ("auto", "cpu", "cuda", "tensorrt")
FILES: Final = ("bench.json", "bench.csv", "bench.md", "bench.png")
PICTURE: Final = "bench.png"


class _Parser(argparse.ArgumentParser):
    """Reports a wrong option as every other error: one line."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see {PROGRAM} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure from the command line; return the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        _bench(parser().parse_args(given), given)
    except FerError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(f"{PROGRAM}: interrupted; nothing was written\n")
        return 130
    except Exception as error:  # noqa: BLE001 - the top of the program
        traceback.print_exc()
        sys.stderr.write(f"{PROGRAM}: internal error: {error}; please report the lines above\n")
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parse = _Parser(prog=PROGRAM, description=__doc__, allow_abbrev=False)
    add = parse.add_argument
    add("models", type=Path, nargs="*", metavar="MODEL.onnx", help="networks; default all shipped")
    add("--device", type=_several(_device), default=("auto",), help=f"of {', '.join(DEVICES)}")
    add("--precision", type=_several(str), default=(), help="only networks of these, fp32,int8")
    add("--batches", type=_several(_count), default=(1, 2, 4, 8), help="faces of a call (1,2,4,8)")
    add("--threads", type=_several(_count), default=(1, 2), help="of a network on a CPU (1,2)")
    add("--rounds", type=_count, default=200, help="timed calls of each case (200)")
    add("--seed", type=int, default=0, help="of inputs and orders (0)")
    add("--clips", type=Path, nargs="+", metavar="CLIP", help="videos; default the shipped one")
    add("--repeats", type=_count, default=5, help="runs of the command behind a median (5)")
    add("--soak", type=_minutes, metavar="MINUTES", help="also memory over a looped video")
    add("--parts", type=_several(_part), default=PARTS, help=f"of {', '.join(PARTS)}; default all")
    add("--note", default="", help="a line about the machine for the page: what else ran")
    add("--out", type=Path, default=Path("bench"), help="folder (bench); - is the page on stdout")
    add("--overwrite", action="store_true", help="replace files that are there")
    add("--quiet", action="store_true", help="no progress bar")
    return parse


def _several(one: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """Read values with commas between them, each once."""

    def read(text: str) -> tuple[T, ...]:
        values = tuple(dict.fromkeys(one(part.strip()) for part in text.split(",") if part.strip()))
        if not values:
            raise argparse.ArgumentTypeError("expected at least one value")
        return values

    return read


def _chosen(choices: Sequence[str], text: str) -> str:
    if text not in choices:
        raise argparse.ArgumentTypeError(f"{text!r} is unknown; choose of {', '.join(choices)}")
    return text


def _device(text: str) -> str:
    return _chosen(DEVICES, text)


def _part(text: str) -> str:
    return _chosen(PARTS, text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
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
    from export.staging import staged

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


def _write(measured: "Measured", folder: Path) -> None:
    from export.bench.tables import to_csv, to_json, to_markdown
    from training.atomic import write_text

    picture = ""
    if measured.networks is not None:
        from export.bench.drawing import draw_frontier

        picture = PICTURE
        draw_frontier(measured.systems, folder / picture)
        write_text(folder / "bench.csv", to_csv(measured.networks.rows))
    write_text(folder / "bench.json", to_json(measured))
    write_text(folder / "bench.md", to_markdown(measured, picture))


def _measure(options: argparse.Namespace, given: Sequence[str]) -> "Measured":
    """Do what was asked for, networks first: they need a machine that does nothing else."""
    from engine.assets import asset_path
    from export.bench.machine import this_machine
    from export.bench.tables import Measured

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
    found = Measured(machine=machine, settings=settings)
    if "networks" in options.parts:
        found = _networks(options, found)
    with TemporaryDirectory(prefix="fer-bench.") as name:
        if "stages" in options.parts:
            found = _stages(options, found, clips)
        if "command" in options.parts:
            found = _command(options, found, clips, Path(name))
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


def _networks(options: argparse.Namespace, found: "Measured") -> "Measured":
    from export.bench.networks import NetworksConfig, measure_networks
    from export.bench.published import measured_systems, stated_systems
    from export.bench.subject import shipped_models, subjects_of

    subjects = subjects_of(options.models or shipped_models(), options.precision)
    config = NetworksConfig(
        devices=options.device,
        threads=options.threads,
        batches=options.batches,
        rounds=options.rounds,
        seed=options.seed,
    )
    networks = measure_networks(subjects, config, _bar(options.quiet))
    systems = (*measured_systems(networks), *stated_systems())
    return replace(found, networks=networks, systems=systems)


def _stages(options: argparse.Namespace, found: "Measured", clips: Sequence[Path]) -> "Measured":
    from export.bench.clips import stages_alone

    bar = _bar(options.quiet)(len(clips), "stages")
    stages = [
        stage
        for clip, _ in zip(clips, bar, strict=True)
        for stage in stages_alone(clip, options.device[0])
    ]
    return replace(found, stages=(*found.stages, *stages))


def _command(
    options: argparse.Namespace, found: "Measured", clips: Sequence[Path], folder: Path
) -> "Measured":
    from export.bench import whole
    from export.bench.clips import end_to_end

    device, wholes, stages = options.device[0], [], list(found.stages)
    bar = _bar(options.quiet)(len(clips), "whole command")
    for clip, _ in zip(clips, bar, strict=True):
        compared, inside = end_to_end(clip, folder, options.repeats, device)
        wholes.append(compared)
        stages += inside
    claims = whole.analysis_of_small_frames(device)
    claims += whole.start_up(clips[0], folder, options.repeats, device)
    claims += whole.memory_at_1080p(folder, device)
    if options.soak:
        claims += whole.memory_over_time(clips[0], folder, options.soak, device)
    return replace(found, whole=tuple(wholes), stages=tuple(stages), claims=tuple(claims))


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
