"""Which faces an epoch shows, and in which order: pure functions of (seed, epoch)."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.config import Positive, Share, checked, one_of
from engine.errors import ConfigError

log = logging.getLogger(__name__)

Rows = NDArray[np.intp]
Rng = np.random.Generator

# First word of a generator's seed, so that orders, bags and augmentations never share a stream.
ORDER, BAG = 1, 2


class Sampler(Protocol):
    """Gives every epoch's rows; all epochs of a sampler have the same length."""

    def order(self, epoch: int) -> Rows:
        """Give the rows of an epoch in the order shown; a row may come more than once."""
        ...


@checked("sampler")
class SamplerConfig:
    """How an epoch is drawn.

    Attributes:
        name: One of `SAMPLERS`.
        balance: Of ``power_frequency``: 0 draws faces as they come, 1 every class equally often.
        group_cap: Of ``refinement``: most faces of one video or subject in an epoch's pool.
        per_class: Of ``refinement``: faces of each class in an epoch.
    """

    name: Annotated[str, one_of(lambda: SAMPLERS)] = "shuffle"
    balance: Share = 0.2
    group_cap: Positive = 512
    per_class: Positive = 500


@dataclass(frozen=True, slots=True, eq=False)
class Shuffle:
    """Every row once, labelled or not.

    Attributes:
        rows: Number of faces.
        seed: Of the run.
    """

    rows: int
    seed: int

    def order(self, epoch: int) -> Rows:
        """Permute all rows."""
        return _rng(self.seed, epoch).permutation(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class PowerFrequency:
    """Draws with replacement, chance proportional to the class's size to the power of -balance.

    Rows without a label are never drawn; an epoch has as many draws as there are labelled rows.

    Attributes:
        labels: (N,) class, -1 where there is none.
        balance: 0 draws faces as they come, 1 every class equally often.
        seed: Of the run.
    """

    labels: NDArray[np.intp]
    balance: float
    seed: int

    def order(self, epoch: int) -> Rows:
        """Draw as many rows as are labelled."""
        known = np.flatnonzero(self.labels >= 0)
        labels = self.labels[known]
        weights = np.bincount(labels)[labels].astype(np.float64) ** -self.balance
        drawn = _rng(self.seed, epoch).choice(known, len(known), p=weights / weights.sum())
        return np.asarray(drawn, np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class InverseFrequency:
    """Draws with replacement, weight 1 / n_class per row (common specification, section 6).

    Rows without a label are never drawn; an epoch has as many draws as there are labelled rows.

    Attributes:
        labels: (N,) class, -1 where there is none.
        seed: Of the run.
    """

    labels: NDArray[np.intp]
    seed: int

    def order(self, epoch: int) -> Rows:
        """Draw as many rows as are labelled."""
        return PowerFrequency(self.labels, 1.0, self.seed).order(epoch)


@dataclass(frozen=True, slots=True, eq=False)
class Refinement:
    """ARBEx's data refinement: few faces per video, equally many per class, fresh each epoch.

    Rows without a label take no part. The pool is shuffled before the classes are drawn: the
    authors' code takes each class's first rows in video order, which favours the first videos.

    Source: common specification, section 6; ARBEx specification, section 7.

    Attributes:
        labels: (N,) class, -1 where there is none.
        groups: (N,) video, subject or face that a row belongs to.
        seed: Of the run.
        group_cap: Most rows of one group in the pool.
        per_class: Rows of each class in an epoch.
    """

    labels: NDArray[np.intp]
    groups: NDArray[np.str_]
    seed: int
    group_cap: int = 512
    per_class: int = 500

    def pool(self, epoch: int) -> Rows:
        """Draw up to `group_cap` labelled rows of each group uniformly; in random order."""
        return self._pool(_rng(self.seed, epoch))

    def order(self, epoch: int) -> Rows:
        """Draw `per_class` rows of each class that has any, shuffled.

        Without replacement where the pool holds enough of the class, else with. A class that the
        cap left out of the pool is drawn from all its rows, so that epochs keep their length.
        """
        rng = _rng(self.seed, epoch)
        pool = self._pool(rng)
        classes = np.unique(self.labels[self.labels >= 0])
        drawn = np.concatenate([self._drawn(rng, pool, label) for label in classes])
        return rng.permutation(drawn)

    def _pool(self, rng: Rng) -> Rows:
        shuffled = rng.permutation(np.flatnonzero(self.labels >= 0))
        return shuffled[_occurrence(self.groups[shuffled]) < self.group_cap]

    def _drawn(self, rng: Rng, pool: Rows, label: np.intp) -> Rows:
        rows: Rows = pool[self.labels[pool] == label]
        if len(rows) >= self.per_class:
            return rows[: self.per_class]
        short = rows if len(rows) else np.flatnonzero(self.labels == label)
        return np.asarray(rng.choice(short, self.per_class), np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class GroupBootstrap:
    """One bag of bagging: groups drawn with replacement, the same for the whole run.

    Members of an ensemble differ by `seed`. Rows without a label stay with their group. Source:
    common specification, section 6; DAN specification, section 4.

    Attributes:
        groups: (N,) video or subject that a row belongs to.
        seed: Of the bag and of the epochs' orders.
    """

    groups: NDArray[np.str_]
    seed: int

    def rows(self) -> Rows:
        """Give the rows of the drawn groups, repeated as often as their group was drawn."""
        codes, times = self._draws()
        return np.repeat(np.arange(len(codes)), times[codes])

    def out_of_bag(self) -> Rows:
        """Give the rows of the groups never drawn: the member's own validation set."""
        codes, times = self._draws()
        return np.flatnonzero(times[codes] == 0)

    def order(self, epoch: int) -> Rows:
        """Permute the bag."""
        return _rng(self.seed, epoch).permutation(self.rows())

    def _draws(self) -> tuple[Rows, Rows]:
        """Each row's group, and how often each group is in the bag."""
        names, codes = np.unique(self.groups, return_inverse=True)
        drawn = np.random.default_rng((BAG, self.seed)).integers(len(names), size=len(names))
        return codes, np.bincount(drawn, minlength=len(names))


def _occurrence(values: NDArray[np.str_]) -> Rows:
    """Count, for each entry, its equals before it."""
    _, codes, sizes = np.unique(values, return_inverse=True, return_counts=True)
    starts = np.cumsum(sizes) - sizes
    places = np.empty(len(values), np.intp)
    places[np.argsort(codes, kind="stable")] = np.arange(len(values))
    return places - starts[codes]


def _rng(seed: int, epoch: int) -> Rng:
    return np.random.default_rng((ORDER, seed, epoch))


Labels = NDArray[np.intp]
Groups = NDArray[np.str_]


def _bag(groups: Groups, seed: int) -> GroupBootstrap:
    bag = GroupBootstrap(groups, seed)
    outside, drawn = len(bag.out_of_bag()), len(bag.rows())
    log.info("bag %d: %d faces; %d of %d in no drawn group", seed, drawn, outside, len(groups))
    return bag


SAMPLERS: dict[str, Callable[[SamplerConfig, Labels, Groups, int], Sampler]] = {
    "shuffle": lambda config, labels, groups, seed: Shuffle(len(labels), seed),
    "inverse_frequency": lambda config, labels, groups, seed: InverseFrequency(labels, seed),
    "power_frequency": lambda config, labels, groups, seed: PowerFrequency(
        labels, config.balance, seed
    ),
    "refinement": lambda config, labels, groups, seed: Refinement(
        labels, groups, seed, config.group_cap, config.per_class
    ),
    "group_bootstrap": lambda config, labels, groups, seed: _bag(groups, seed),
}
NEED_LABELS = ("inverse_frequency", "power_frequency", "refinement")


def sampler(config: SamplerConfig, labels: Labels, groups: Groups, seed: int) -> Sampler:
    """Make the sampler a recipe names.

    Args:
        config: Its name and parameters.
        labels: (N,) class of each face, -1 where there is none.
        groups: (N,) video, subject or character of each face.
        seed: Of the run, 0 or more.

    Raises:
        ConfigError: The sampler draws by class, and no face has one.
    """
    if config.name in NEED_LABELS and not (labels >= 0).any():
        raise ConfigError(
            f"sampler.name: {config.name} draws by class, but no face is labelled; use shuffle"
        )
    return SAMPLERS[config.name](config, labels, groups, seed)
