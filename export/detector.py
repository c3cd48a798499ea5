"""The face detector as ONNX with its manifest."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from engine.networks.ort import onnxruntime
from export.graph import difference, write_graph, write_manifest
from training.detector.evaluate import NMS_IOU, PAD
from training.detector.model import MEAN, SPREAD, STRIDES, FaceNet
from training.models.trunk import parameter_count
from training.weights import load_weights

OUTPUTS: Final = ("scores", "geometry")


class DetectorGraph(nn.Module):
    """What the ONNX file computes: scores, and raw geometry that the engine decodes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Take (1, 1, H, W) uint8; give scores (A,) and geometry (A, 14)."""
        raw = self.network(image)[0]
        return raw[:, 0].sigmoid(), raw[:, 1:]


def export_detector(weights: Path, out: Path, metrics: Mapping[str, Any]) -> None:
    """Write the detector, its manifest and its weights; refuse where ONNX and torch disagree.

    Args:
        weights: ``model.safetensors`` of a run.
        out: The ONNX file; the manifest and the weights are written beside it.
        metrics: Of the run, with the ``threshold`` chosen on validation.

    Raises:
        ModelError: The exported graph answers otherwise than torch.
    """
    network = FaceNet()
    load_weights(network, weights)
    graph = DetectorGraph(network).eval()
    error = write_graph(
        graph,
        {"image": torch.zeros(1, 1, 96, 128, dtype=torch.uint8)},
        out,
        output_names=OUTPUTS,
        dynamic={
            2: STRIDES[-1] * torch.export.Dim("height", min=1, max=256),
            3: STRIDES[-1] * torch.export.Dim("width", min=1, max=256),
        },
        parity=lambda path: parity_error(graph, path),
    )
    facts = {
        "name": out.stem,
        "kind": "detector",
        "architecture": "FaceNet: anchor-free, strides 8, 16, 32, box and five points a cell",
        "input": {
            "name": "image",
            "colour": "gray",
            "dtype": "uint8",
            "multiple": STRIDES[-1],
            "pad": PAD,
            "mean": MEAN,
            "std": SPREAD,
            "normalised": "in the graph",
        },
        "outputs": list(OUTPUTS),
        "strides": list(STRIDES),
        "score_threshold": metrics["threshold"],
        "nms_iou": NMS_IOU,
        "parameters": parameter_count(network),
        "parity": error,
        "metrics": dict(metrics),
    }
    write_manifest(out, facts)
    shutil.copyfile(weights, out.with_suffix(".safetensors"))


@torch.no_grad()
def parity_error(graph: nn.Module, path: Path) -> float:
    """Largest difference between torch and ONNX over pictures of three shapes."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    errors = []
    for height, width in ((32, 32), (96, 160), (256, 64)):
        image = torch.randint(0, 256, (1, 1, height, width), generator=generator).to(torch.uint8)
        said = session.run(list(OUTPUTS), {"image": image.numpy()})
        errors.append(difference(graph(image), said))
    return float(np.max(errors))
