"""A trained system on disk: its run folder, opened again with nothing unpickled."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.errors import ModelError
from training.data.table import FaceTable
from training.flops import size_of
from training.systems.build import SystemConfig, Truths, build, settings_type
from training.systems.neural_resizer import NeuralResizerConfig
from training.systems.types import System
from training.weights import load_weights

CARD = "model.json"


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """A trained system and what it was trained for.

    Attributes:
        system: In eval mode.
        classes: In the order of its logits.
        recipe: The run's resolved recipe.
        card: Content of ``model.json``.
    """

    system: System
    classes: tuple[str, ...]
    recipe: dict[str, Any]
    card: dict[str, Any]


def write_card(system: System, table: FaceTable, folder: Path) -> None:
    """Write ``model.json``: what the weights beside it are and in which order classes come."""
    size = size_of(system, torch.zeros(1, 3, system.input_size, system.input_size))
    card = {
        "dataset": table.dataset,
        "classes": list(table.classes),
        "input_size": system.input_size,
        **size.as_dict(),
    }
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def open_run(folder: Path, weights: str = "model.safetensors") -> Saved:
    """Open a run folder of the task ``system``.

    Raises:
        ModelError: It is no such folder, its run is not finished, or its parts do not fit.
    """
    recipe, card = _json(folder / "recipe.json"), _json(folder / CARD)
    if recipe.get("task") != "system":
        raise ModelError(f"{folder}: holds a run of task {recipe.get('task')}, expected system")
    path = folder / weights
    if not path.is_file():
        raise ModelError(f"{path}: missing; has the run ended?")
    config = SystemConfig(**recipe["system"])
    bare = replace(config, start="", image_weights="", landmark_weights="")
    own = settings_type(config)(**recipe[config.name])
    if isinstance(own, NeuralResizerConfig):  # what it started from is in the weights now
        own = replace(own, pretrained=False, upscaler_weights="")
    count = len(card["classes"])
    blank = Truths((1,) * count, np.full((count, count), 1 / count, np.float32))
    system = build(own, bare, blank)
    load_weights(system, path)
    return Saved(system.eval(), tuple(card["classes"]), recipe, card)


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from error
    return content
