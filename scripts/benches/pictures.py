"""`python -m scripts.benches.pictures [CLIP...]`: what pictures cost, from decoding to encoding.

Runs take turns: decoding alone, decoding and encoding alone (x264 at the command's own settings),
`fer-video` with `--records`, `--out`, `--overlay soft` and `--blur`, each in a process of its own,
and all again for a moment of the film only, which is what starting costs and is left out. With
`--peers`, also `fer` (its defaults: OpenCV's cascades) and `deface` for the first frames of the
film; name the Python of an environment with both, onnx and onnxruntime: they ask for an OpenCV that
this project must not have. Of all, medians of the processor's time (user and system), of time by
the clock, and of the most memory. Without a CLIP films are made of the demo: one face in three
sizes, and 16. Prints Markdown.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from engine.assets import asset_path
from engine.command import Parser, count, libraries, run_command
from engine.errors import ConfigError, FerError
from engine.types import Image

PROGRAM: Final = "scripts.benches.pictures"
MANY: Final = ("--max-faces", "16")  # of a film of more than the 8 of the default
MOMENT_S: Final = "0.01"  # of the film: one frame
ALONE: Final = "decode + encode"
ONE_FACE: Final = 60  # frames of the demo; then somebody else comes in
PEER_FRAMES: Final = 24  # at a tenth of our rate
# Width, height, faces in a row and a column, frames.
FILMS: Final = (
    (596, 336, 1, 464),
    (1920, 1080, 1, 240),
    (3840, 2160, 1, 100),
    (1920, 1080, 4, 100),
)
# Run in the other environment: a film, how many frames of it, and where covered ones go.
FER: Final = """
import sys, cv2
from fer.fer import FER
film, reader = cv2.VideoCapture(sys.argv[1]), FER()
for _ in range(int(sys.argv[2])):
    reader.detect_emotions(film.read()[1])
"""
DEFACE: Final = """
import sys, deface.deface as program
sys.argv = ["deface", sys.argv[1], "--output", sys.argv[2], "--backend", "onnxrt"]
program.main()
"""
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


@dataclass(frozen=True, slots=True)
class Measured:
    """What something took for the whole film and for a moment of it; of so many frames, or all."""

    whole: Cost
    start: Cost
    frames: int

    def after(self, frames: int) -> Cost:
        """Give what each frame took after the start, the film having so many."""
        several = self.frames or frames
        cpu_s, wall_s = (
            (getattr(self.whole, name) - getattr(self.start, name)) / several
            for name in ("cpu_s", "wall_s")
        )
        return Cost(cpu_s, wall_s, self.whole.peak_mib)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    return run_command(PROGRAM, _run, argv, kept="nothing was printed")


def _run(argv: Sequence[str]) -> None:
    parse = Parser(prog=PROGRAM, version=libraries("av", "onnxruntime"), description=__doc__)
    parse.add_argument("clips", type=Path, nargs="*", metavar="CLIP", help="films to measure on")
    parse.add_argument("--repeats", type=count, default=5, help="runs behind a median (5)")
    parse.add_argument(
        "--beside", type=Path, metavar="FER-VIDEO", help="another version's command, in turns"
    )
    parse.add_argument("--peers", type=Path, metavar="PYTHON", help="that has fer and deface")
    options = parse.parse_args(argv)
    own = shutil.which("fer-video", path=str(Path(sys.executable).parent))
    if own is None:
        raise ConfigError("fer-video: is not beside this Python; install the package")
    commands = {"": Path(own)}
    if options.beside is not None:
        commands["other "] = options.beside
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = [(clip, ()) for clip in options.clips] or _films(folder)
        for clip, more in clips:
            ways = _ways(clip, commands, folder, options.peers, more)
            print(_page(clip, _measured(ways, options.repeats)), flush=True)


def _films(folder: Path) -> list[tuple[Path, tuple[str, ...]]]:
    """Make the films, with what options they need.

    In another process: what a process took at most, those it starts inherit.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        made = [other.submit(_made, folder, *film).result() for film in FILMS]
    return [
        (path, MANY if row > 1 else ()) for path, (_, _, row, _) in zip(made, FILMS, strict=True)
    ]


def _made(folder: Path, width: int, height: int, many: int, frames: int) -> Path:
    """Make a film of the demo, shown so many times in a row and in a column."""
    path = folder / f"demo-{many * many}x-{height}.mp4"
    size = (width // many, height // many)
    _write(path, (np.tile(cv2.resize(f, size), (many, many, 1)) for f in _frames(None, frames)))
    return path


def _frames(film: Path | None, frames: int) -> Iterator[Image]:
    """Give the first frames of a film, BGR.

    Where none is named, those of the demo that show one face, forwards and backwards without a cut.
    """
    source, wanted = (asset_path("demo.mp4"), ONE_FACE) if film is None else (film, frames)
    with av.open(str(source)) as container:
        decoded = islice(container.decode(video=0), wanted)
        images = (np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in decoded)
        if film is not None:
            yield from images
            return
        shown = list(images)
    yield from islice(cycle([*shown, *shown[-2:0:-1]]), frames)


def _begun(film: Path, frames: int, path: Path) -> None:
    """Write the first frames of a film."""
    _write(path, _frames(film, frames))


def _write(path: Path, images: Iterable[Image]) -> None:
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=25, options={"preset": "fast", "crf": "18"})
        stream.pix_fmt = "yuv420p"
        for number, image in enumerate(images):
            if not number:
                stream.height, stream.width = image.shape[:2]
            film.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        film.mux(stream.encode(None))


