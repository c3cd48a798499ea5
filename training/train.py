"""`fer-train RECIPE [table.key=value ...]`: train one network of this repository."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from engine.command import CLOCK, Parser, add_data_options, libraries, run_command
from engine.errors import ConfigError
from training import LIBRARIES
from training.trainer.recipe import read_recipe

PROGRAM: Final = "fer-train"
GOES_ON: Final = "the same command goes on from here"

# Imported when chosen, so that --help needs no torch.
TASKS = {
    "detector": "training.detector.train",
    "landmarks": "training.tasks.landmarks",
    "super_resolution": "training.tasks.super_resolution",
    "system": "training.tasks.system",
}


def parser() -> Parser:
    """Describe the command line."""
    parse = Parser(prog=PROGRAM, version=libraries(*LIBRARIES), description=__doc__)
    parse.add_argument("recipe", type=Path, help="TOML file; see training/recipes")
    parse.add_argument(
        "overrides", nargs="*", default=(), help="table.key=value, as in loop.steps=100"
    )
    parse.add_argument("--out", type=Path, metavar="DIR", help="run folder; default runs/RECIPE")
    add_data_options(parse)
    return parse


def main(argv: Sequence[str] | None = None) -> int:
    """Train from the command line; return the exit code."""
    return run_command(PROGRAM, _train, argv, extra="train", kept=GOES_ON, info=CLOCK)


def _train(argv: Sequence[str]) -> None:
    args = parser().parse_intermixed_args(argv)
    folder = args.out or Path("runs") / args.recipe.stem
    recipe = read_recipe(
        args.recipe, args.overrides, data=args.data, cache=args.cache, folder=folder
    )
    if recipe.task not in TASKS:
        choices = ", ".join(sorted(TASKS))
        raise ConfigError(f"task {recipe.task}: unknown; choose one of {choices}")
    importlib.import_module(TASKS[recipe.task]).run(recipe)


if __name__ == "__main__":
    raise SystemExit(main())
