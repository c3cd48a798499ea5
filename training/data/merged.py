"""Training faces of several datasets side by side, all in the classes of the first."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.errors import ConfigError
from training.data.classes import class_map, remapped
from training.data.table import FaceTable

log = logging.getLogger(__name__)


def merged(main: FaceTable, added: Sequence[FaceTable]) -> tuple[FaceTable, ...]:
    """Give the tables in the main one's classes, ready for `training.data.table.joined`.

    Names and groups get the name of their dataset before them, so that no two datasets share one.
    Faces that say nothing beside the main ones are left out and counted in the log: those of a
    class that the main dataset lacks and, where that has no classes at all, those without
    valence and arousal.

    Raises:
        ConfigError: A dataset has nothing left.
    """
    if not added:
        return (main,)
    return tuple(_named_apart(table) for table in (main, *(_fitted(main, one) for one in added)))


def _fitted(main: FaceTable, added: FaceTable) -> FaceTable:
    lost = _lost(main, added)
    fitted = remapped(added, main.classes)
    if not (main.labels >= 0).any():
        told = np.flatnonzero(np.isfinite(fitted.affect).all(axis=1))
        lost["no valence and arousal"] = len(fitted) - len(told)
        fitted = fitted.at(told)
    if not len(fitted):
        raise ConfigError(
            f"data.also: {added.dataset} has no face that fits {main.dataset}, whose classes are "
            f"{', '.join(main.classes)}"
        )
    reasons = ", ".join(f"{word} {count}" for word, count in lost.items() if count)
    log.info(
        "%s adds %d faces; %d left out%s",
        added.dataset,
        len(fitted),
        len(added) - len(fitted),
        f" that {main.dataset} has no place for: {reasons}" if reasons else "",
    )
    return fitted


def _lost(main: FaceTable, added: FaceTable) -> Counter[str]:
    """Count the faces of each class that the main dataset lacks."""
    known = class_map(added.classes, main.classes)
    counts = np.bincount(added.labels[added.labels >= 0], minlength=len(added.classes))
    return Counter({word: int(counts[k]) for k, word in enumerate(added.classes) if k not in known})


def _named_apart(table: FaceTable) -> FaceTable:
    lead = f"{table.dataset}/"
    return replace(
        table,
        names=np.char.add(lead, table.names),
        groups=np.char.add(lead, table.groups),
    )
