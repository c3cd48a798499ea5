"""Any system as ONNX, calibrated on the validation split it was trained beside."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.assets import asset_path
from engine.errors import ModelError
from engine.networks.manifest import Colour, load_manifest
from export.backends import Backend, crops_backend
from export.comparison import prove
from export.framing import framing_of
from export.graph import (
    LANDMARK_NET,
    MOST,
    crop_example,
    crop_input,
    from_bytes,
    write_graph,
    write_manifest,
)
from export.networks import FERPLUS
from training.data.registry import dataset
from training.data.samples import DataConfig
from training.evaluation.ensemble import joined
from training.evaluation.runs import evaluate_saved
from training.models.window_attention import WindowCrossAttention
from training.systems.saved import SavedSystem, open_run
from training.types import System

OUTPUTS: Final = ("logits", "valence_arousal")
# Of what a system says besides: ARBEx's two distributions, which it keeps as logarithms, and what
# it and AdaFace say of each face.
DISTRIBUTIONS: Final = ("primary", "corrected")
OWN: Final = ("primary_confidence", "confidence", "quality")
APART: Final = 1e-3  # what an answer may change by when other faces are asked about, of its size


class SystemGraph(nn.Module):
    """What the ONNX file computes of normalised crops: the outputs that the system has.

    Attributes:
        outputs: Their names, in the order of the results.
    """

    def __init__(self, system: System) -> None:
        super().__init__()
        self.system = system.eval()
        for module in system.modules():
            if isinstance(module, WindowCrossAttention):
                module.fix_bias()
        with torch.no_grad():
            side = system.crop_size
            answer = system.served(torch.zeros(1, 3, side, side))
        widths = (answer.logits.shape[1], answer.affect.shape[1])
        heads = (name for name, width in zip(OUTPUTS, widths, strict=True) if width > 0)
        more = (name for name in (*DISTRIBUTIONS, *OWN) if name in answer.extras)
        self.outputs = (*heads, *more)

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Map normalised RGB crops (B, 3, S, S) to the outputs, (B, C), (B, 2) and (B,)."""
        answer = self.system.served(crops)
        named = {"logits": answer.logits, "valence_arousal": answer.affect, **answer.extras}
        return tuple(
            named[name].exp() if name in DISTRIBUTIONS else named[name] for name in self.outputs
        )


@torch.no_grad()
def check_alone(graph: SystemGraph, name: str) -> None:
    """Refuse a system whose answer for one face depends on the others in the batch.

    Raises:
        ModelError: It does: live, a face would show something else when somebody joins.
    """
    side = graph.system.crop_size
    crops = torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(0))
    together, alone = graph(crops), graph(crops[:1])
    for output, one, many in zip(graph.outputs, alone, together, strict=True):
        size = max(1.0, float(one.abs().max()))
        if not float((one - many[:1]).abs().max()) <= APART * size:
            raise ModelError(
                f"{name}: its {output} of a face depends on the other faces of the batch, so that "
                'live it would change with who is there; train with attention_scope = "sample"'
            )


def colour_of(data: DataConfig) -> Colour:
    """Say what crops a system takes that was trained so."""
    return "gray" if data.channel_order == "gray" else "rgb"


def check_served(saved: SavedSystem, name: str) -> None:
    """Refuse a system that was shown what no crop can be made like.

    Raises:
        ModelError: It was; the message says why, and what to do.
    """
    reason = saved.system.unserved
    if not reason and saved.system.crop_size != saved.system.input_size:
        order = saved.data.channel_order
        if order != "rgb":  # a file's pictures were enlarged first and then made so
            reason = f"its enlarged pictures are {order}; train with data.channel_order = rgb"
    if reason:
        raise ModelError(f"{name}: cannot run live: {reason}")


def is_colourless(data: DataConfig) -> bool:
    """Say whether a system saw three equal channels in training, and the engine has colour."""
    shown = (data.dataset, *data.also)
    return data.channel_order == "rgb" and all(dataset(name).gray for name in shown)


def is_derived(data: DataConfig) -> bool:
    """Say whether a system learned valence and arousal that follow from classes."""
    return data.derived_affect and not dataset(data.dataset).affect


def system_in_torch(saved: SavedSystem, path: Path) -> Backend:
    """Make what the exported file is compared with; `path` is what messages call it."""
    graph = SystemGraph(saved.system)
    labels = saved.classes if "logits" in graph.outputs else ()
    form = crop_input(saved.system.crop_size, colour_of(saved.data))
    colourless = is_colourless(saved.data)
    bytes_in = from_bytes(graph, saved.data.channel_order, colourless=colourless)
    return crops_backend(path, "expression", bytes_in, graph.outputs, form, labels=labels)