@dataclass(frozen=True, slots=True)
class Way:
    """Something that is measured.

    Attributes:
        whole: The command.
        start: The same for a moment of the film; empty where starting costs next to nothing.
        frames: Of the film that it gets; 0 is all.
    """

    whole: Sequence[str]
    start: Sequence[str] = ()
    frames: int = 0


def _ways(
    clip: Path,
    commands: Mapping[str, Path],
    folder: Path,
    peers: Path | None,
    more: Sequence[str] = (),
) -> dict[str, Way]:
    """List what takes turns, by name; our commands get more options."""
    python = [sys.executable, "-c", CODEC, str(clip)]
    ways = {"decode": Way(python), ALONE: Way([*python, str(folder / "x.mp4")])}
    rows, film, soft = (str(folder / name) for name in ("rows.csv", "out.mp4", "out.mkv"))
    outputs = {
        "--records": ("--records", rows),
        "--out": ("--no-audio", "--out", film),
        "--overlay soft": ("--overlay", "soft", "--out", soft),
        "--blur": ("--blur", "--no-audio", "--out", film),
    }
    for name, command in commands.items():
        for output, options in outputs.items():
            plain = [str(command), str(clip), *more, "--overwrite", "--quiet", *options]
            ways[f"{name}{output}"] = Way(plain, [*plain, "--duration", MOMENT_S])
    if peers is not None:
        short, one = folder / "short.mp4", folder / "one.mp4"
        with ProcessPoolExecutor(1, get_context("spawn")) as other:
            for path, frames in ((short, PEER_FRAMES), (one, 1)):
                other.submit(_begun, clip, frames, path).result()
        others = [str(peers), "-c"]
        whole, start = ([*others, FER, str(short), str(n)] for n in (PEER_FRAMES, 1))
        ways["fer"] = Way(whole, start, PEER_FRAMES)
        whole, start = ([*others, DEFACE, str(path), film] for path in (short, one))
        ways["deface"] = Way(whole, start, PEER_FRAMES)
    return ways


def _measured(ways: Mapping[str, Way], repeats: int) -> Mapping[str, Measured]:
    turns = [[(_cost(w.whole), _cost(w.start)) for w in ways.values()] for _ in range(repeats)]
    return {
        name: Measured(
            whole=_median([turn[at][0] for turn in turns]),
            start=_median([turn[at][1] for turn in turns]),
            frames=way.frames,
        )
        for at, (name, way) in enumerate(ways.items())
    }


def _median(several: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(each.cpu_s for each in several),
        statistics.median(each.wall_s for each in several),
        statistics.median(each.peak_mib for each in several),
    )


def _cost(way: Sequence[str]) -> Cost:
    if not way:
        return Cost(0, 0, 0)
    begun_s = time.monotonic()
    quiet = subprocess.DEVNULL
    with subprocess.Popen(way, stdout=quiet, stderr=subprocess.PIPE) as process:
        said = b"" if process.stderr is None else process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        line = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise FerError(f"{Path(way[0]).name}: {line}")
    wall_s = time.monotonic() - begun_s
    return Cost(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss / 1024)


def _page(clip: Path, costs: Mapping[str, Measured]) -> str:
    with av.open(str(clip)) as film:
        video = film.streams.video[0]
        frames = sum(1 for _ in film.decode(video))
        size = f"{video.width}x{video.height}"
    alone, decoded = (costs[name].after(frames) for name in (ALONE, "decode"))
    lines = [
        f"{clip.name}, {size}, {frames} frames:\n",
        "| | CPU a frame, ms | beyond decoding, ms | beyond decoding and encoding, ms"
        " | frames a second | of decode + encode, CPU | by the clock | start, s | peak, MiB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, cost in costs.items():
        each = cost.after(frames)
        cells = [
            f"{1000 * each.cpu_s:.2f}",
            f"{1000 * (each.cpu_s - decoded.cpu_s):.2f}",
            f"{1000 * (each.cpu_s - alone.cpu_s):.2f}",
            f"{1 / each.wall_s:.1f}",
            f"{alone.cpu_s / each.cpu_s:.2f}",
            f"{alone.wall_s / each.wall_s:.2f}",
            f"{cost.start.wall_s:.2f}",
            f"{cost.whole.peak_mib:.0f}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
