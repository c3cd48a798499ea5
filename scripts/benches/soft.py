"""Time `--overlay soft` against decoding and encoding the same film anew, by turns.

    python -m scripts.benches.soft FILM [--runs N]

Encoding is what the command does where it burns in: x264 veryfast, crf 20. Prints medians and
ratios as Markdown, with the bytes that the subtitle takes a second of film.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import av

from engine.command import Parser, count, libraries, run_command

ENCODE = """
import sys, av
with av.open(sys.argv[1]) as source, av.open(sys.argv[2], "w") as target:
    film = source.streams.video[0]
    film.thread_type = "AUTO"
    options = {"preset": "veryfast", "crf": "20"}
    made = target.add_stream("libx264", rate=film.average_rate, options=options)
    made.width, made.height, made.pix_fmt = film.width, film.height, "yuv420p"
    for frame in source.decode(film):
        frame.pict_type = 0
        target.mux(made.encode(frame))
    target.mux(made.encode(None))
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    return run_command("soft", _measure, argv)


def _measure(argv: Sequence[str]) -> None:
    parse = Parser(prog="soft", version=libraries("av", "onnxruntime"), description=__doc__)
    parse.add_argument("film", type=Path, metavar="FILM", help="what is decoded")
    parse.add_argument("--runs", type=count, default=3, help="of each (3)")
    options = parse.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        soft, burnt = Path(folder, "soft.mkv"), Path(folder, "burnt.mkv")
        command = [sys.executable, "-m", "app.command.cli", str(options.film), "--quiet"]
        ways = {
            "decode + encode": [
                *(sys.executable, "-c", ENCODE, str(options.film), str(Path(folder, "e.mkv")))
            ],
            "`--overlay soft`": [*command, "--overlay", "soft", "--out", str(soft), "--overwrite"],
            "`--overlay burnt`": [*command, "--out", str(burnt), "--overwrite"],
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(options.runs):
            for name, way in ways.items():
                taken[name].append(_timed(way))
        rate = _subtitle_rate(soft)
    medians = {
        name: tuple(statistics.median(values) for values in zip(*runs, strict=True))
        for name, runs in taken.items()
    }
    first = medians["decode + encode"]
    print("| | wall, s | CPU, s | speed, wall | speed, CPU |\n| --- | --- | --- | --- | --- |")
    for name, (wall, cpu) in medians.items():
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {first[0] / wall:.2f} | {first[1] / cpu:.2f} |")
    print(f"\nThe subtitle takes {rate / 1000:.1f} kB a second of film; n = {options.runs}.")


def _timed(command: list[str]) -> tuple[float, float]:
    before, begun = os.times(), time.monotonic()
    subprocess.run(command, check=True)
    after, wall_s = os.times(), time.monotonic() - begun
    user_s = after.children_user - before.children_user
    return wall_s, user_s + after.children_system - before.children_system


def _subtitle_rate(path: Path) -> float:
    """Bytes a second."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        sizes = [packet.size for packet in container.demux(stream)]
        length_s = (container.duration or 0) / 1e6
        return sum(sizes) / length_s if length_s else float("nan")


if __name__ == "__main__":
    raise SystemExit(main())
