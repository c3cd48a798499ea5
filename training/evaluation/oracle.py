"""What choosing among a run's evaluations on the judging split would have given.

Many published figures are the best over all epochs on the very pictures that they are stated for.
Ours are not; `fer-eval RUN --oracle` says how much that would add (docs/accuracy.md).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.errors import ModelError
from training.data.faces import Split
from training.data.samples import Samples, load_samples
from training.evaluation.answers import answers_on, figures_of
from training.evaluation.runs import open_system
from training.systems.saved import SavedSystem, open_run
from training.trainer.loop import KEPT

log = logging.getLogger(__name__)

FIGURE: Final = "accuracy"


@dataclass(frozen=True, slots=True)
class Judged:
    """One evaluation's weights.

    Attributes:
        step: Of the run.
        watched: What the run is chosen by on validation, more is better.
        valid: Accuracy on validation.
        judged: Accuracy on the judging split.
    """

    step: int
    watched: float
    valid: float
    judged: float


def kept_weights(run: Path) -> dict[int, Path]:
    """Find what a run with ``loop.keep`` kept: steps, in their order, and files.

    Raises:
        ModelError: Nothing.
    """
    before, after = KEPT.split("{step:07d}")
    paths = {path.name.removeprefix(before).removesuffix(after): path for path in run.iterdir()}
    found = {int(step): path for step, path in paths.items() if step.isdecimal()}
    if not found:
        raise ModelError(
            f"{run}: holds no {KEPT.format(step=1)} or the like; train with loop.keep=true"
        )
    return dict(sorted(found.items()))


def oracle_figures(run: Path, split: Split, *, root: Path, cache: Path) -> dict[str, Any]:
    """Judge every kept evaluation on validation and on another split.

    Args:
        run: Folder of a run of the task ``system`` that kept its evaluations.
        split: The split that judges.
        root: Where datasets lie.
        cache: Folder for decoded data.

    Returns:
        Accuracies: of what validation chooses, of what the judging split would, and the difference;
        ``evaluations`` has all of them.

    Raises:
        ModelError: It is no such run, kept nothing, or tells no expressions apart.
        SourceError: The data is missing or malformed.
    """
    saved, files = open_run(run), kept_weights(run)
    splits: tuple[Split, Split] = ("valid", split)
    first, second = (_faces(saved, part, root, cache) for part in splits)
    monitor: str = saved.recipe["loop"]["monitor"]
    rows = []
    for step, path in files.items():
        system = open_system(path)
        valid, judged = (_figures(system, faces, path) for faces in (first, second))
        rows.append(Judged(step, valid[monitor or FIGURE], valid[FIGURE], judged[FIGURE]))
        log.info("step %d: %s %.4f, valid %.4f", step, split, rows[-1].judged, rows[-1].valid)
    return {
        "run": run.resolve().name,
        "split": split,
        "images": int((second.table.labels >= 0).sum()),
        **chosen_by(rows, monitored=bool(monitor)),
        "evaluations": [(row.step, row.valid, row.judged) for row in rows],
    }


def chosen_by(rows: Sequence[Judged], *, monitored: bool) -> dict[str, Any]:
    """Say what validation chose and what the judging split would have chosen.

    Args:
        rows: At least one, in the order of their steps.
        monitored: Whether the run keeps what is best on validation, the earliest of equals; it
            keeps the last otherwise.
    """
    honest = max(rows, key=lambda row: row.watched) if monitored else rows[-1]
    best = max(rows, key=lambda row: row.judged)
    return {
        "evaluations_kept": len(rows),
        "chosen_by": "validation" if monitored else "the end of the schedule",
        "step": honest.step,
        FIGURE: honest.judged,
        "step_if_chosen_on_it": best.step,
        f"{FIGURE}_if_chosen_on_it": best.judged,
        "points_gained": 100 * (best.judged - honest.judged),
    }


def _faces(saved: SavedSystem, split: Split, root: Path, cache: Path) -> Samples:
    side = saved.system.input_size
    return load_samples(saved.data, split, side, root=root, cache=cache, seed=saved.seed)


def _figures(saved: SavedSystem, faces: Samples, path: Path) -> Mapping[str, float]:
    figures = figures_of(answers_on(faces, saved.system, saved.data))
    if FIGURE not in figures:
        raise ModelError(f"{path}: tells no expressions apart; nothing is chosen by accuracy")
    return figures
