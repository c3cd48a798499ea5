"""`fer-export CHECKPOINT [--out FILE]`: a trained network as ONNX with its manifest."""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from engine.errors import ConfigError, FerError
from export.staging import staged


def main(argv: Sequence[str] | None = None) -> int:
    """Export from the command line; return the exit code."""
    parse = argparse.ArgumentParser(prog="fer-export", description=__doc__)
    parse.add_argument("run", type=Path, metavar="CHECKPOINT", help="run folder of fer-train")
    parse.add_argument(
        "--out", type=Path, help="ONNX file; default in the run, shipped ones in assets/"
    )
    parse.add_argument(
        "--batch", type=_batch, default=0, help="faces of a call, or dynamic (the default)"
    )
    parse.add_argument("--data", type=Path, default=Path("../shared/data"), help="data packs")
    parse.add_argument("--cache", type=Path, default=Path("cache"), help="decoded data")
    args = parse.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for talkative in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    try:
        _export(args)
    except FerError as error:
        sys.stderr.write(f"fer-export: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("fer-export: interrupted\n")
        return 130
    return 0


def _batch(text: str) -> int:
    if text == "dynamic":
        return 0
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither dynamic nor a number above 0")
    return int(text)


def _export(args: argparse.Namespace) -> None:
    weights, recipe = args.run / "model.safetensors", args.run / "recipe.json"
    for path in (weights, recipe):
        if not path.is_file():
            raise ConfigError(f"{path}: missing; is this a finished run of fer-train?")
    try:
        task = json.loads(recipe.read_text(encoding="utf-8"))["task"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{recipe}: says no task: {error}") from error
    if task not in EXPORTS:
        raise ConfigError(f"{args.run}: nothing to export for task {task}")
    if args.batch and task != "system":
        raise ConfigError(f"--batch: the graphs of task {task} take any batch; leave it out")
    default, export = EXPORTS[task]
    out = args.out or Path(default.format(run=args.run, name=args.run.resolve().name))
    with staged(out) as inside:
        export(args, inside)


# What brings timm and the trainers along is imported where it is used.


def _detector(args: argparse.Namespace, out: Path) -> None:
    from export.detector import export_detector

    metrics = json.loads((args.run / "metrics.json").read_text(encoding="utf-8"))
    export_detector(args.run / "model.safetensors", out, metrics)


def _landmarks(args: argparse.Namespace, out: Path) -> None:
    from export.landmark_net import export_landmark_net
    from training.models.landmark_net import LandmarkNet
    from training.weights import load_weights

    network = LandmarkNet()
    load_weights(network, args.run / "model.safetensors")
    export_landmark_net(network, out, args.data, args.cache)


def _expression(args: argparse.Namespace, out: Path) -> None:
    from export.poster_rt import export_poster_rt

    export_poster_rt(args.run / "model.safetensors", out, args.data, args.cache)


def _system(args: argparse.Namespace, out: Path) -> None:
    from export.system import export_system

    export_system(args.run, out, args.data, args.cache, args.batch)


# Task to where its graph goes by default and what writes it.
EXPORTS: Final[Mapping[str, tuple[str, Callable[[argparse.Namespace, Path], None]]]] = {
    "detector": ("assets/fer-detector.onnx", _detector),
    "landmarks": ("{run}/landmark-net.onnx", _landmarks),
    "expression": ("assets/poster-rt.onnx", _expression),
    "system": ("{run}/{name}.onnx", _system),
}


if __name__ == "__main__":
    raise SystemExit(main())
