"""Training of a system, poster-rt or one of the papers': the task ``system`` of `fer-train`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.types import Floats
from training.data.classes import FER_PLUS
from training.data.epochs import AugmentedCrops, EpochBatches, Views, WebcamViews
from training.data.faces import Split
from training.data.ferplus import FOLDERS, parse_votes
from training.data.files import open_files
from training.data.prior import FER_PLUS_PRIOR, ferplus_prior, remap
from training.data.registry import dataset
from training.data.samplers import SamplerConfig, sampler
from training.data.samples import DataConfig, Samples, load_samples
from training.data.table import FaceTable, table_digest
from training.data.targets import target_of
from training.data.transforms import WebcamConfig, transform
from training.evaluation.answers import (
    AFFECT_FIGURES,
    EXPRESSION_FIGURES,
    answers_on,
    figures_of,
)
from training.systems.build import SystemConfig, Truths, build, settings_type
from training.systems.saved import load_start, weights_of, write_card
from training.systems.settings import SystemSettings
from training.tasks.distillation import DistillationConfig, soft_targets
from training.trainer.loop import LoopConfig, fit
from training.trainer.optimizers import OptimizerConfig
from training.trainer.provenance import write_provenance
from training.trainer.recipe import Recipe
from training.trainer.task import Metrics, Task
from training.types import System, Target


class SystemTask(Task):
    """A system's own loss, judged on a split."""

    methods = ("loss",)

    def __init__(self, system: System, valid: Samples, config: DataConfig) -> None:
        super().__init__(system)
        self.system, self.valid, self.config = system, valid, config

    def loss(
        self, model: nn.Module, batch: tuple[Tensor, Target]
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Give the system's loss and figures."""
        said: tuple[Tensor, Mapping[str, Tensor]] = model.loss(*batch)  # type: ignore[operator]  # a System, wrapped
        return said

    def before_step(self, progress: float) -> None:
        """Tell the system."""
        self.system.before_step(progress)

    def after_step(self) -> None:
        """Tell the system."""
        self.system.after_step()

    def evaluate(self, model: nn.Module) -> Metrics:
        """Judge on the validation split."""
        return figures_of(answers_on(self.valid, cast(System, model), self.config))


@dataclass(frozen=True, slots=True)
class SystemRecipe:
    """The tables of a recipe, understood."""

    system: SystemConfig
    own: SystemSettings  # of `settings_type`
    loop: LoopConfig
    optimizer: OptimizerConfig
    data: DataConfig
    sampler: SamplerConfig
    webcam: WebcamConfig
    distillation: DistillationConfig

    def tables(self) -> dict[str, Any]:
        """Give the tables by the names they have in a recipe."""
        named = {"system": self.system, self.system.name: self.own, "loop": self.loop}
        return named | {
            "optimizer": self.optimizer,
            "data": self.data,
            "sampler": self.sampler,
            "webcam": self.webcam,
            "distillation": self.distillation,
        }


def read_settings(recipe: Recipe) -> SystemRecipe:
    """Read the tables of a ``task = "system"`` recipe.

    Raises:
        ConfigError: Something in it is wrong, with its dotted path.
    """
    system = recipe.section("system", SystemConfig)
    settings = SystemRecipe(
        system,
        recipe.section(system.name, settings_type(system)),
        recipe.section("loop", LoopConfig),
        recipe.section("optimizer", OptimizerConfig),
        recipe.section("data", DataConfig),
        recipe.section("sampler", SamplerConfig),
        recipe.section("webcam", WebcamConfig),
        recipe.section("distillation", DistillationConfig),
    )
    recipe.check_tables(settings.tables().keys())
    data = settings.data
    if settings.webcam.live and (data.augmentation, data.align) != ("webcam", "landmarks"):
        raise ConfigError(
            "webcam.live: needs data.augmentation webcam and data.align landmarks, got "
            f"{data.augmentation} and {data.align}"
        )
    if settings.own.needs_twins and not settings.webcam.twins:
        raise ConfigError(f"{settings.system.name}.consistency: needs webcam.twins")
    if settings.own.needs_gray and data.channel_order != "gray":
        raise ConfigError(
            f"data.channel_order: {settings.system.name} is shown gray crops, got "
            f"{data.channel_order}; set it to gray"
        )
    check_learned(settings)
    return settings


def check_learned(settings: SystemRecipe) -> None:
    """Refuse settings that say something of what the system does not learn, or too little.

    Raises:
        ConfigError: One would be without effect, or its loss 0.
    """
    own, data, name = settings.own, settings.data, settings.system.name
    if own.affect and settings.loop.batch < own.affect_least:
        raise ConfigError(
            f"loop.batch: at least {own.affect_least} for {name} to learn valence and arousal, as "
            f"fewer faces say too little of a correlation; got {settings.loop.batch}"
        )
    if data.derived_affect and not own.affect:
        raise ConfigError(
            f"data.derived_affect: {name} learns no valence and arousal; leave it out"
        )
    if data.votes and not any(dataset(each).votes for each in (data.dataset, *data.also)):
        raise ConfigError(f"data.votes: {data.dataset} has one label of each face; leave it out")
    classes = {
        "data.votes": data.votes,
        "data.noise": data.noise > 0,
        "distillation.teachers": bool(settings.distillation.teachers),
    }
    for key, given in classes.items():
        if given and not (own.expressions or data.derived_affect):
            raise ConfigError(f"{key}: is of classes, which {name} does not learn; leave it out")


def run(recipe: Recipe) -> None:
    """Train the system of a ``task = "system"`` recipe.

    Raises:
        ConfigError: Settings that do not fit each other, the data, or an earlier run.
        SourceError: The data is missing or malformed.
        ModelError: Weights to start from are missing, another network's or of other classes; the
            loss diverged.
    """
    settings = read_settings(recipe)
    settings.own.check_start(settings.system.start)
    check_also(settings)
    train, valid = faces_of(settings, "train", recipe), faces_of(settings, "valid", recipe)
    for part in train.parts:
        settings.own.check_pictures(part)
    check_truth(settings, train.table)
    check_monitor(settings, valid.table)
    views, seed = views_of(settings, train), settings.loop.seed
    taught = soft_targets(settings.distillation, train.table, recipe.cache, views, seed)
    system = make_system(settings, train.table, recipe)
    data = digests_of(train, valid)
    write_provenance(recipe, settings.tables(), data, started_from(settings))
    write_card(system, train.table, recipe.folder)
    task = SystemTask(system, valid, settings.data)
    fit(task, batches_of(settings, train, taught), settings.loop, settings.optimizer, recipe.folder)


def check_also(settings: SystemRecipe) -> None:
    """Refuse added datasets that say nothing of what the system learns.

    Raises:
        ConfigError: One has no expressions, or no valence and arousal.
    """
    own = settings.own
    for name in settings.data.also:
        found = dataset(name)
        if not ((own.expressions and found.expressions) or (own.affect and found.affect)):
            lacks = "expressions to learn" if own.expressions else "valence and arousal"
            raise ConfigError(f"data.also: {name} has no {lacks}; leave it out")


def check_truth(settings: SystemRecipe, table: FaceTable) -> None:
    """Refuse faces without what the system learns: its loss would be 0 and nobody would see it.

    Args:
        settings: Of the run.
        table: The training faces, those of added datasets among them.

    Raises:
        ConfigError: None of them has a label, or none has valence and arousal, or so few that most
            batches would say nothing.
    """
    own, name = settings.own, settings.system.name
    there, most = known_of(settings, table), len(table)
    asked = {"expressions": own.expressions, "valence and arousal": own.affect}
    for what, wanted in asked.items():
        if wanted and not there[what]:
            underivable = settings.data.derived_affect or not there["expressions"]
            remedy = "" if underivable else ", or data.derived_affect"
            raise ConfigError(
                f"data.dataset: {table.dataset} has no {what} for {name} to learn; "
                f"choose another dataset, or add one by data.also{remedy}"
            )
    batch = settings.loop.batch
    if own.affect and batch * there["valence and arousal"] < own.affect_least * most:
        raise ConfigError(
            f"loop.batch: of {batch} faces {batch * there['valence and arousal'] / most:.1f} have "
            f"valence and arousal in {table.dataset}; {name} learns from {own.affect_least} at "
            "least: choose a larger batch, or fewer faces without them"
        )


def known_of(settings: SystemRecipe, table: FaceTable) -> dict[str, int]:
    """Count the faces of a table whose expression, and whose valence and arousal, are known."""
    data = settings.data
    target = target_of(table, votes=data.votes, derived_affect=data.derived_affect)
    return {
        "expressions": int((target.labels >= 0).sum()),
        "valence and arousal": int(torch.isfinite(target.affect).all(1).sum()),
    }


def check_monitor(settings: SystemRecipe, table: FaceTable) -> None:
    """Refuse, before anything is trained, to watch a figure that no evaluation will give.

    Args:
        settings: Of the run.
        table: The faces that choose the model.

    Raises:
        ConfigError: They lack what it is a figure of, or the system does not say it.
    """
    monitor, own = settings.loop.monitor, settings.own
    there = known_of(settings, table)
    given = (EXPRESSION_FIGURES if own.expressions and there["expressions"] else ()) + (
        AFFECT_FIGURES if own.affect and there["valence and arousal"] else ()
    )
    if monitor and monitor not in given:
        raise ConfigError(
            f"loop.monitor: {monitor}, but {table.dataset} gives {settings.system.name} "
            f"{', '.join(given) or 'no figure'}; choose one of these, or none"
        )


def digests_of(train: Samples, valid: Samples) -> dict[str, str]:
    """Say where the labels of each split lie, and their digest; of each dataset if several."""
    tables = {"train": train.table, "valid": valid.table}
    if len(train.parts) > 1:
        tables |= {f"train {part.dataset}": part for part in train.parts}
    return {name: f"{table.labels_from} {table_digest(table)}" for name, table in tables.items()}


def faces_of(settings: SystemRecipe, split: Split, recipe: Recipe) -> Samples:
    """Read one split as the system sees it."""
    return load_samples(
        settings.data,
        split,
        settings.own.input_size,
        root=recipe.data,
        cache=recipe.cache,
        seed=settings.loop.seed,
        cut=split != "train" or not settings.webcam.live,
    )


def make_system(settings: SystemRecipe, table: FaceTable, recipe: Recipe) -> System:
    """Build the system for the classes of its training faces, untrained or from `start`.

    Raises:
        ConfigError: The settings name another number of classes than the data has.
        ModelError: The weights to start from do not fit, or are of other classes.
    """
    name, own, classes = settings.system.name, settings.own, settings.own.classes
    if classes != len(table.classes):
        raise ConfigError(
            f"{name}.classes: {classes}, but {table.dataset} has {len(table.classes)}: "
            f"{', '.join(table.classes)}"
        )
    torch.manual_seed(settings.loop.seed)
    counts = np.bincount(table.labels[table.labels >= 0], minlength=classes)
    prior = prior_of(table, recipe.data) if own.needs_prior else None
    truths = Truths(tuple(int(count) for count in counts), prior, table.classes)
    system = build(own, settings.system, truths)
    if settings.system.start:
        load_start(system, Path(settings.system.start))
    return system


def prior_of(table: FaceTable, root: Path) -> Floats | None:
    """Give how votes spread over a dataset's classes; None where FER+ lacks one of them.

    Of FER+ alone from its training votes, for others and merged ones FER+'s published prior.
    """
    if table.dataset == "ferplus":
        files = open_files(root, "ferplus")
        labels = f"{FOLDERS['train']}/label.csv"
        return ferplus_prior(parse_votes(files.lines(labels), files.place(labels))[1])
    if set(table.classes) - set(FER_PLUS):
        return None
    return remap(np.array(FER_PLUS_PRIOR, np.float32), FER_PLUS, table.classes)


def batches_of(
    settings: SystemRecipe, train: Samples, taught: Floats | None = None
) -> EpochBatches:
    """Make the training batches; `taught` (K, N, C) is what teachers say of the faces."""
    table, loop, data = train.table, settings.loop, settings.data
    truth = partial(
        target_of,
        table,
        votes=data.votes,
        derived_affect=data.derived_affect,
        distilled=settings.distillation.distilled,
    )
    truths = [truth(taught=said) for said in (() if taught is None else taught)] or [truth()]
    return EpochBatches(
        views_of(settings, train),
        truths[0],
        sampler(settings.sampler, table.labels, table.groups, loop.seed),
        batch=loop.batch,
        seed=loop.seed,
        mixed=data.mixed,
        twins=settings.webcam.twins,
        rounds=truths if settings.distillation.rounds else (),
        channel_order=data.channel_order,
        names=table.names,
    )


def views_of(settings: SystemRecipe, train: Samples) -> Views:
    """Show training faces as the recipe augments them."""
    side, webcam = settings.own.input_size, settings.webcam
    if webcam.live and train.points is not None:
        return WebcamViews(train.table, train.points, side, webcam)
    return AugmentedCrops(train.crops, transform(settings.data.augmentation, webcam), side)


def started_from(settings: SystemRecipe) -> list[Path]:
    """List the weights files that a run starts from or is fed by."""
    files = [*settings.system.files(), *settings.own.files()]
    if settings.data.align == "landmarks" and settings.data.landmark_weights:
        files.append(Path(settings.data.landmark_weights))
    return files + [weights_of(Path(run)) for run in settings.distillation.teachers]
