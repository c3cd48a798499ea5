"""Batches of faces, epoch by epoch: each a pure function of (seed, index)."""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import ConfigError
from engine.faces.alignment import similarity, template
from engine.faces.preprocessing import to_input, without_colour
from engine.types import Floats, Image
from training.data.crops import Crops
from training.data.operations import Rng, flipped, resized
from training.data.samplers import Rows, Sampler
from training.data.table import FaceTable
from training.data.transforms import Transform, WebcamConfig, webcam_view
from training.trainer.task import Batches
from training.types import Target

# First words of the generators' seeds, see `training.data.samplers`.
SAMPLE, MIX, ROUND = 4, 5, 6
MIX_BETA = 0.4

ChannelOrder = Literal["rgb", "bgr", "gray"]


class Views(Protocol):
    """Faces by row as training looks at them: never twice alike, where they are augmented."""

    def __len__(self) -> int: ...

    def __call__(self, row: int, rng: Rng, /, *, twin: bool = False) -> Image:
        """Give one view, (S, S, 3) uint8, BGR, S the network's input size.

        A `twin` is the view of the same generator, mirrored and at most moved a little.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class AugmentedCrops:
    """Cached crops, brought to the network's input size and then changed.

    Attributes:
        crops: Of N faces.
        transform: Augmentation.
        size: Side of the network's input, pixels.
    """

    crops: Crops
    transform: Transform
    size: int

    def __len__(self) -> int:
        return len(self.crops)

    def __call__(self, row: int, rng: Rng, /, *, twin: bool = False) -> Image:
        """See `Views`."""
        view = self.transform(resized(self.crops[row], self.size), rng)
        return flipped(view) if twin else view


@dataclass(frozen=True, slots=True, eq=False)
class WebcamViews:
    """Faces cut anew each time: where the crop strays, the picture around it comes into sight.

    Attributes:
        table: N faces.
        points: (N, 5, 2) float32, pixels of each picture.
        size: Side of the network's input, pixels.
        config: How far crops stray, and what else befalls them.
    """

    table: FaceTable
    points: Floats
    size: int
    config: WebcamConfig

    def __len__(self) -> int:
        return len(self.table)

    def __call__(self, row: int, rng: Rng, /, *, twin: bool = False) -> Image:
        """See `Views`."""
        matrix = similarity(self.points[row], template(self.size))
        return webcam_view(self.table.read(row), matrix, self.size, rng, self.config, twin=twin)


@dataclass(frozen=True, slots=True, eq=False)
class RoundCrops:
    """The views of one round, which every epoch of that round shows again: what teachers judge.

    Attributes:
        views: Of N faces.
        seed: Of the run.
        number: Of the round, 0 or more.
    """

    views: Views
    seed: int
    number: int

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, row: int, /) -> Image:
        """Give one view, (S, S, 3) uint8, BGR."""
        return self.views(row, round_generator(self.seed, row, self.number))


def round_generator(seed: int, row: int, number: int) -> Rng:
    """Give what a face's view of a round is drawn from."""
    return np.random.default_rng((ROUND, seed, row, number))


def images_of(crops: Sequence[Image], channel_order: ChannelOrder = "rgb") -> Tensor:
    """Stack uint8 BGR crops of one size into a normalised batch (B, 3, S, S), float32.

    Channel order ``gray`` shows all three channels the gray picture that the engine makes for gray
    networks; ``bgr`` is for POSTER's released RAF-DB weights alone, which were trained on BGR under
    the constants of RGB (common specification, section 7).
    """
    if channel_order == "gray":
        crops = [without_colour(crop) for crop in crops]
    elif channel_order == "bgr":
        crops = [crop[..., ::-1] for crop in crops]
    return torch.from_numpy(to_input(crops))


