"""Training of the landmark network on teacher landmarks, with faces and non-faces."""

import logging
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.config import Share, checked
from engine.faces.alignment import CROP_SIZE, similarity, template, transform, warp
from engine.faces.detection import open_detector
from engine.faces.landmarks import MIRROR, five_points
from engine.types import Floats, Image
from training.data.camera import ROUGH, WEBCAM, degrade
from training.data.epochs import images_of
from training.data.faces import FaceBank, background_names, open_bank
from training.data.operations import BORDERS, Rng, cover_half, jitter, mirror, occlude
from training.data.packs import pack_digests, read_image
from training.data.progress import tracked
from training.evaluation.landmarks import JITTER, held_out_banks, held_out_crops, nme, reduced
from training.models.landmark_net import LandmarkNet
from training.trainer.loop import LoopConfig, device_of, fit
from training.trainer.optimizers import OptimizerConfig
from training.trainer.provenance import write_provenance
from training.trainer.recipe import Recipe
from training.trainer.task import Batches, Task

log = logging.getLogger(__name__)

READ = ("faces_wild", "scenes", "ferplus", "teacher_labels")  # data packs
# A crop this far off is not "a face, well centred": the tracker must find it again.
ASTRAY = 2.2
PROPOSED: Final = 0.15  # score of the detector from which a place without a face is worth showing


