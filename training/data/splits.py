"""Which faces train, which choose the model, and which judge it.

A model is never chosen on its test faces: where a dataset has no validation part, a tenth of the
training part is held out (common specification, section 5). Everything here is deterministic.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError
from training.data.faces import Split
from training.data.table import FaceTable

HELD_OUT: Final = 0.1
SEED: Final = 0

Mask = NDArray[np.bool_]
PartReader = Callable[[str], FaceTable]  # reads one part of a dataset, by the dataset's own name
Plan = Callable[[PartReader, Split, str | None], FaceTable]


def stratified(strata: NDArray[np.str_], share: float, seed: int = SEED) -> Mask:
    """Draw the same share of every stratum; True for the drawn of the (N,) rows."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros(len(strata), bool)
    for stratum in np.unique(strata):
        rows = rng.permutation(np.flatnonzero(strata == stratum))
        drawn[rows[: round(share * len(rows))]] = True
    return drawn


def whole_groups(groups: NDArray[np.str_], share: float, seed: int = SEED) -> Mask:
    """Draw a share of the groups, at least one, and all rows of each."""
    names = np.random.default_rng(seed).permutation(np.unique(groups))
    return np.isin(groups, names[: max(1, round(share * len(names)))])


def strata_of(table: FaceTable, *, by_group: bool = False) -> NDArray[np.str_]:
    """Name each row's stratum: its class, or its group and class."""
    words = np.array([*table.classes, ""])[table.labels]
    return np.char.add(np.char.add(table.groups, "/"), words) if by_group else words


def official(**parts: str) -> Plan:
    """Use the dataset's own parts, given as ``train=``, ``valid=`` and ``test=``."""

    def plan(read: PartReader, split: Split, fold: str | None) -> FaceTable:
        _no_fold(fold)
        if split not in parts:
            raise ConfigError(f"split: this dataset has only {', '.join(parts)}, got {split}")
        return read(parts[split])

    return plan


def carved(train: str, test: str, *, by_group: bool = False) -> Plan:
    """Use the dataset's two parts, the validation split being a tenth of the training part.

    Args:
        train: The part that is divided, stratified by class.
        test: The part that judges: what papers report on, whatever the dataset calls it.
        by_group: Hold out whole groups (videos) instead.
    """

    def plan(read: PartReader, split: Split, fold: str | None) -> FaceTable:
        _no_fold(fold)
        if split == "test":
            return read(test)
        table = read(train)
        if by_group:
            drawn = whole_groups(table.groups, HELD_OUT)
        else:
            drawn = stratified(strata_of(table), HELD_OUT)
        return table.at(drawn if split == "valid" else ~drawn)

    return plan


def one_out(part: str, *, random_share: float | None = None) -> Plan:
    """Leave one group out: the fold's group judges, the next one, in order, chooses the model.

    Args:
        part: The dataset's only part.
        random_share: What judges where no fold is asked for: this share, stratified by group
            and class; a tenth of the rest, drawn alike, chooses the model. None asks for a fold.
    """

    def plan(read: PartReader, split: Split, fold: str | None) -> FaceTable:
        table = read(part)
        if fold is None and random_share is not None:
            return _random(table, split, random_share)
        groups = np.unique(table.groups).tolist()
        if fold not in groups:
            raise ConfigError(
                f"fold: {table.dataset} leaves one group out, expected one of "
                f"{', '.join(groups)}, got {fold}"
            )
        valid = groups[(groups.index(fold) + 1) % len(groups)]
        judged, choosing = table.groups == fold, table.groups == valid
        rows = {"test": judged, "valid": choosing, "train": ~judged & ~choosing}
        return table.at(rows[split])

    return plan


def _random(table: FaceTable, split: Split, share: float) -> FaceTable:
    drawn = stratified(strata_of(table, by_group=True), share)
    if split == "test":
        return table.at(drawn)
    rest = table.at(~drawn)
    choosing = stratified(strata_of(rest, by_group=True), HELD_OUT)
    return rest.at(choosing if split == "valid" else ~choosing)


def _no_fold(fold: str | None) -> None:
    if fold is not None:
        raise ConfigError(f"fold: this dataset has splits of its own, got {fold}")
