"""What a system says of a whole split, and the figures of that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from engine.errors import ModelError
from engine.types import Floats
from training.data.epochs import evaluation_batches
from training.data.samples import DataConfig, Samples
from training.data.targets import target_of
from training.evaluation.metrics import affect_metrics, expression_metrics
from training.trainer.loop import device_of
from training.types import System, Target


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """A system's answers and the truth, in the split's order.

    Attributes:
        target: As tensors on the CPU, N rows.
        logits: (N, C), or (N, 0) without expressions.
        affect: (N, 2), or (N, 0) without valence and arousal.
        embedding: (N, D).
        extras: More of each face by name, (N, ...).
    """

    target: Target
    logits: Floats
    affect: Floats
    embedding: Floats
    extras: Mapping[str, Floats]

    def probabilities(self, temperature: float = 1.0) -> Floats:
        """(N, C) distributions at a temperature; 1 is uncalibrated."""
        return torch.from_numpy(self.logits / temperature).softmax(1).numpy()


EVALUATED = 128  # faces of a batch


def answers_on(samples: Samples, system: System, config: DataConfig) -> Answers:
    """Let a system judge every face of a split, shown as `config` says."""
    batches = evaluation_batches(
        samples.crops,
        target_of(samples.table, votes=config.votes, derived_affect=config.derived_affect),
        batch=EVALUATED,
        input_size=system.input_size,
        channel_order=config.channel_order,
    )
    return collect(system, batches)


@torch.no_grad()
def collect(system: System, batches: Iterable[tuple[torch.Tensor, Target]]) -> Answers:
    """Run a system over batches in eval mode, on the device it lies on.

    Raises:
        ModelError: It answers what is no number.
    """
    system.eval()
    where = device_of(system)
    said, truths = [], []
    for images, target in batches:
        said.append(system(images.to(where)))
        truths.append(target)
    names = said[0].extras
    return Answers(
        Target(*(torch.cat(parts) for parts in zip(*truths, strict=True))),
        _joined([answer.logits for answer in said]),
        _joined([answer.affect for answer in said]),
        _joined([answer.embedding for answer in said]),
        {name: _joined([answer.extras[name] for answer in said]) for name in names},
    )


# Of faces with classes, and of faces with valence and arousal.
EXPRESSION_FIGURES: Final = (
    *("accuracy", "balanced_accuracy", "macro_f1"),
    *("ece", "nll", "cross_entropy"),
)
AFFECT_FIGURES: Final = ("ccc_valence", "ccc_arousal", "va_score")


def figures_of(answers: Answers) -> dict[str, float]:
    """Give the figures that a run is watched and chosen by."""
    figures: dict[str, float] = {}
    labels = answers.target.labels.numpy()
    if answers.logits.shape[1] and (labels >= 0).any():
        said = expression_metrics(answers.probabilities(), labels)
        figures |= {"accuracy": said.accuracy, "balanced_accuracy": said.balanced_accuracy}
        figures |= {"macro_f1": said.macro_f1, "ece": said.ece, "nll": said.nll}
        figures["cross_entropy"] = _cross_entropy(answers)
    truth = answers.target.affect.numpy()
    if answers.affect.shape[1] and not np.isnan(truth).all():
        affect = affect_metrics(answers.affect, truth)
        figures |= {"ccc_valence": affect.ccc_valence, "ccc_arousal": affect.ccc_arousal}
        figures["va_score"] = affect.score
    return figures


def _cross_entropy(answers: Answers) -> float:
    """Mean over the faces that have shares; where these are a label's, it is `nll`."""
    shares = answers.target.shares
    known = shares.any(1)
    log_p = torch.from_numpy(answers.logits).log_softmax(1)
    return float(-(shares[known] * log_p[known]).sum(1).mean())


def _joined(parts: list[torch.Tensor]) -> Floats:
    joined = torch.cat(parts).float().cpu()
    if not joined.isfinite().all():
        raise ModelError("a system's answers are not finite; its weights are damaged")
    return joined.numpy()
