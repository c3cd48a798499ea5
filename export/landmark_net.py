"""The landmark network as ONNX, judged on held-out faces."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.faces.alignment import CROP_SIZE
from engine.faces.landmarker import Landmarker
from engine.networks.manifest import load_manifest
from export.backends import Backend, crops_backend
from export.comparison import prove
from export.graph import MOST, crop_example, crop_input, from_bytes, write_graph, write_manifest
from training.evaluation.served import landmark_metrics
from training.models.landmark_net import LandmarkNet
from training.models.trunk import parameter_count

MAPS: Final = ("map4", "map8", "map16")  # the taps, by stride
WEIGHTS: Final = Path("its weights")  # what messages call a network that nobody named
OUTPUTS: Final = ("landmarks", "presence", *MAPS)
INPUT: Final[Mapping[str, Any]] = crop_input(CROP_SIZE, "gray")


class LandmarkGraph(nn.Module):
    """What the ONNX file computes: the network's outputs side by side."""

    def __init__(self, network: LandmarkNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Map (B, 3, 112, 112) to landmarks, presence and the three taps."""
        landmarks, presence, taps = self.network(crops)
        return landmarks, presence, *taps


def landmark_net_in_torch(network: LandmarkNet, path: Path) -> Backend:
    """Make what the exported file is compared with; `path` is what messages call it."""
    return crops_backend(path, "landmarks", from_bytes(LandmarkGraph(network)), OUTPUTS, INPUT)


def export_landmark_net(network: LandmarkNet, out: Path, data: Path, cache: Path) -> None:
    """Write the network and its manifest, with its errors on held-out faces.

    Raises:
        ModelError: ONNX and torch disagree.
        SourceError: The data packs are missing.
    """
    facts = write_landmark_net(network, out)
    write_manifest(out, {**facts, "metrics": {}})
    facts["parity"] = prove(landmark_net_in_torch(network, WEIGHTS), out, data, cache).parity
    metrics = landmark_metrics(Landmarker(load_manifest(out), "cpu"), data, cache)
    write_manifest(out, {**facts, "metrics": metrics})


def write_landmark_net(network: LandmarkNet, out: Path) -> dict[str, Any]:
    """Write the graph; give what its manifest says apart from figures."""
    write_graph(
        from_bytes(LandmarkGraph(network)),
        {"crops": crop_example(CROP_SIZE, "gray")},
        out,
        output_names=OUTPUTS,
        dynamic={0: torch.export.Dim("batch", min=1, max=MOST)},
    )
    return {
        "name": out.stem,
        "kind": "landmarks",
        "architecture": "LandmarkNet: residual trunk, global depthwise pooling, 68 points",
        "input": dict(INPUT),
        "outputs": list(OUTPUTS),
        "landmarks": "ibug68",
        "parameters": parameter_count(network),
    }
