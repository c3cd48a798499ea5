"""From a torch module to an ONNX file with its manifest, whatever the network."""

import hashlib
import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import onnx
import torch
from torch import Tensor, nn

from engine.errors import ModelError
from engine.faces.landmarks import MARGIN
from engine.faces.preprocessing import MEAN, STD
from engine.files import write_text, written
from engine.installed import commit
from engine.networks.manifest import Colour
from training.data.epochs import ChannelOrder

log = logging.getLogger(__name__)

OPSET: Final = 18
PARITY: Final = 1e-4  # largest difference to torch that an fp32 export may show
MOST: Final = 64  # faces of one call of a graph with a dynamic batch
LANDMARK_NET: Final = "landmark-net.onnx"  # lies beside every expression network
CHANNELS: Final[Mapping[Colour, int]] = {"gray": 1, "rgb": 3}
LUMA: Final = (0.299, 0.587, 0.114)  # of RGB, as OpenCV's gray
CARD: Final = "fer-live"  # the manifest inside an ONNX file, under this name


class Normalise(nn.Module):
    """A graph's first nodes: bytes to what `training.data.epochs.images_of` makes of crops.

    Args:
        channel_order: As the network was trained.
        colourless: It was trained on pictures without colour: take that of the crops away.
    """

    scale: Tensor
    shift: Tensor
    luma: Tensor

    def __init__(self, channel_order: ChannelOrder = "rgb", *, colourless: bool = False) -> None:
        super().__init__()
        self._reverse, self._colourless = channel_order == "bgr", colourless
        self.register_buffer("luma", torch.tensor(LUMA).reshape(3, 1, 1))
        mean, spread = (torch.tensor(x).reshape(3, 1, 1) for x in (MEAN, STD))
        self.register_buffer("scale", 1.0 / (255.0 * spread))
        self.register_buffer("shift", mean / spread)

    def forward(self, crops: Tensor) -> Tensor:
        """Map uint8 crops (B, 1, S, S), gray, or (B, 3, S, S), RGB, to (B, 3, S, S)."""
        if self._reverse:
            crops = crops.flip(1)
        values = crops.float()
        if self._colourless:
            values = (values * self.luma).sum(1, keepdim=True)
        return values * self.scale - self.shift


def from_bytes(
    network: nn.Module, channel_order: ChannelOrder = "rgb", *, colourless: bool = False
) -> nn.Sequential:
    """Let a network of normalised crops take bytes; see `Normalise`."""
    return nn.Sequential(Normalise(channel_order, colourless=colourless), network).eval()


def crop_input(
    size: int,
    colour: Colour,
    batch: int = 0,
    *,
    colourless: bool = False,
    framing: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Say what a graph behind `Normalise` takes, for its manifest.

    Args:
        size: Side, pixels.
        colour: Of the bytes.
        batch: Crops of a call; 0 is any number.
        colourless: The graph takes the colour of RGB crops away.
        framing: How crops are made, where that is not as the engine aligns.
    """
    return {
        **({"gray": "in the graph"} if colourless else {}),
        **(framing or {}),
        "name": "crops",
        "size": size,
        "margin": MARGIN,
        "colour": colour,
        "dtype": "uint8",
        "mean": list(MEAN),
        "std": list(STD),
        "normalised": "in the graph",
        "batch": batch or "dynamic",
    }


def crop_example(size: int, colour: Colour, batch: int = 0) -> Tensor:
    """Make crops of that form, for `write_graph`."""
    return torch.zeros(batch or 2, CHANNELS[colour], size, size, dtype=torch.uint8)


def write_graph(
    model: nn.Module,
    examples: Mapping[str, Tensor],
    out: Path,
    *,
    output_names: Sequence[str],
    dynamic: Mapping[int, Any],
) -> None:
    """Write a network as ONNX; whether it answers alike is for `export.comparison.prove`.

    Args:
        model: In eval mode.
        examples: An input each by its name in the graph, in the order of `model.forward`; sizes
            that may vary are above 1.
        out: The ONNX file.
        output_names: Of the graph, in the module's order.
        dynamic: Dimension of every input to `torch.export.Dim`.

    Raises:
        ModelError: torch gives no graph.
        SinkError: It cannot be written.
    """
    with written(out) as partial:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter warns of its own internals
            program = torch.onnx.export(
                model,
                tuple(examples.values()),
                input_names=list(examples),
                output_names=list(output_names),
                dynamic_shapes=tuple(dict(dynamic) for _ in examples),
                opset_version=OPSET,
                dynamo=True,
                optimize=True,
                verbose=False,
            )
        if program is None:
            raise ModelError(f"{out}: torch gave no ONNX program")
        program.save(str(partial), external_data=False)
        strip_traces(partial)
        onnx.checker.check_model(partial, full_check=True)
    log.info("wrote %s (%.1f MB)", out.name, out.stat().st_size / 1e6)


def strip_traces(path: Path) -> None:
    """Rewrite an ONNX file without the exporter's notes, in place: stack traces with its paths."""
    model = onnx.load(path)
    graphs = [model.graph, *model.functions]
    parts = [part for graph in graphs for part in (graph, *graph.node, *graph.value_info)]
    parts += [*model.graph.input, *model.graph.output, *model.graph.initializer]
    for part in parts:
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, path)


def write_manifest(out: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest of an ONNX file into it and, with the file's hash, beside it.

    Args:
        out: The ONNX file.
        facts: What it says; opset, commit and licence are added. Of a path that begins at the root,
            such as that of the data, the last name is kept: manifests travel, folders are private.
    """
    manifest = {
        **_without_folders(facts),
        "opset": OPSET,
        "commit": commit(),
        "licence": "GPL-3.0-or-later",
    }
    model = onnx.load(out)
    del model.metadata_props[:]
    model.metadata_props.add(key=CARD, value=json.dumps(manifest))
    with written(out) as partial:
        onnx.save(model, partial)
    manifest["sha256"] = hashlib.sha256(out.read_bytes()).hexdigest()
    write_text(out.with_suffix(".json"), json.dumps(manifest, indent=2) + "\n")


def _without_folders(said: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(said, Mapping):
        return {key: _without_folders(value) for key, value in said.items()}
    if isinstance(said, list | tuple):
        return [_without_folders(value) for value in said]
    if isinstance(said, str) and Path(said).is_absolute():
        return Path(said).name
    return said
