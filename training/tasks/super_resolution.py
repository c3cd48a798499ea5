"""Training of `SRLite` on aligned faces: the task ``super_resolution`` of `fer-train`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from engine.config import Natural, Positive, Share, checked, require
from engine.errors import ConfigError
from engine.faces.alignment import similarity, template, warp
from engine.faces.landmarks import five_points
from engine.faces.preprocessing import MEAN, STD, to_input
from engine.types import Floats, Image
from training.data.faces import FaceBank, open_bank
from training.data.operations import (
    BORDERS,
    JitterConfig,
    Rng,
    gaussian_noise,
    jitter,
    mirror,
    resized,
)
from training.data.packs import pack_digests
from training.models.super_resolution import Interpolate, SRLite
from training.trainer.loop import LoopConfig, device_of, fit
from training.trainer.optimizers import OptimizerConfig
from training.trainer.provenance import write_provenance
from training.trainer.recipe import Recipe
from training.trainer.task import Batches, Task

READ = ("faces_wild", "teacher_labels")  # data packs
JITTER = JitterConfig(rotation_deg=15, scale=1.2, shift=0.08)
JUDGED = 128  # held-out faces, evenly spread over them
EDGE = 2  # small pixels, see `SuperResolutionTask.evaluate`


@checked("super_resolution")
class SuperResolutionConfig:
    """The network and what its batches hold.

    Attributes:
        input_size: Side of the small pictures, pixels.
        upscaled_size: Side of the large ones; `input_size` doubled once or more. The pack's
            faces fill about 228 pixels, and those that are smaller than this are left out.
        channels: Of `SRLite`; 12 or more, which carry the picture at the start.
        blocks: Residual blocks of `SRLite`.
        gray: Share of pictures in gray; the others get the colour of some light.
        degraded: Share of pictures given a web picture's faults before they are made small.
    """

    input_size: Positive = 48
    upscaled_size: Positive = 96
    channels: Annotated[int, Field(ge=12)] = 32
    blocks: Natural = 8
    gray: Share = 0.5
    degraded: Share = 0.5

    def __post_init__(self) -> None:
        small, large = self.input_size, self.upscaled_size
        fits = large > small and large == small << self.doublings
        require(self, "upscaled_size", fits, f"{small}, the input_size, doubled once or more")

    @property
    def doublings(self) -> int:
        """How often `input_size` doubles on its way to `upscaled_size`."""
        return max(0, (self.upscaled_size // self.input_size).bit_length() - 1)


@dataclass(frozen=True, slots=True, eq=False)
class SuperResolutionBatches(Batches):
    """Aligned faces, small and large; the batch of a step depends on (seed, step) alone."""

    bank: FaceBank
    rows: NDArray[np.int64]  # of the bank's faces, those that are large enough
    batch: int
    seed: int
    config: SuperResolutionConfig

    @property
    def per_epoch(self) -> int:
        """Batches that hold as many pictures as there are faces."""
        return max(1, len(self.rows) // self.batch)

    def names(self, index: int) -> Sequence[str]:
        """File names of the pictures of a batch."""
        return [str(self.bank.names[row]) for row in self._rows(self._rng(index))]

    def _rng(self, index: int) -> Rng:
        return np.random.default_rng((self.seed, index))

    def _rows(self, rng: Rng) -> NDArray[np.int64]:
        return rng.choice(self.rows, self.batch)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Make small (B, 3, s, s) and large pictures (B, 3, S, S), normalised RGB."""
        rng = self._rng(index)
        pairs = [self._pair(int(row), rng) for row in self._rows(rng)]
        small, large = zip(*pairs, strict=True)
        return torch.from_numpy(to_input(small)), torch.from_numpy(to_input(large))

    def _pair(self, row: int, rng: Rng) -> tuple[Image, Image]:
        size = self.config.upscaled_size
        matrix = jitter(face_matrix(self.bank, row, size), size, JITTER, rng)
        if rng.random() < 0.5:
            matrix = mirror(matrix, size)
        border = BORDERS[rng.integers(len(BORDERS))]
        large = warp(self.bank.image(row), matrix, size, border)
        gray = rng.random() < self.config.gray
        large = in_gray(large) if gray else lit(large, rng)
        source = large
        if rng.random() < self.config.degraded:
            source = degraded(large, rng, 2**self.config.doublings)
            source = in_gray(source) if gray else source  # its noise is coloured
        return resized(source, self.config.input_size), large


