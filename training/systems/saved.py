"""A trained system on disk: its run folder, opened again with nothing unpickled."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import torch

from engine.config import Line, NonNegative, Positive, Side, checked
from engine.documents import is_file, read_object
from engine.errors import ConfigError, ModelError
from engine.files import write_text
from training.data.samples import DataConfig
from training.data.table import FaceTable
from training.documents import read_as
from training.models.flops import size_of
from training.systems.build import SystemConfig, Truths, build, settings_type
from training.systems.settings import SystemSettings
from training.trainer.loop import MODEL, LoopConfig
from training.trainer.recipe import Recipe
from training.types import System
from training.weights import (
    check_classes,
    is_checkpoint,
    load_named,
    load_weights,
    one_line,
)

CARD: Final = "model.json"
RECIPE: Final = "recipe.json"

T = TypeVar("T")


@checked(kw_only=False)
class Card:
    """Content of ``model.json``: what the weights beside it are.

    Attributes:
        dataset: Whose classes the system learned.
        classes: In the order of its logits.
        input_size: Side of the crops it takes, pixels.
        parameters: Of the network.
        gmac: Of one forward pass.
    """

    dataset: Line
    classes: tuple[Line, ...]
    input_size: Side
    parameters: Positive
    gmac: NonNegative


@dataclass(frozen=True, slots=True, eq=False)
class SavedSystem:
    """A trained system and what it was trained for.

    Attributes:
        system: In eval mode.
        name: Of the system, as in `training.systems.build.SYSTEMS`.
        data: What it was trained on.
        seed: Of its run.
        card: What its weights are.
        recipe: The run's resolved recipe, as it is on disk.
    """

    system: System
    name: str
    data: DataConfig
    seed: int
    card: Card
    recipe: dict[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the system's logits."""
        return self.card.classes


def write_card(system: System, table: FaceTable, folder: Path) -> None:
    """Write ``model.json``: what the weights beside it are and in which order classes come."""
    size = size_of(system, torch.zeros(1, 3, system.input_size, system.input_size))
    card = Card(table.dataset, table.classes, system.input_size, size.parameters, size.gmac)
    write_text(folder / CARD, json.dumps(asdict(card), indent=2) + "\n")


def read_card(path: Path) -> Card:
    """Read what `write_card` wrote.

    Raises:
        ModelError: It cannot be read, or a key is missing or holds something else.
    """
    return read_as(path, Card)


def weights_of(folder: Path, name: str = MODEL) -> Path:
    """Give the weights file of a run.

    Raises:
        ModelError: There is none.
    """
    path = folder / name
    if not is_file(path):
        raise ModelError(f"{path}: missing; has the run ended?")
    return path


def load_start(system: System, path: Path) -> None:
    """Go on from the weights of another run, in place.

    The run's card speaks for a file that does not name its classes itself. Of a torch checkpoint,
    such as POSTER's authors released, nobody says which classes: they are taken for the dataset's.

    Raises:
        ModelError: They are another network's, or their classes or the order of these are others.
    """
    if is_checkpoint(path):
        names = system.released_names()
        if not names:
            raise ModelError(
                f"{path}: a torch checkpoint, but {type(system).__name__} takes safetensors alone"
            )
        load_named(system, path, names)
        return
    card = path.parent / CARD
    if card.is_file():
        check_classes(str(path), read_card(card).classes, system.class_names)
    load_weights(system, path)


def open_run(folder: Path, weights: str = MODEL) -> SavedSystem:
    """Open a run folder of the task ``system``.

    Raises:
        ModelError: It is no such folder, its run is not finished, or its parts do not fit.
    """
    path = folder / RECIPE
    if not path.is_file():
        raise ModelError(f"{folder}: no run folder: holds no {RECIPE} of fer-train")
    tables = read_object(path, ModelError)
    if tables.get("task") != "system":
        task = tables.get("task")
        said = task if isinstance(task, str) and task.isprintable() else f"{task!r:.80}"
        raise ModelError(f"{folder}: holds a run of task {said}, expected system")
    card, file = read_card(folder / CARD), weights_of(folder, weights)
    try:
        config = _table(tables, "system", SystemConfig)
        own = _table(tables, config.name, settings_type(config))
        data, loop = _table(tables, "data", DataConfig), _table(tables, "loop", LoopConfig)
        system = _blank(own, config, card.classes)
    except ConfigError as error:
        raise ModelError(f"{path}: {error}") from error
    # Sizes that are all right by themselves may not fit each other, which torch and timm find out.
    except (RuntimeError, ValueError, AssertionError, MemoryError) as error:
        raise ModelError(f"{path}: such a system cannot be made: {one_line(error)}") from error
    load_weights(system, file)
    if system.input_size != card.input_size:
        raise ModelError(
            f"{folder / CARD}: input_size: {card.input_size}, but {RECIPE} makes a system of "
            f"{system.input_size}"
        )
    return SavedSystem(system.eval(), config.name, data, loop.seed, card, tables)


def _blank(own: SystemSettings, config: SystemConfig, classes: tuple[str, ...]) -> System:
    """Build a system that starts from nothing: all it started from is in its weights now."""
    count = len(classes)
    if count != own.classes:
        raise ConfigError(f"{config.name}.classes: {own.classes}, but {CARD} has {count} classes")
    truths = Truths((1,) * count, np.full((count, count), 1 / count, np.float32), classes)
    return build(own.bare(), config.bare(), truths)


def _table(tables: dict[str, Any], name: str, kind: type[T]) -> T:
    if not isinstance(tables.get(name), dict):
        raise ConfigError(f"{name}: missing, or no table")
    recipe = Recipe(task="system", tables=tables, data=Path(), cache=Path(), folder=Path())
    return recipe.section(name, kind)
