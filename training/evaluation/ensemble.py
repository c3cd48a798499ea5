"""Soft voting of systems trained on different bootstraps (bagging)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from engine.errors import ConfigError, ModelError
from training.data.faces import Split
from training.evaluation.runs import evaluate_saved, open_system
from training.systems.saved import SavedSystem
from training.trainer.loop import device_of
from training.types import Answer, System, Target


class Vote(System):
    """The mean answer of members that take the same crops and know the same classes.

    Every member has one vote: expressions by the mean of the softmaxes, valence and arousal by
    the mean of the outputs. The embedding is the members' one after another. Source: DAN
    specification, section 4.
    """

    def __init__(self, members: Sequence[System]) -> None:
        super().__init__()
        sizes = sorted({member.input_size for member in members})
        if len(sizes) != 1:
            raise ValueError(f"members: expected one input size, got {sizes}")
        self.input_size = sizes[0]
        self.members = nn.ModuleList(members)

    @property
    def crop_size(self) -> int:
        """Side of the crops that are cut live."""
        return self._systems()[0].crop_size

    @property
    def unserved(self) -> str:
        """Why a member cannot run live; empty where all can."""
        return next(filter(None, (member.unserved for member in self._systems())), "")

    def served(self, crops: Tensor) -> Answer:
        """Judge what is cut live, each member as it does alone."""
        return _mean([member.served(crops) for member in self._systems()])

    def forward(self, images: Tensor) -> Answer:
        """Judge crops; the logits are the logarithm of the mean distribution."""
        return _mean([member(images) for member in self.members])

    def _systems(self) -> list[System]:
        return [cast(System, member) for member in self.members]

    def loss(self, images: Tensor, target: Target) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Refuse: bagging trains members one by one, each on its own bootstrap.

        Raises:
            ValueError: Always.
        """
        raise ValueError("a vote is not trained: train its members, each on its own bootstrap")


def _mean(said: Sequence[Answer]) -> Answer:
    chances = torch.stack([one.logits.log_softmax(1) for one in said])
    return Answer(
        chances.logsumexp(0) - math.log(len(said)),
        torch.stack([one.affect for one in said]).mean(0),
        torch.cat([one.embedding for one in said], 1),
        {},
    )


def evaluate_vote(
    checkpoints: Sequence[Path],
    split: Split,
    *,
    root: Path,
    cache: Path,
    dataset: str = "",
    fold: str = "",
) -> dict[str, Any]:
    """Give the figures of the soft vote of several runs, calibrated as one system.

    Args:
        checkpoints: Folders of runs of the task ``system``, or weights files in them.
        split: The split that judges.
        root: Where datasets lie.
        cache: Folder for decoded data.
        dataset: As in `training.evaluation.runs.evaluate_run`.
        fold: As there.

    Returns:
        As `training.evaluation.runs.Evaluation.figures`; parameters and gmac are of all members.

    Raises:
        ConfigError: A run is named twice.
        ModelError: One is no such run, or two were not trained to judge the same faces.
        FerError: As `training.evaluation.runs.evaluate_run`.
    """
    members = {path: open_system(path) for path in named_once(checkpoints)}
    joint, saved = joined(members), list(members.values())
    places = {"root": root, "cache": cache}
    evaluation = evaluate_saved(joint, checkpoints[0], split, **places, dataset=dataset, fold=fold)
    folders = [path if path.is_dir() else path.parent for path in checkpoints]
    return {
        **evaluation.figures(),
        "run": " + ".join(folder.resolve().name for folder in folders),
        "seed": ", ".join(str(one.seed) for one in saved),
    }


def named_once(checkpoints: Sequence[Path]) -> Sequence[Path]:
    """Give the members' places.

    Raises:
        ConfigError: A run is named twice.
    """
    if len({path.resolve() for path in checkpoints}) < len(checkpoints):
        named = ", ".join(map(str, checkpoints))
        raise ConfigError(f"{named}: a run has one vote; name each once")
    return checkpoints


def joined(members: Mapping[Path, SavedSystem]) -> SavedSystem:
    """Make one system of several; parameters and gmac are of all, the rest is the first one's.

    Raises:
        ModelError: Two were not trained to judge the same faces.
    """
    check_alike(members)
    saved = list(members.values())
    cards = [one.card for one in saved]
    card = replace(
        cards[0],
        parameters=sum(card.parameters for card in cards),
        gmac=sum(card.gmac for card in cards),
    )
    names = dict.fromkeys(one.name for one in saved)
    return replace(
        saved[0],
        system=Vote([one.system for one in saved]).eval(),
        name=f"vote of {len(saved)}: {', '.join(names)}",
        card=card,
        recipe={**saved[0].recipe, "members": [one.recipe for one in saved]},
    )


def check_alike(members: Mapping[Path, SavedSystem]) -> None:
    """Refuse members that do not see the same faces or do not answer the same question.

    Raises:
        ModelError: Two differ; both are named.
    """
    (first, wanted), *others = ((path, _outlook(saved)) for path, saved in members.items())
    for path, outlook in others:
        for key, value in wanted.items():
            if outlook[key] != value:
                raise ModelError(
                    f"{path}: {key} is {outlook[key]}, but {value} in {first}; "
                    "only runs that are alike in it can vote"
                )


def _outlook(saved: SavedSystem) -> dict[str, str]:
    """Say what a system is shown and what it answers."""
    data, side = saved.data, saved.system.input_size
    with torch.no_grad():
        said: Answer = saved.system(torch.zeros(1, 3, side, side, device=device_of(saved.system)))
    aligned = data.landmark_weights if data.align == "landmarks" else "none"
    return {
        "data.dataset": data.dataset,
        "data.fold": data.fold or "none",
        "classes": ", ".join(saved.classes),
        "data.align": data.align,
        "data.landmark_weights": aligned,
        "data.channel_order": data.channel_order,
        "input size": str(side),
        "crop size": str(saved.system.crop_size),
        "number of logits": str(said.logits.shape[1]),
        "number of affect values": str(said.affect.shape[1]),
    }
