"""`fer-train RECIPE [table.key=value ...]`: train one network of this repository."""

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.errors import ConfigError, FerError
from training.trainer.recipe import read_recipe

# Imported when chosen, so that --help needs no torch.
TASKS = {
    "detector": "training.detector.train",
    "expression": "training.expression",
    "landmarks": "training.landmarks",
    "super_resolution": "training.super_resolution",
    "system": "training.systems.train",
}


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parse = argparse.ArgumentParser(prog="fer-train", description=__doc__)
    parse.add_argument("recipe", type=Path, help="TOML file; see training/recipes")
    parse.add_argument("overrides", nargs="*", help="table.key=value, as in loop.steps=100")
    parse.add_argument("--data", type=Path, default=Path("../shared/data"), help="data packs")
    parse.add_argument("--cache", type=Path, default=Path("cache"), help="decoded data")
    parse.add_argument("--out", type=Path, help="run folder; default runs/RECIPE")
    return parse


def main(argv: Sequence[str] | None = None) -> int:
    """Train from the command line; return the exit code."""
    args = parser().parse_intermixed_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        folder = args.out or Path("runs") / args.recipe.stem
        recipe = read_recipe(
            args.recipe, args.overrides, data=args.data, cache=args.cache, folder=folder
        )
        if recipe.task not in TASKS:
            choices = ", ".join(sorted(TASKS))
            raise ConfigError(f"task {recipe.task}: unknown; choose one of {choices}")
        importlib.import_module(TASKS[recipe.task]).run(recipe)
    except FerError as error:
        sys.stderr.write(f"fer-train: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("fer-train: interrupted; the same command goes on from here\n")
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
