"""poster-rt as ONNX, calibrated on validation and judged on test."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.align import CROP_SIZE
from engine.fusion import Fusion
from engine.labels import EXPRESSIONS
from engine.landmarks import MARGIN
from engine.manifest import load_manifest
from engine.preprocess import MEAN, STD
from export.graph import write_graph, write_manifest
from training.calibration import fit_temperature
from training.evaluate import answers_of, metrics_of
from training.loop import load_weights
from training.models.poster_rt import PosterRT
from training.models.trunk import parameter_count

OUTPUTS: Final = ("logits", "valence_arousal", "landmarks", "presence")
BATCHES: Final = (1, 2, 7)


def export_poster_rt(weights: Path, out: Path, data: Path, cache: Path) -> None:
    """Write the network, its weights and its manifest.

    The temperature is fitted on FER+'s validation split; the figures of both splits go into
    the manifest.

    Args:
        weights: ``model.safetensors`` of a run.
        out: The ONNX file; manifest and weights are written beside it.
        data: Folder with the data packs.
        cache: Folder for decoded data.

    Raises:
        ModelError: ONNX and torch disagree.
        SourceError: FER+ is missing.
    """
    model = PosterRT()
    load_weights(model, weights)
    round_to_half(model)
    facts = write_poster_rt(model, out)
    save_file(halved(model), out.with_suffix(".safetensors"))
    write_manifest(out, {**facts, "temperature": 1.0, "metrics": {}})
    fusion = Fusion(load_manifest(out), "cpu")
    valid = answers_of(fusion, "valid", data, cache)
    temperature = fit_temperature(valid.logits["as served"], valid.labels)
    test = answers_of(fusion, "test", data, cache)
    metrics = {
        "data": "FER+ label.csv, majority labels, 8 classes",
        "valid": metrics_of(valid, temperature),
        "test": metrics_of(test, temperature),
    }
    write_manifest(out, {**facts, "temperature": temperature, "metrics": metrics})


@torch.no_grad()
def round_to_half(model: nn.Module) -> None:
    """Round kernels and matrices to what float16 holds, in place.

    The weight file is then half as large and still holds exactly what the ONNX file computes.
    """
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.copy_(parameter.half())


def halved(model: nn.Module) -> dict[str, Tensor]:
    """Give the model's state with kernels and matrices as float16."""
    matrices = {name for name, parameter in model.named_parameters() if parameter.ndim > 1}
    return {
        name: (value.half() if name in matrices else value).contiguous()
        for name, value in model.state_dict().items()
    }


def write_poster_rt(model: PosterRT, out: Path) -> dict[str, Any]:
    """Write the graph; give what its manifest says apart from calibration and figures."""
    model.eval()
    error = write_graph(
        model,
        torch.zeros(2, 3, CROP_SIZE, CROP_SIZE),
        out,
        input_name="crops",
        output_names=OUTPUTS,
        dynamic={0: torch.export.Dim("batch", min=1, max=64)},
        parity=lambda path: parity_error(model, path),
    )
    return {
        "name": out.stem,
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
        "parity": error,
    }


@torch.no_grad()
def parity_error(model: nn.Module, path: Path) -> float:
    """Largest difference of any output between torch and ONNX over batches of 1, 2 and 7."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for size in BATCHES:
        crops = torch.randn(size, 3, CROP_SIZE, CROP_SIZE, generator=generator)
        said = session.run(list(OUTPUTS), {"crops": crops.numpy()})
        for mine, theirs in zip(model(crops), said, strict=True):
            worst = max(worst, float(np.abs(mine.numpy() - theirs).max()))
    return worst