class EpochBatches(Batches):
    """Augmented batches of one size; what an epoch has left over at its end is not shown.

    The randomness of a crop depends on the seed, the epoch and its position in the epoch alone:
    the shards of several processes together are the batch of a single one, bit for bit. With
    rounds it depends on the seed, the face and the round, so that each view is known beforehand.
    """

    def __init__(
        self,
        views: Views,
        target: Target,
        sampler: Sampler,
        *,
        batch: int,
        seed: int,
        mixed: float = 0.0,
        twins: bool = False,
        rounds: Sequence[Target] = (),
        channel_order: ChannelOrder = "rgb",
        names: NDArray[np.str_] | None = None,
    ) -> None:
        """Check that an epoch holds at least one batch.

        Args:
            views: Of all N faces.
            target: The truth about all N faces.
            sampler: Gives each epoch's rows.
            batch: Faces of a batch, over all processes.
            seed: Of the run, 0 or more.
            mixed: Share of batches blended pairwise (Zhang et al. 2018, "mixup"), with weights
                of a Beta(0.4, 0.4); labels become those of the heavier part, valence and arousal
                are unknown where one part's are.
            twins: Show each face of a batch twice: behind all others their twins, see `Views`.
            rounds: K truths about the views of as many rounds, see `RoundCrops`; epoch e shows
                round e mod K. Without them every epoch's views are new, and `target` is the truth.
            channel_order: See `images_of`.
            names: (N,) what a message calls each face.

        Raises:
            ConfigError: An epoch has fewer faces than a batch.
            ValueError: Views and truths differ in number.
        """
        if len(views) != len(target.labels):
            raise ValueError(f"target: expected {len(views)} faces, got {len(target.labels)}")
        self.views, self.targets, self.sampler = views, tuple(rounds) or (target,), sampler
        self.rounds = len(rounds)
        self.batch, self.seed, self.mixed, self.twins = batch, seed, mixed, twins
        self.channel_order, self.face_names = channel_order, names
        self.rank, self.world = 0, 1
        self._last: tuple[int, Rows] = 0, sampler.order(0)
        self._per_epoch = len(self._last[1]) // batch
        if self._per_epoch < 1:
            raise ConfigError(
                f"loop.batch: must not exceed the {len(self._last[1])} faces of an epoch, "
                f"got {batch}"
            )

    @property
    def per_epoch(self) -> int:
        """Full batches of an epoch."""
        return self._per_epoch

    def shard(self, rank: int, world: int) -> "EpochBatches":
        """Give every `world`-th face of each batch, from `rank` on; only those are cut."""
        part = copy(self)
        part.rank, part.world = rank, world
        return part

    def names(self, index: int) -> Sequence[str]:
        """Name the faces of a batch, as far as they are known; of the whole batch in a shard."""
        if self.face_names is None:
            return ()
        return [str(name) for name in self.face_names[self._rows(index)]]

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        """Make images (B, 3, S, S) float32, normalised RGB, and their truth; of twins 2 B."""
        images, target = self._seen(index, twin=False)
        if not self.twins:
            return images, target
        twins, same = self._seen(index, twin=True)
        both = [torch.cat(pair) for pair in zip(target, same, strict=True)]
        return torch.cat([images, twins]), Target(*both)

    def _seen(self, index: int, *, twin: bool) -> tuple[Tensor, Target]:
        rows, target = self._rows(index), self._target(index)
        own = np.arange(self.rank, self.batch, self.world)
        share = self._share(index)
        if share is None:
            return self._images(index, rows, own, twin), _at(target, rows[own])
        partners = self.batch - 1 - own
        both = np.union1d(own, partners)
        images = self._images(index, rows, both, twin)
        pair = [images[np.searchsorted(both, places)] for places in (own, partners)]
        truths = [_at(target, rows[places]) for places in (own, partners)]
        return _mix(share, *pair), _mixed_target(share, *truths)

    def _target(self, index: int) -> Target:
        return self.targets[index // self._per_epoch % len(self.targets)]

    def _rows(self, index: int) -> Rows:
        epoch, place = divmod(index, self._per_epoch)
        if self._last[0] != epoch:
            self._last = epoch, self.sampler.order(epoch)
        return self._last[1][place * self.batch : (place + 1) * self.batch]

    def _images(self, index: int, rows: Rows, positions: Rows, twin: bool) -> Tensor:
        crops = [self._crop(index, int(rows[place]), int(place), twin) for place in positions]
        return images_of(crops, self.channel_order)

    def _crop(self, index: int, row: int, place: int, twin: bool) -> Image:
        epoch, batch = divmod(index, self._per_epoch)
        if self.rounds:
            rng = round_generator(self.seed, row, epoch % self.rounds)
        else:
            rng = np.random.default_rng((SAMPLE, self.seed, epoch, batch * self.batch + place))
        return self.views(row, rng, twin=True) if twin else self.views(row, rng)

    def _share(self, index: int) -> float | None:
        """Weight of a batch's own faces, or none where it is not blended."""
        rng = np.random.default_rng((MIX, self.seed, index))
        return float(rng.beta(MIX_BETA, MIX_BETA)) if rng.random() < self.mixed else None


def evaluation_batches(
    crops: Crops,
    target: Target,
    *,
    batch: int,
    input_size: int,
    channel_order: ChannelOrder = "rgb",
) -> Iterator[tuple[Tensor, Target]]:
    """Give all faces in their order, only resized and normalised; the last batch may be small.

    Args:
        crops: Of all N faces.
        target: The truth about all N faces.
        batch: Faces of a batch.
        input_size: Side of the network's input, pixels.
        channel_order: See `images_of`.
    """
    for start in range(0, len(crops), batch):
        rows = np.arange(start, min(start + batch, len(crops)))
        chosen = [resized(crops[int(row)], input_size) for row in rows]
        yield images_of(chosen, channel_order), _at(target, rows)


def _at(target: Target, rows: Rows) -> Target:
    chosen = torch.from_numpy(rows)
    return Target(*(values[chosen] for values in target))


def _mix(share: float, own: Tensor, other: Tensor) -> Tensor:
    return share * own + (1 - share) * other


def _mixed_target(share: float, own: Target, other: Target) -> Target:
    return Target(
        own.labels if share >= 0.5 else other.labels,
        _mix(share, own.shares, other.shares),
        _mix(share, own.affect, other.affect),
    )
