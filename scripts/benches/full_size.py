"""Time the papers' systems in full size, untrained, one face at a time; prints Markdown.

    python -m scripts.benches.full_size                   # POSTER, POSTER++, ARBEx, DAN, resizers
    python -m scripts.benches.full_size training/recipes/rafdb-poster-l.toml

Each is built from its recipe without weights, which change accuracy and not time, written as the
graph that `fer-export` writes, and run alone on one thread; the shortest call counts. The landmark
network that finds the face comes on top (`fer-bench --parts networks`).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import torch

from engine.command import Parser, count, libraries, run_command
from export.graph import crop_example, from_bytes, write_graph
from export.system import SystemGraph
from scripts.benches.frontier import session_of, table
from training.models.flops import size_of
from training.systems.build import Truths, build
from training.tasks.system import read_settings
from training.trainer.recipe import Recipe, read_recipe

RECIPES: Final = Path("training/recipes")
NAMES: Final = (
    "rafdb-poster-s",
    "rafdb-poster-m",
    "rafdb-poster-l",
    "rafdb-poster-pp",
    "affwild2-arbex",
    "affectnet8-dan",
    "ferplus-resizer-swin-s-vanilla",
    "ferplus-resizer-swin-b-ce",
)
WEIGHTS: Final = ("_weights", "start", "pretrained")  # keys of a recipe that name trained weights


@dataclass(frozen=True, slots=True)
class Cost:
    """What one face costs.

    Attributes:
        name: Of the recipe.
        side: Of the crop, pixels.
        parameters: Of the network.
        gmac: Of a face.
        megabytes: Of the graph in float32.
        milliseconds: Of the shortest call.
    """

    name: str
    side: int
    parameters: int
    gmac: float
    megabytes: float
    milliseconds: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    return run_command("full_size", _measure, argv)


def _measure(argv: Sequence[str]) -> None:
    parse = Parser(prog="full_size", version=libraries("onnxruntime", "torch"), description=__doc__)
    parse.add_argument("recipes", nargs="*", type=Path, metavar="RECIPE", help="of a system")
    parse.add_argument("--rounds", type=count, default=20, help="calls of each (20)")
    options = parse.parse_args(argv)
    recipes = options.recipes or [RECIPES / f"{name}.toml" for name in NAMES]
    rows = []
    for cost in (cost_of(recipe, options.rounds) for recipe in recipes):
        size = f"{cost.parameters / 1e6:.1f}"
        times = f"{cost.milliseconds:.0f}"
        rows.append((cost.name, cost.side, size, cost.gmac, f"{cost.megabytes:.0f}", times))
    columns = ("recipe", "crop, px", "M parameters", "GMAC", "MB, fp32", "ms a face, one thread")
    print(table(columns, rows), end="")


def cost_of(path: Path, rounds: int) -> Cost:
    """Build a recipe's system, write its graph and time it.

    Raises:
        ConfigError: It is no recipe of a system.
    """
    settings = read_settings(without_weights(path))
    classes = settings.own.classes
    torch.manual_seed(0)
    truths = Truths((1,) * classes, np.eye(classes, dtype=np.float32))
    system = build(settings.own, settings.system, truths)
    shown = torch.zeros(1, 3, system.input_size, system.input_size)
    size, side = size_of(system, shown), system.crop_size
    with TemporaryDirectory(prefix="fer-full.") as folder:
        out = Path(folder, f"{path.stem}.onnx")
        graph = SystemGraph(system)
        examples = {"crops": crop_example(side, "rgb")}
        batch = {0: torch.export.Dim("batch", min=1)}
        write_graph(from_bytes(graph), examples, out, output_names=graph.outputs, dynamic=batch)
        session, crop = session_of(out, 1), crop_example(side, "rgb", 1).numpy()
        took = []
        for _ in range(rounds + 1):  # the first one makes room
            began_s = time.perf_counter()
            session.run(None, {"crops": crop})
            took.append(time.perf_counter() - began_s)
        megabytes = out.stat().st_size / 1e6
    return Cost(path.stem, side, size.parameters, size.gmac, megabytes, 1e3 * min(took[1:]))


def without_weights(path: Path) -> Recipe:
    """Read a recipe as if it named no trained weights."""
    nowhere = Path()
    recipe = read_recipe(path, data=nowhere, cache=nowhere, folder=nowhere)
    tables = {
        name: {key: value for key, value in keys.items() if not key.endswith(WEIGHTS)}
        for name, keys in recipe.tables.items()
    }
    return Recipe(recipe.task, tables, nowhere, nowhere, nowhere)


if __name__ == "__main__":
    raise SystemExit(main())
