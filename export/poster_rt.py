"""poster-rt as ONNX, calibrated on validation and judged on test."""

from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.faces.alignment import CROP_SIZE
from engine.labels import EXPRESSIONS
from engine.networks.manifest import load_manifest
from export.backends import LANDMARK_OUTPUTS, Backend, crops_backend
from export.comparison import prove
from export.folding import FoldedFusion
from export.graph import (
    LANDMARK_NET,
    MOST,
    Normalise,
    crop_example,
    from_bytes,
    write_graph,
    write_manifest,
)
from export.landmark_net import INPUT, MAPS, export_landmark_net
from export.networks import FERPLUS
from training.evaluation.calibration import fit_temperature
from training.evaluation.served import answers_of, metrics_of, open_network
from training.models.flops import size_of
from training.models.poster_rt import PosterRT
from training.systems.saved import RECIPE, open_run
from training.weights import load_part

OUTPUTS: Final = ("logits", "valence_arousal")


class _JointGraph(nn.Module):
    """poster-rt and its landmark network, without the maps between them."""

    def __init__(self, model: PosterRT) -> None:
        super().__init__()
        self.model = model

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        seen = self.model.landmark_net(crops)
        return (*self.model.fuse(crops, seen.taps), seen.landmarks, seen.presence)


class _FusionGraph(nn.Module):
    """What the ONNX file computes of bytes."""

    def __init__(self, model: PosterRT) -> None:
        super().__init__()
        self.normalise, self.fusion = Normalise(), FoldedFusion(model)

    def forward(
        self, crops: Tensor, map4: Tensor, map8: Tensor, map16: Tensor
    ) -> tuple[Tensor, Tensor]:
        said: tuple[Tensor, Tensor] = self.fusion(self.normalise(crops), map4, map8, map16)
        return said


def poster_rt_in_torch(model: PosterRT, path: Path) -> Backend:
    """Make what the exported file is compared with; `path` is what messages call it."""
    outputs = (*OUTPUTS, *LANDMARK_OUTPUTS)
    graph = from_bytes(_JointGraph(model))
    return crops_backend(path, "expression", graph, outputs, INPUT, labels=EXPRESSIONS)


def export_poster_rt(weights: Path, out: Path, data: Path, cache: Path) -> None:
    """Write the network, the landmark network it needs, their manifests, and the weights.

    The temperature is fitted on FER+'s validation split; the figures of both splits go into
    the manifest.

    Args:
        weights: ``model.safetensors`` of a run.
        out: The ONNX file; everything else is written beside it.
        data: Folder with the data packs.
        cache: Folder for decoded data.

    Raises:
        ModelError: ONNX and torch disagree.
        SourceError: FER+ is missing.
    """
    model = network_of(weights)
    round_to_half(model)
    export_landmark_net(model.landmark_net, out.with_name(LANDMARK_NET), data, cache)
    facts = write_poster_rt(model, out)
    save_file(halved(model), out.with_suffix(".safetensors"))
    write_manifest(out, {**facts, "temperature": 1.0, "metrics": {}})
    facts["parity"] = prove(poster_rt_in_torch(model, weights), out, data, cache).parity
    network = open_network(out)
    valid = answers_of(network, "valid", data, cache)
    temperature = fit_temperature(valid.logits["as served"], valid.labels)
    test = answers_of(network, "test", data, cache)
    metrics = {
        "data": FERPLUS,
        "valid": metrics_of(valid, temperature),
        "test": metrics_of(test, temperature),
    }
    write_manifest(out, {**facts, "temperature": temperature, "metrics": metrics})


def network_of(weights: Path) -> PosterRT:
    """Open the weights of a run, as its recipe says, or of the shape that ships.

    Raises:
        ModelError: They do not fit.
    """
    if (weights.parent / RECIPE).is_file():
        system = open_run(weights.parent, weights.name).system
        if isinstance(system, PosterRT):
            return system
    model = PosterRT()
    load_part(model, weights)
    return model


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
    """Write the graph, beside its landmark network's; give what its manifest says.

    Calibration and figures are left to the caller.
    """
    model.eval()
    with torch.no_grad():
        taps = model.landmark_net(torch.zeros(2, 3, CROP_SIZE, CROP_SIZE)).taps
    landmarks = load_manifest(out.with_name(LANDMARK_NET))
    write_graph(
        _FusionGraph(model).eval(),
        {"crops": crop_example(CROP_SIZE, "gray"), **dict(zip(MAPS, taps, strict=True))},
        out,
        output_names=OUTPUTS,
        dynamic={0: torch.export.Dim("batch", min=1, max=MOST)},
    )
    return {
        "name": out.stem,
        "kind": "expression",
        "architecture": "PosterRT: landmark-image cross-fusion, 7x7 windows and query swap",
        "input": dict(INPUT),
        "outputs": list(OUTPUTS),
        "labels": list(EXPRESSIONS),
        "landmarks": {"file": LANDMARK_NET, "sha256": landmarks.sha256, "maps": list(MAPS)},
        **size_of(_JointGraph(model), torch.zeros(1, 3, CROP_SIZE, CROP_SIZE)).as_dict(),
        "derived_affect": True,  # of the votes, see training.data.targets
    }
