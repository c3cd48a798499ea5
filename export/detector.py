"""The face detector as ONNX with its manifest."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from export.backends import Backend, detector_backend
from export.comparison import prove
from export.graph import write_graph, write_manifest
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


def detector_in_torch(network: nn.Module, path: Path) -> Backend:
    """Make what the exported file is compared with; `path` is what messages call it."""
    return detector_backend(path, DetectorGraph(network), OUTPUTS)


def export_detector(
    weights: Path, out: Path, metrics: Mapping[str, Any], data: Path | None, cache: Path
) -> None:
    """Write the detector, its manifest and its weights; refuse where ONNX and torch disagree.

    Args:
        weights: ``model.safetensors`` of a run.
        out: The ONNX file; the manifest and the weights are written beside it.
        metrics: Of the run, with the ``threshold`` chosen on validation.
        data: Folder with the data packs, see `export.comparison.prove`.
        cache: Folder for decoded data.

    Raises:
        ModelError: The exported graph answers otherwise than torch.
    """
    network = FaceNet()
    load_weights(network, weights)
    graph = DetectorGraph(network).eval()
    write_graph(
        graph,
        {"image": torch.zeros(1, 1, 96, 128, dtype=torch.uint8)},
        out,
        output_names=OUTPUTS,
        dynamic={
            2: STRIDES[-1] * torch.export.Dim("height", min=1, max=256),
            3: STRIDES[-1] * torch.export.Dim("width", min=1, max=256),
        },
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
        "metrics": dict(metrics),
    }
    write_manifest(out, facts)
    parity = prove(detector_in_torch(network, weights), out, data, cache).parity
    write_manifest(out, {**facts, "parity": parity})
    shutil.copyfile(weights, out.with_suffix(".safetensors"))
