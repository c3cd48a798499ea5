"""`fer-export RUN [--out FILE]`: a trained network as ONNX with its manifest."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.errors import ConfigError, FerError

OUTPUTS = {"detector": "assets/fer-detector.onnx", "expression": "assets/poster-rt.onnx"}


def main(argv: Sequence[str] | None = None) -> int:
    """Export from the command line; return the exit code."""
    parse = argparse.ArgumentParser(prog="fer-export", description=__doc__)
    parse.add_argument("run", type=Path, help="run folder of fer-train")
    parse.add_argument("--out", type=Path, help="ONNX file; default in assets/")
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
    return 0


def _export(args: argparse.Namespace) -> None:
    weights, recipe = args.run / "model.safetensors", args.run / "recipe.json"
    for path in (weights, recipe):
        if not path.is_file():
            raise ConfigError(f"{path}: missing; is this a finished run of fer-train?")
    task = json.loads(recipe.read_text())["task"]
    if task not in OUTPUTS:
        raise ConfigError(f"{args.run}: nothing to export for task {task}")
    out = args.out or Path(OUTPUTS[task])
    if task == "detector":
        from export.detector import export_detector

        export_detector(weights, out, json.loads((args.run / "metrics.json").read_text()))
    else:
        from export.poster_rt import export_poster_rt

        export_poster_rt(weights, out, args.data, args.cache)


if __name__ == "__main__":
    raise SystemExit(main())