def face_matrix(bank: FaceBank, row: int, size: int) -> Floats:
    """Give the (2, 3) map from a bank's picture to the engine's crop of `size` pixels."""
    return similarity(five_points(bank.landmarks[row]), template(size))


def large_enough(bank: FaceBank, size: int) -> NDArray[np.int64]:
    """List the rows of a bank whose crops of `size` pixels are not enlarged.

    Raises:
        ConfigError: There are none.
    """
    scales = [np.linalg.norm(face_matrix(bank, row, size)[0, :2]) for row in range(len(bank))]
    rows = np.flatnonzero(np.array(scales) <= 1)
    if not len(rows):
        raise ConfigError(
            f"super_resolution.upscaled_size: {size}, but none of {len(bank)} faces is that large"
        )
    return rows


def in_gray(crop: Image) -> Image:
    """Take a crop's colour away."""
    gray = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    return np.asarray(np.repeat(gray[..., None], 3, axis=2), np.uint8)


def lit(crop: Image, rng: Rng) -> Image:
    """Show a crop in coloured light: most of the pack's pictures have no colour of their own."""
    gain = np.exp(rng.normal(0, 0.15, 3)).astype(np.float32)
    return np.asarray(np.clip(np.rint(crop * gain), 0, 255), np.uint8)


def degraded(large: Image, rng: Rng, factor: int) -> Image:
    """Give a large crop faults that are mild once it is made small, as FER+'s pictures have.

    Args:
        large: (S, S, 3) uint8, BGR.
        rng: Source of randomness.
        factor: How many times smaller it will be made.
    """
    if rng.random() < 0.5:
        large = np.asarray(
            cv2.GaussianBlur(large, (0, 0), factor * rng.uniform(0.15, 0.4)), np.uint8
        )
    if rng.random() < 0.3:
        large = gaussian_noise(large, rng, variance=factor**2 * rng.uniform(0, 6))
    if rng.random() < 0.5:
        quality = int(rng.integers(50, 96))
        _, data = cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, quality])
        large = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return large


@torch.no_grad()
def start_as_interpolation(model: SRLite) -> None:
    """Make an untrained network interpolate, in place: bicubic once, then bilinear.

    Otherwise most of a short training would go into learning to copy the picture. The edge is
    not that of `Interpolate`, as the network pads with zeros, which are the mean colour.
    """
    wide, narrow = _CUBIC
    _clear(model.blocks[-1], model.first.out_channels)
    _clear(model.first, 4 * 3)
    _clear(model.last, 3)
    for colour in range(3):
        model.last.weight[colour, colour, 1, 1] = 1
        for place in range(4):
            row, down, right = 4 * colour + place, place // 2, place % 2
            model.first.weight[row, colour] = torch.outer(wide[down], wide[right])
            for number, stage in enumerate(model.enlarge):
                weight, bias = stage.parameters()
                sides, source = (_LINEAR, colour) if number else (narrow, row)
                weight[row] = bias[row] = 0
                weight[row, source] = torch.outer(sides[down], sides[right])


def _clear(conv: nn.Module, channels: int) -> None:
    """Set the first output channels of a convolution to zero, in place."""
    for parameter in conv.parameters():
        parameter[:channels] = 0


def _cubic() -> tuple[Tensor, Tensor]:
    """Split the two bicubic kernels of a doubling (a = -0.75) into kernels of 3 and 2 values.

    Returns:
        (2, 3) and (2, 3), the latter padded; a row each for the even and the odd pixels.
    """
    even = np.array([-9, 67, 225, -27]) / 256  # at -2, -1, 0 and 1
    root = np.roots(even).min()  # -2.6; with it, all values of both stay below 1.3
    narrow = np.array([1, -root, 0]) / (1 - root)
    wide = np.polydiv(even, narrow[:2])[0]
    return (
        torch.tensor(np.array([wide, wide[::-1]]), dtype=torch.float32),
        torch.tensor(np.array([narrow, narrow[::-1]]), dtype=torch.float32),
    )