@checked("landmarks")
class LandmarkConfig:
    """What the batches hold.

    Attributes:
        negatives: Share of crops without a well-centred face.
        occluded: Share of crops partly covered.
        halved: Share of crops that something opaque covers to the half.
        rough: Share given the worst that happens (`training.data.camera.ROUGH`).
        turned: Share of the faces drawn from heads that are turned far, which are few.
        detector: Model whose proposals where nobody is are shown too; empty shows none.
    """

    negatives: Share = 0.2
    occluded: Share = 0.25
    halved: Share = 0.0
    rough: Share = 0.0
    turned: Share = 0.0
    detector: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkBatches(Batches):
    """Random crops of the banks' faces; the batch of a step depends on (seed, step) alone."""

    banks: tuple[FaceBank, ...]
    backgrounds: tuple[Image, ...]
    batch: int
    seed: int
    config: LandmarkConfig
    proposals: tuple[tuple[int, Floats], ...] = ()

    @property
    def per_epoch(self) -> int:
        """Batches that hold as many crops as there are faces."""
        return max(1, sum(len(bank) for bank in self.banks) // self.batch)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Make inputs (B, 3, S, S), points (B, 68, 2), weights (B, 68) and presence (B,)."""
        rng = np.random.default_rng((self.seed, index))
        samples = [self._sample(rng) for _ in range(self.batch)]
        crops, points, weights, presence = zip(*samples, strict=True)
        return (
            images_of(crops, "gray"),
            torch.from_numpy(np.stack(points)),
            torch.from_numpy(np.stack(weights)),
            torch.tensor(presence, dtype=torch.float32),
        )

    def _sample(self, rng: Rng) -> tuple[Image, Floats, Floats, float]:
        is_face = rng.random() >= self.config.negatives
        if is_face:
            crop, points, weights = self._face(rng)
        else:
            crop = self._no_face(rng)
            points, weights = np.zeros((68, 2), np.float32), np.zeros(68, np.float32)
        # Whatever is done to a face is done to what is none: no damage may mean "face".
        crop = degrade(crop, rng, ROUGH if rng.random() < self.config.rough else WEBCAM)
        if rng.random() < self.config.occluded:
            crop = occlude(crop, rng)
        if rng.random() < self.config.halved:
            crop = cover_half(crop, self._background(rng), rng)
        return crop, points, weights, float(is_face)

    def _face(self, rng: Rng) -> tuple[Image, Floats, Floats]:
        bank, index = self._drawn(rng)
        image, landmarks = bank.image(index), bank.landmarks[index]
        matrix = similarity(five_points(landmarks), template(CROP_SIZE))
        border = BORDERS[rng.integers(len(BORDERS))]
        matrix = jitter(matrix, CROP_SIZE, JITTER, rng)
        visible = bank.visible[index]
        if rng.random() < 0.5:
            matrix = mirror(matrix, CROP_SIZE)
            landmarks, visible = landmarks[MIRROR], visible[MIRROR]
        points = (transform(landmarks, matrix) + 0.5) / CROP_SIZE
        crop = warp(image, matrix, border=border)
        return crop, points.astype(np.float32), visible.astype(np.float32)

    def _drawn(self, rng: Rng) -> tuple[FaceBank, int]:
        """Draw a face, sometimes of a head that is turned far."""
        bank = self.banks[int(rng.integers(len(self.banks)))]
        if rng.random() < self.config.turned:
            far = np.flatnonzero(~bank.visible.all(axis=1))
            if len(far):
                return bank, int(rng.choice(far))
        return bank, int(rng.integers(len(bank)))

    def _background(self, rng: Rng) -> Image:
        return background_crop(self.backgrounds[rng.integers(len(self.backgrounds))], rng)

    def _no_face(self, rng: Rng) -> Image:
        """Show a place without a face, one that was taken for a face, or a face cut wrong."""
        kind = rng.integers(3 if self.proposals else 2)
        if kind == 0:
            return self._background(rng)
        border = BORDERS[rng.integers(len(BORDERS))]
        if kind == 1:
            bank, index = self._drawn(rng)
            matrix = similarity(five_points(bank.landmarks[index]), template(CROP_SIZE))
            return warp(bank.image(index), astray(matrix, rng), border=border)
        index, five = self.proposals[rng.integers(len(self.proposals))]
        matrix = jitter(similarity(five, template(CROP_SIZE)), CROP_SIZE, JITTER, rng)
        if rng.random() < 0.5:
            matrix = mirror(matrix, CROP_SIZE)
        return warp(self.backgrounds[index], matrix, border=border)


def proposed(
    detector: Path, backgrounds: tuple[Image, ...], seed: int
) -> tuple[tuple[int, Floats], ...]:
    """List what a detector takes for a face, or nearly, where nobody is.

    Args:
        detector: Model file.
        backgrounds: Pictures without faces; each is looked at as it is, and spoilt.
        seed: Of how they are spoilt.

    Returns:
        Index of the picture, and five points (5, 2) float32 in it.

    Raises:
        ModelError: No such model.
    """
    found = []
    rng = np.random.default_rng(seed)
    with closing(open_detector("fer", model_path=detector, score_min=PROPOSED)) as network:
        several = tracked(backgrounds, "looking for what is no face", len(backgrounds))
        for index, picture in enumerate(several):
            for shown in (picture, degrade(picture, rng, WEBCAM), degrade(picture, rng, ROUGH)):
                found += [(index, one.points) for one in network.detect(shown)]
    log.info("%d places without a face are taken for one, or nearly", len(found))
    return tuple(found)


def background_crop(image: Image, rng: Rng) -> Image:
    """Cut a random square out of a face-free picture."""
    side = int(rng.uniform(0.2, 1.0) * min(image.shape[:2]))
    y, x = (int(rng.integers(0, length - side + 1)) for length in image.shape[:2])
    square = image[y : y + side, x : x + side]
    return np.asarray(cv2.resize(square, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA))


def astray(matrix: Floats, rng: Rng) -> Floats:
    """Move a crop so far that the face in it is cut off, tiny, huge or on its side."""
    matrix = jitter(matrix, CROP_SIZE, JITTER, rng)
    kind = rng.integers(4)
    centre = np.full(2, (CROP_SIZE - 1) / 2)
    factor, theta, shift = 1.0, 0.0, np.zeros(2)
    if kind == 0:
        direction = rng.uniform(0, 2 * np.pi)
        shift = (
            np.array([np.cos(direction), np.sin(direction)]) * rng.uniform(0.55, 1.1) * CROP_SIZE
        )
    elif kind == 1:
        factor = rng.uniform(0.25, 1 / ASTRAY)
    elif kind == 2:
        factor = rng.uniform(ASTRAY, 4.0)
    else:
        theta = rng.choice((-1, 1)) * rng.uniform(np.pi / 2, np.pi)
    linear = factor * np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    moved = linear @ matrix
    moved[:, 2] += centre - linear @ centre + shift
    return moved.astype(np.float32)


class LandmarkTask(Task):
    """Loss and validation of the landmark network."""

    def __init__(self, model: LandmarkNet, held_out: dict[str, FaceBank]) -> None:
        super().__init__(model)
        self.held_out = {name: held_out_crops(bank) for name, bank in held_out.items()}

    def loss(
        self, model: nn.Module, batch: tuple[Tensor, Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean L1 error of the visible points, in percent of the crop, plus presence."""
        inputs, points, weights, presence = batch
        said = model(inputs.to(memory_format=torch.channels_last))
        error = (said.landmarks - points).abs().sum(2) * weights
        regression = 100 * error.sum() / weights.sum().clamp(min=1)
        there = functional.binary_cross_entropy_with_logits(said.presence, presence)
        correct = ((said.presence > 0) == (presence > 0.5)).float().mean()
        figures = {"points": regression, "presence": there, "correct": correct}
        return regression + there, figures

    @torch.no_grad()
    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Normalised mean error, percent of inter-ocular distance, sharp and at 32 px."""
        model.eval()
        where = device_of(model)
        figures = {}
        for name, (crops, points, visible) in self.held_out.items():
            for label, shown in (("", crops), ("@32", [reduced(crop, 32) for crop in crops])):
                batches = (shown[i : i + 64] for i in range(0, len(shown), 64))
                inputs = (images_of(batch, "gray").to(where) for batch in batches)
                said = torch.cat([model(batch).landmarks.cpu() for batch in inputs])
                figures[f"nme_{name}{label}"] = nme(said, points, visible)
        return figures


def run(recipe: Recipe) -> None:
    """Train the network of a ``task = "landmarks"`` recipe."""
    recipe.check_tables({"loop", "optimizer", "landmarks"})
    loop = recipe.section("loop", LoopConfig)
    optimizer = recipe.section("optimizer", OptimizerConfig)
    config = recipe.section("landmarks", LandmarkConfig)
    root, cache = recipe.data, recipe.cache
    banks = tuple(
        open_bank(pack, "train", root, cache) for pack in ("faces_wild", "scenes", "ferplus")
    )
    held_out = held_out_banks(root, cache)
    names = background_names(root, cache, held_out=False)
    backgrounds = tuple(read_image(path) for path in names)
    taken = proposed(Path(config.detector), backgrounds, loop.seed) if config.detector else ()
    torch.manual_seed(loop.seed)
    task = LandmarkTask(LandmarkNet(), held_out)
    batches = LandmarkBatches(banks, backgrounds, loop.batch, loop.seed, config, taken)
    tables = {"loop": loop, "optimizer": optimizer, "landmarks": config}
    write_provenance(recipe, tables, pack_digests(READ, recipe.data, recipe.cache))
    fit(task, batches, loop, optimizer, recipe.folder)
