"""What a loss is asked to reproduce: labels or votes, annotated or derived valence and arousal."""

from collections.abc import Sequence

import numpy as np
import torch

from engine.labels import EXPRESSIONS, VALENCE_AROUSAL, Expression
from engine.types import Floats
from training.data.table import FaceTable, one_hot
from training.types import Target


def target_of(
    table: FaceTable,
    *,
    votes: bool = False,
    derived_affect: bool = False,
    taught: Floats | None = None,
    distilled: float = 0.0,
) -> Target:
    """Give the truth about all faces of a table as tensors.

    Args:
        table: N faces.
        votes: Take shares of votes; else all of a face's share is its label's.
        derived_affect: Where valence and arousal are not annotated, derive them from the shares.
        taught: (N, C) distributions of teachers, mixed into the shares.
        distilled: Share of them, 0 to 1.
    """
    shares = table.shares if votes else one_hot(table.labels, len(table.classes))
    if taught is not None:
        shares = (1 - np.float32(distilled)) * shares + np.float32(distilled) * taught
    affect = table.affect
    if derived_affect:
        affect = np.where(np.isnan(affect), valence_arousal(shares, table.classes), affect)
    return Target(
        torch.from_numpy(table.labels.astype(np.int64)),
        torch.from_numpy(np.asarray(shares, np.float32)),
        torch.from_numpy(affect),
    )


def valence_arousal(shares: Floats, classes: Sequence[str] = EXPRESSIONS) -> Floats:
    """Derive valence and arousal (N, 2) as the mean of the classes' published places.

    NaN for a face without shares, or with one of a class that has no published place.
    """
    known = {name: VALENCE_AROUSAL[Expression(index)] for index, name in enumerate(EXPRESSIONS)}
    placed = np.array([name in known for name in classes])
    places = np.array([known.get(name, (0, 0)) for name in classes], np.float32)
    affect = np.asarray(shares @ places, np.float32)
    affect[~shares.any(axis=1) | shares[:, ~placed].any(axis=1)] = np.nan
    return affect
