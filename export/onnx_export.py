"""`fer-export RUN --to onnx --out FILE`: a trained network as ONNX with its manifest."""

import argparse
import hashlib
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from engine.align import CROP_SIZE
from engine.errors import FerError, ModelError
from engine.labels import EXPRESSIONS
from engine.landmarks import MARGIN
from engine.preprocess import MEAN, STD
from training.loop import load_weights
from training.models.poster_rt import PosterRT
from training.models.trunk import parameter_count

log = logging.getLogger(__name__)

OPSET: Final = 18
PARITY: Final = 1e-4  # on logits; fp32
OUTPUTS: Final = ("logits", "valence_arousal", "landmarks", "presence")


def export_poster_rt(weights: Path, out: Path, facts: Mapping[str, Any]) -> None:
    """Write poster-rt and its manifest; leave nothing behind if ONNX and torch disagree.

    Args:
        weights: ``model.safetensors`` of a run.
        out: The ONNX file; the manifest is written beside it.
        facts: ``temperature`` and ``metrics`` for the manifest.

    Raises:
        ModelError: The exported graph gives other logits than torch.
    """
    model = PosterRT()
    load_weights(model, weights)
    model.eval()
    partial = out.with_suffix(".partial.onnx")
    try:
        _write_graph(model, partial)
        error = parity_error(model, partial)
        if error > PARITY:
            raise ModelError(
                f"{out}: logits differ from torch by {error:.2e}, allowed {PARITY:.0e}"
            )
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    manifest = {
        "name": "poster-rt",
        "kind": "expression",
        "architecture": "PosterRT: landmark-image cross-fusion, 7x7 windows and query swap",
        "input": {
            "name": "crops",
            "size": CROP_SIZE,
            "margin": MARGIN,
            "colour": "rgb",
            "mean": list(MEAN),
            "std": list(STD),
        },
        "outputs": list(OUTPUTS),
        "labels": list(EXPRESSIONS),
        "landmarks": "ibug68",
        "parameters": parameter_count(model),
        "opset": OPSET,
        "parity": error,
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
        "commit": commit(),
        "licence": "GPL-3.0-or-later",
        **facts,
    }
    out.with_suffix(".json").write_text(json.dumps(manifest, indent=2) + "\n")
    log.info("wrote %s (%.1f MB), parity %.1e", out, out.stat().st_size / 1e6, error)


def _write_graph(model: nn.Module, path: Path) -> None:
    batch = torch.export.Dim("batch", min=1, max=64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        program = torch.onnx.export(
            model,
            (torch.zeros(2, 3, CROP_SIZE, CROP_SIZE),),
            input_names=["crops"],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: batch},),
            opset_version=OPSET,
            dynamo=True,
            optimize=True,
            verbose=False,
        )
    if program is None:
        raise ModelError(f"{path}: torch gave no ONNX program")
    program.save(str(path), external_data=False)


@torch.no_grad()
def parity_error(model: nn.Module, path: Path) -> float:
    """Largest difference of any logit between torch and ONNX over batches of 1, 2 and 7."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for size in (1, 2, 7):
        crops: Tensor = torch.randn(size, 3, CROP_SIZE, CROP_SIZE, generator=generator)
        truth = model(crops).logits.numpy()
        said = session.run(["logits"], {"crops": crops.numpy()})[0]
        worst = max(worst, float(np.abs(truth - said).max()))
    return worst


def commit() -> str:
    """Give the commit of the checkout, or ``unknown`` outside of one."""
    here = Path(__file__).parent
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def main(argv: Sequence[str] | None = None) -> int:
    """Export from the command line; return the exit code."""
    parse = argparse.ArgumentParser(prog="fer-export", description=__doc__)
    parse.add_argument("run", type=Path, help="run folder with model.safetensors")
    parse.add_argument("--out", type=Path, default=Path("assets/poster-rt.onnx"))
    args = parse.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        facts = json.loads((args.run / "facts.json").read_text())
        export_poster_rt(args.run / "model.safetensors", args.out, facts)
    except FerError as error:
        sys.stderr.write(f"fer-export: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
