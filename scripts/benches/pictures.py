"""`python -m scripts.benches.pictures CLIP...`: what pictures cost, from decoding to encoding.

Runs take turns: decoding alone, decoding and encoding alone (x264 at the command's own settings),
`fer-video --records` and `fer-video --out`, each in a process of its own, and both commands again
for a moment of the film only, which is what starting costs and is left out. Of all, medians of the
processor's time (user and system), of time by the clock, and of the most memory. Prints Markdown.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.command import Parser, count, libraries, run_command
from engine.errors import ConfigError, FerError

PROGRAM: Final = "scripts.benches.pictures"
MOMENT_S: Final = "0.01"  # of the film: one frame
# Decode, and encode what comes if a file is named.
CODEC: Final = """
import sys, av
from engine.video.encoders import ENCODERS, options_of
with av.open(sys.argv[1]) as film:
    video = film.streams.video[0]
    out = av.open(sys.argv[2], "w") if len(sys.argv) > 2 else None
    if out:
        to = out.add_stream(ENCODERS["h264"].name, rate=video.average_rate,
            options=options_of("h264", "veryfast", None, None), width=video.width,
            height=video.height, pix_fmt=video.pix_fmt, time_base=video.time_base)
    for frame in film.decode(video):
        frame.pict_type = 0
        if out:
            out.mux(to.encode(frame))
    if out:
        out.mux(to.encode(None))
        out.close()
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took."""

    cpu_s: float
    wall_s: float
    peak_mib: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    return run_command(PROGRAM, _run, argv, kept="nothing was printed")


def _run(argv: Sequence[str]) -> None:
    parse = Parser(prog=PROGRAM, version=libraries("av", "onnxruntime"), description=__doc__)
    parse.add_argument("clips", type=Path, nargs="+", metavar="CLIP", help="films to measure on")
    parse.add_argument("--repeats", type=count, default=5, help="runs behind a median (5)")
    parse.add_argument(
        "--beside", type=Path, metavar="FER-VIDEO", help="another version's command, in turns"
    )
    options = parse.parse_args(argv)
    own = shutil.which("fer-video", path=str(Path(sys.executable).parent))
    if own is None:
        raise ConfigError("fer-video: is not beside this Python; install the package")
    commands = {"": Path(own)}
    if options.beside is not None:
        commands["other "] = options.beside
    with tempfile.TemporaryDirectory() as folder:
        for clip in options.clips:
            print(_page(clip, _measured(clip, commands, Path(folder), options.repeats)))


def _measured(
    clip: Path, commands: dict[str, Path], folder: Path, repeats: int
) -> dict[str, list[Cost]]:
    python = [sys.executable, "-c", CODEC, str(clip)]
    film, rows = str(folder / "out.mp4"), str(folder / "rows.csv")
    ways = {"decode": python, "decode + encode": [*python, str(folder / "x.mp4")]}
    for name, command in commands.items():
        plain = [str(command), str(clip), "--overwrite", "--quiet", "--no-audio"]
        for output, target in (("--records", rows), ("--out", film)):
            ways[f"{name}{output}"] = [*plain, output, target]
            moment = ["--duration", MOMENT_S]
            ways[f"{name}{output}, start"] = [*plain, *moment, output, target]
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            costs[name].append(_cost(way))
    return costs


def _cost(way: Sequence[str]) -> Cost:
    begun_s = time.monotonic()
    with subprocess.Popen(way, stderr=subprocess.PIPE) as process:
        said = b"" if process.stderr is None else process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        line = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise FerError(f"{Path(way[0]).name}: {line}")
    wall_s = time.monotonic() - begun_s
    return Cost(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss / 1024)


def _page(clip: Path, costs: dict[str, list[Cost]]) -> str:
    import av

    with av.open(str(clip)) as film:
        video = film.streams.video[0]
        frames = sum(1 for _ in film.decode(video))
        size = f"{video.width}x{video.height}"
    middle = {
        name: Cost(
            statistics.median(each.cpu_s for each in several),
            statistics.median(each.wall_s for each in several),
            statistics.median(each.peak_mib for each in several),
        )
        for name, several in costs.items()
    }
    alone, decoded = middle["decode + encode"], middle["decode"]
    lines = [
        f"{clip.name}, {size}, {frames} frames, medians of {len(costs['decode'])}:\n",
        "| | CPU, s | CPU a frame, ms | beyond decoding, ms | by the clock, s"
        " | of decode + encode, CPU | by the clock | peak, MiB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, cost in middle.items():
        if name.endswith("start"):
            continue
        start = middle.get(f"{name}, start", Cost(0, 0, 0))
        cpu_s, wall_s = cost.cpu_s - start.cpu_s, cost.wall_s - start.wall_s
        cells = [
            f"{cpu_s:.2f}",
            f"{1000 * cpu_s / frames:.2f}",
            f"{1000 * (cpu_s - decoded.cpu_s) / frames:.2f}",
            f"{wall_s:.2f}",
            f"{alone.cpu_s / cpu_s:.2f}",
            f"{alone.wall_s / wall_s:.2f}",
            f"{cost.peak_mib:.0f}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
