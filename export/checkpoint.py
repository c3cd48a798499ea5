"""What `fer-export` may start from: a trained network's weights, or an exported ONNX file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import onnx

from engine.documents import read_object
from engine.errors import ConfigError, ModelError
from engine.labels import EXPRESSIONS
from engine.networks.manifest import Manifest, load_manifest
from training.evaluation.ensemble import named_once
from training.systems.saved import CARD, RECIPE, read_card
from training.trainer.loop import MODEL

WEIGHTS: Final = ".safetensors"
GRAPH: Final = ".onnx"
PICKLED: Final = frozenset((".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"))
# Kind of a network in a manifest to the task that trains it; systems have a recipe beside them.
TASK_OF: Final[Mapping[str, str]] = {
    "detector": "detector",
    "landmarks": "landmarks",
    "expression": "expression",
}
EXPECTED: Final = (
    "expected a run folder of fer-train, one of its .safetensors files, or an exported .onnx file "
    "with its manifest"
)


@dataclass(frozen=True, slots=True)
class Weights:
    """A trained network in torch.

    Attributes:
        given: What the user named: the run folder or the weights file.
        file: The weights.
        task: What trained them, as in `training.train.TASKS`, or ``expression``: poster-rt.
        name: The run's, or the file's without its ending.
        metrics: The run's figures, empty where it left none.
        others: More members of an ensemble, whose answers are averaged.
    """

    given: Path
    file: Path
    task: str
    name: str
    metrics: Mapping[str, Any]
    others: tuple["Weights", ...] = ()

    @property
    def members(self) -> list[Path]:
        """What the user named, of all members of an ensemble."""
        return [self.given, *(other.given for other in self.others)]

    @property
    def in_run(self) -> bool:
        """Whether a recipe lies beside the weights."""
        return self.file.with_name(RECIPE).is_file()


def open_checkpoint(path: Path) -> Weights | Manifest:
    """Tell what a checkpoint is; nothing in it is run or unpickled.

    Raises:
        ConfigError: It says nothing of what it is, or is of another sort.
        ModelError: There is no such thing, or its run is not finished; an exported file is
            damaged, is not the one of its manifest, or no graph.
    """
    if path.suffix in PICKLED and path.is_file():
        raise ModelError(
            f"{path}: a pickled checkpoint can run code and is never opened; {EXPECTED}"
        )
    if path.suffix == GRAPH and not path.is_dir():
        return open_graph(path)
    if path.is_dir():
        return _of_run(path, path / MODEL)
    if not path.exists():
        raise ModelError(f"{path}: no such checkpoint; {EXPECTED}")
    if path.suffix != WEIGHTS:
        raise ModelError(f"{path}: not a checkpoint; {EXPECTED}")
    if path.with_name(RECIPE).is_file():
        return _of_run(path, path)
    return _shipped(path)


def open_ensemble(paths: Sequence[Path]) -> Weights | Manifest:
    """Tell what a checkpoint is, or several, whose mean answer is exported as one network.

    Raises:
        ConfigError, ModelError: As `open_checkpoint`; or several are not all runs of systems, or
            one is named twice.
    """
    found = [open_checkpoint(path) for path in named_once(paths)]
    if len(found) == 1:
        return found[0]
    members = [_member(path, each) for path, each in zip(paths, found, strict=True)]
    first, *others = members
    return replace(first, name=f"{first.name}-x{len(members)}", others=tuple(others))


def _member(path: Path, found: Weights | Manifest) -> Weights:
    # A poster-rt is a system as well, in one graph with its landmark network.
    if isinstance(found, Weights) and found.in_run and found.task in ("system", "expression"):
        return replace(found, task="system")
    raise ConfigError(f"{path}: an ensemble is made of run folders of systems")


def open_graph(path: Path) -> Manifest:
    """Load the manifest of an exported network and check its graph.

    Raises:
        ModelError: Either file is missing, they do not fit each other, or the graph is malformed
            or has operators that ONNX does not define.
    """
    manifest = load_manifest(path)
    check_graph(path)
    return manifest


def check_graph(path: Path) -> None:
    """Raise ModelError unless a file is a sound ONNX graph of ONNX's own operators."""
    try:
        model = onnx.load(path, load_external_data=False)
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path}: not a sound ONNX graph: {reason}") from error
    foreign = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
    if foreign or model.functions:
        names = ", ".join(sorted(foreign)) or "functions of its own"
        raise ModelError(f"{path}: needs operators that ONNX does not define: {names}")


def _of_run(given: Path, file: Path) -> Weights:
    recipe = file.with_name(RECIPE)
    for path in (file, recipe):
        if not path.is_file():
            raise ModelError(f"{path}: missing; is this a finished run of fer-train?")
    content = read_object(recipe, ModelError)
    task, system = content.get("task"), content.get("system")
    if not isinstance(task, str):
        raise ModelError(f"{recipe}: task: must be a text, got {task!r:.80}")
    # Shipped in two graphs of its own, where it knows what the engine's classes are.
    if isinstance(system, dict) and system.get("name") == "poster_rt":
        task = "expression" if read_card(file.with_name(CARD)).classes == EXPRESSIONS else task
    return Weights(given, file, task, file.parent.resolve().name, _metrics(file))


def _metrics(file: Path) -> Mapping[str, Any]:
    path = file.with_name("metrics.json")
    if not path.is_file():
        return {}
    return read_object(path, ModelError)


def _shipped(path: Path) -> Weights:
    """Weights without their run, such as those in assets/: the manifest beside says what they are.

    Raises:
        ConfigError: Nothing beside them does.
    """
    graph = path.with_suffix(GRAPH)
    if not graph.is_file():
        raise ConfigError(
            f"{path}: neither {RECIPE} nor {graph.name} with its manifest is beside it to say "
            "what these weights are"
        )
    manifest = load_manifest(graph)
    if "recipe" in manifest.data:
        raise ConfigError(f"{path}: weights of a system; name its run folder, which has the recipe")
    task = TASK_OF.get(manifest.kind)
    if task is None:
        raise ConfigError(f"{graph}: a network of kind {manifest.kind} has no weights here")
    return Weights(path, path, task, path.stem, dict(manifest.data["metrics"]))