def export_system(checkpoint: Path, out: Path, data: Path, cache: Path, batch: int = 0) -> None:
    """Write the network with its manifest, and the landmark network that faces are followed by.

    Args:
        checkpoint: Run folder of the task ``system``, or one of the weights files in it.
        out: The ONNX file.
        data: Folder with the datasets.
        cache: Folder for decoded data.
        batch: Faces of a call; 0 is any number.

    Raises:
        ModelError: It is no such run, or ONNX and torch disagree.
        SinkError: It cannot be written.
        SourceError: The run's validation split, which the temperature is fitted on, or its test
            split is missing.
    """
    export_saved(open_member(checkpoint), checkpoint, out, data, cache, batch=batch)


def export_vote(
    checkpoints: Sequence[Path], out: Path, data: Path, cache: Path, batch: int = 0
) -> None:
    """Do `export_system` with several runs as one network, whose answer is the mean of theirs.

    Raises:
        ModelError, SinkError, SourceError: As `export_system`; or two runs were not trained to
            judge the same faces, or need other crops.
    """
    export_saved(open_vote(checkpoints), checkpoints[0], out, data, cache, batch=batch)


def open_member(checkpoint: Path) -> SavedSystem:
    """Open a run folder, or one of the weights files in it."""
    inside = not checkpoint.is_dir()
    return open_run(checkpoint.parent, checkpoint.name) if inside else open_run(checkpoint)


def open_vote(checkpoints: Sequence[Path]) -> SavedSystem:
    """Open several runs as one system.

    Raises:
        ModelError: One is no run, or two are not alike.
    """
    members = {path: open_member(path) for path in checkpoints}
    first, *others = members
    for path in others:
        for what, says in (
            ("whether it saw colour", is_colourless),
            ("whether its valence and arousal are derived", is_derived),
        ):
            if says(members[path].data) != says(members[first].data):
                raise ModelError(
                    f"{path}: {what} differs from {first}; only runs that are alike in it can vote"
                )
    return joined(members)


def export_saved(
    saved: SavedSystem, checkpoint: Path, out: Path, data: Path, cache: Path, *, batch: int = 0
) -> None:
    """Write an opened system; as `export_system`, `checkpoint` being what messages call it."""
    facts = write_system(saved, out, batch, framing_of(saved, checkpoint, data, cache))
    for suffix in (".onnx", ".json"):
        beside = out.with_name(LANDMARK_NET).with_suffix(suffix)
        bundled = asset_path(beside.name)
        if not beside.exists() or not beside.samefile(bundled):
            shutil.copyfile(bundled, beside)
    write_manifest(out, {**facts, "temperature": 1.0, "metrics": {}})
    facts["parity"] = prove(system_in_torch(saved, checkpoint), out, data, cache).parity
    evaluation = evaluate_saved(saved, checkpoint, "valid", root=data, cache=cache)
    metrics = {"data": _judged_by(saved), "valid": evaluation.figures()}
    if "test" in dataset(saved.data.dataset).splits:
        test = evaluate_saved(saved, checkpoint, "test", root=data, cache=cache)
        metrics["test"] = test.figures()
    write_manifest(out, {**facts, "temperature": evaluation.temperature, "metrics": metrics})


def _judged_by(saved: SavedSystem) -> str:
    name = saved.card.dataset
    return FERPLUS if name == "ferplus" else name


def write_system(
    saved: SavedSystem, out: Path, batch: int = 0, framing: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write the graph; give what its manifest says apart from calibration and figures.

    Args:
        saved: The system.
        out: The ONNX file.
        batch: Faces of a call; 0 is any number.
        framing: How its crops are made, where that is not as the engine aligns.

    Raises:
        ModelError: Its answer for one face depends on the others, or no crop is like the pictures
            it was trained on.
    """
    check_served(saved, out.stem)
    side, colour = saved.system.crop_size, colour_of(saved.data)
    colourless = is_colourless(saved.data)
    graph = SystemGraph(saved.system)
    check_alone(graph, out.stem)
    write_graph(
        from_bytes(graph, saved.data.channel_order, colourless=colourless),
        {"crops": crop_example(side, colour, batch)},
        out,
        output_names=graph.outputs,
        dynamic={} if batch else {0: torch.export.Dim("batch", min=1, max=MOST)},
    )
    landmarks = load_manifest(asset_path(LANDMARK_NET))
    return {
        "name": out.stem,
        "kind": "expression",
        "architecture": saved.name,
        "input": crop_input(side, colour, batch, colourless=colourless, framing=framing),
        "outputs": list(graph.outputs),
        "labels": list(saved.classes) if "logits" in graph.outputs else [],
        "landmarks": {"file": LANDMARK_NET, "sha256": landmarks.sha256, "maps": []},
        "parameters": saved.card.parameters,
        "gmac": saved.card.gmac,
        "derived_affect": is_derived(saved.data),
        "apart": True,  # as `check_alone` says
        "recipe": saved.recipe,
    }