_CUBIC = _cubic()
_LINEAR = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.75, 0.25]])


class SuperResolutionTask(Task):
    """Loss and validation of `SRLite`.

    Args:
        model: The network.
        held_out: (S, S, 3) uint8 BGR pictures of the large size that no training sees.
        config: Sizes.
    """

    def __init__(
        self, model: SRLite, held_out: Sequence[Image], config: SuperResolutionConfig
    ) -> None:
        super().__init__(model)
        self.large = held_out
        self.small = [resized(picture, config.input_size) for picture in held_out]
        self.bicubic = Interpolate(config.upscaled_size, "bicubic")
        self.inside = slice(EDGE << config.doublings, -(EDGE << config.doublings))

    def loss(
        self, model: nn.Module, batch: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean L1 distance of normalised values (specification, section 3.1)."""
        small, large = batch
        said = model(small.contiguous(memory_format=torch.channels_last))
        return functional.l1_loss(said, large), {}

    @torch.no_grad()
    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Mean PSNR of the network and of bicubic interpolation, dB, and the difference.

        ``gain_inside`` is that without the 2 outermost small pixels: the network pads with zeros.
        """
        model.eval()
        where = device_of(model)
        rows: list[Tensor] = []
        for i in range(0, len(self.small), 32):
            small, large = (
                torch.from_numpy(to_input(pictures[i : i + 32])).to(where)
                for pictures in (self.small, self.large)
            )
            both = model(small), self.bicubic(small)
            whole = [psnr_db(said, large) for said in both]
            inside = [psnr_db(self._inside(said), self._inside(large)) for said in both]
            rows.append(torch.stack([*whole, whole[0] - whole[1], inside[0] - inside[1]]))
        means = torch.cat(rows, dim=1).mean(dim=1).tolist()
        return dict(zip(("psnr", "psnr_bicubic", "gain", "gain_inside"), means, strict=True))

    def _inside(self, pictures: Tensor) -> Tensor:
        return pictures[..., self.inside, self.inside]


def psnr_db(said: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture, dB, as (B,).

    Args:
        said: (B, 3, H, W), normalised RGB; what lies beyond black and white is clipped.
        truth: As `said`.
    """
    error = _pixels(said) - _pixels(truth)
    return -10 * error.square().mean((1, 2, 3)).clamp(min=1e-10).log10()


def _pixels(normalised: Tensor) -> Tensor:
    """Undo the normalisation: values from 0 to 1."""
    mean, spread = (normalised.new_tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    return (normalised.float() * spread + mean).clamp(0, 1)


def held_out_crops(bank: FaceBank, size: int) -> list[Image]:
    """Cut the crops that the network is judged by.

    Borders are mirrored: the edge of a black one is easy for a network and hard for bicubic.
    """
    rows = large_enough(bank, size)
    chosen = rows[np.linspace(0, len(rows) - 1, min(JUDGED, len(rows))).astype(int)]
    border = cv2.BORDER_REFLECT_101
    return [warp(bank.image(row), face_matrix(bank, row, size), size, border) for row in chosen]


def run(recipe: Recipe) -> None:
    """Train the network of a ``task = "super_resolution"`` recipe."""
    recipe.check_tables({"loop", "optimizer", "super_resolution"})
    loop = recipe.section("loop", LoopConfig)
    optimizer = recipe.section("optimizer", OptimizerConfig)
    config = recipe.section("super_resolution", SuperResolutionConfig)
    train, valid = (
        open_bank("faces_wild", split, recipe.data, recipe.cache) for split in ("train", "valid")
    )
    size = config.upscaled_size
    torch.manual_seed(loop.seed)
    model = SRLite(config.channels, config.blocks, config.doublings)
    start_as_interpolation(model)
    task = SuperResolutionTask(model, held_out_crops(valid, size), config)
    rows = large_enough(train, size)
    batches = SuperResolutionBatches(train, rows, loop.batch, loop.seed, config)
    tables = {"loop": loop, "optimizer": optimizer, "super_resolution": config}
    write_provenance(recipe, tables, pack_digests(READ, recipe.data, recipe.cache))
    fit(task, batches, loop, optimizer, recipe.folder)
