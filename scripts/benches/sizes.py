"""Time poster-rt in other sizes, untrained, in float32 and int8; prints Markdown.

    python -m scripts.benches.sizes                          # today's and some of about 0.4 GMAC
    python -m scripts.benches.sizes 40,100,200/2,3,3/1       # channels/blocks/cross blocks

Untrained weights take as long as trained ones; accuracy is another matter. All sizes and both forms
take turns call by call, and the shortest of many calls counts: what else the machine does makes
calls longer, never shorter. A face needs the landmark network too, which is the shipped one.
"""

import shutil
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

import torch

from engine.assets import asset_path
from engine.command import Parser, count, libraries, run_command
from export.graph import LANDMARK_NET
from export.landmark_net import MAPS
from export.poster_rt import write_poster_rt
from export.quantization import quantize
from scripts.benches.frontier import Call, Feed, feeds_of, race, session_of, table
from training.models.flops import Size, size_of
from training.models.poster_rt import BLOCKS, HEADS, PosterRT
from training.models.trunk import CHANNELS

FORMS: Final = ("fp32", "int8")


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a poster-rt is.

    Attributes:
        channels: Of the image stream's stages, multiples of 2, 4 and 5.
        blocks: Residual units of each stage.
        depth: Cross blocks.
    """

    channels: tuple[int, int, int] = CHANNELS
    blocks: tuple[int, int, int] = BLOCKS
    depth: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``channels/blocks/depth``, as a type of `argparse`."""
        try:
            first, second, third = text.split("/")
            c1, c2, c3 = (count(each) for each in first.split(","))
            b1, b2, b3 = (count(each) for each in second.split(","))
            shape = cls((c1, c2, c3), (b1, b2, b3), count(third))
        except (ValueError, ArgumentTypeError) as error:
            raise ArgumentTypeError(f"{text}: not of the form {cls()}") from error
        if any(width % heads for width, heads in zip(shape.channels, HEADS, strict=True)):
            raise ArgumentTypeError(f"{text}: channels must be multiples of 2, 4 and 5")
        return shape

    def __str__(self) -> str:
        parts = (self.channels, self.blocks, (self.depth,))
        return "/".join(",".join(map(str, part)) for part in parts)

    def network(self) -> PosterRT:
        """Make it, untrained."""
        return PosterRT(channels=self.channels, blocks=self.blocks, depth=self.depth)

    def size(self) -> Size:
        """Count it."""
        with torch.device("meta"):
            return size_of(self.network(), torch.zeros(1, 3, 112, 112))


COMPARED: Final = (
    Shape(),
    Shape(channels=(40, 100, 200)),
    Shape(blocks=(3, 5, 5)),
    Shape(channels=(32, 80, 200), blocks=(2, 4, 5)),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    return run_command("sizes", _measure, argv)


def _measure(argv: Sequence[str]) -> None:
    parse = Parser(prog="sizes", version=libraries("onnxruntime", "torch"), description=__doc__)
    what = "channels/blocks/cross blocks"
    parse.add_argument("shapes", nargs="*", type=Shape.parse, metavar="SHAPE", help=what)
    parse.add_argument("--rounds", type=count, default=200, help="calls of each (200)")
    parse.add_argument("--threads", type=count, default=1, help="of each network (1)")
    options = parse.parse_args(argv)
    shapes = options.shapes or list(COMPARED)
    with TemporaryDirectory(prefix="fer-sizes.") as folder:
        files = {shape: write(shape, Path(folder)) for shape in dict.fromkeys(shapes)}
        print(times(files, options.rounds, options.threads), end="")


def write(shape: Shape, folder: Path) -> dict[str, Path]:
    """Write a shape's fusion network in each form, beside the shipped landmark networks."""
    for form in FORMS:
        landmarks = asset_path(_landmarks(folder, form).name)
        for path in (landmarks, landmarks.with_suffix(".json")):
            shutil.copy(path, folder)
    name = str(shape).replace("/", "-").replace(",", ".")
    plain, small = folder / f"{name}.fp32.onnx", folder / f"{name}.int8.onnx"
    torch.manual_seed(0)
    write_poster_rt(shape.network(), plain)
    quantize(plain, small, [_feeds(folder, "fp32", 4, seed)[1] for seed in range(2)])
    return dict(zip(FORMS, (plain, small), strict=True))


def times(files: Mapping[Shape, Mapping[str, Path]], rounds: int, threads: int) -> str:
    """Table of the milliseconds of one face, landmark network and fusion."""
    calls = {
        f"{shape} {form}": _face(path, form, threads)
        for shape, forms in files.items()
        for form, path in forms.items()
    }
    best = race(calls, rounds, min)
    first, rows = next(iter(files)), []
    for shape in files:
        size = shape.size()
        cells = [f"{size.parameters / 1e6:.2f}", f"{size.gmac:.2f}"]
        for form in FORMS:
            ms = best[f"{shape} {form}"]
            cells.append(f"{ms:.2f} ({ms / best[f'{first} {form}']:.2f})")
        rows.append((str(shape), *cells))
    said = [f"{form}, ms (times the first)" for form in FORMS]
    return table(("channels/blocks/cross blocks", "M parameters", "GMAC", *said), rows)


def _face(path: Path, form: str, threads: int) -> Call:
    """Give a call of both networks with one face."""
    seen, read = _feeds(path.parent, form, 1)
    landmarks = session_of(_landmarks(path.parent, form), threads)
    fusion = session_of(path, threads)
    first, second = partial(landmarks.run, None, seen), partial(fusion.run, None, read)
    return lambda: (first(), second())


def _feeds(folder: Path, form: str, faces: int, seed: int = 0) -> tuple[Feed, Feed]:
    return feeds_of(_landmarks(folder, form), MAPS, faces, seed)


def _landmarks(folder: Path, form: str) -> Path:
    stem = Path(LANDMARK_NET).stem
    return folder / (LANDMARK_NET if form == "fp32" else f"{stem}-int8.onnx")


if __name__ == "__main__":
    raise SystemExit(main())
