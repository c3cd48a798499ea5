"""Measure the detector: recall by face size, and false positives, at every threshold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engine.faces.preprocessing import levelled, padded
from engine.types import Floats
from training.detector.model import STRIDES, cells, decode
from training.detector.mosaics import VISIBLE, Sample, SceneMaker
from training.detector.packs import Gray, Pack, Packs
from training.detector.paste import overlap, place, turn_box

IOU_MATCH: Final = 0.4
NMS_IOU: Final = 0.4
SCORE_FLOOR: Final = 0.15  # detections below it are never looked at
PAD: Final = 127  # gray that the network sees as zero
DARK: Final = 0.08  # of the light
TILTED_DEG: Final = 45.0
BENT_DEG: Final = 25.0
PITCH_USUAL: Final = np.array([0.0, -5.0], np.float32)  # yaw and median pitch of the packs, degrees
BUCKETS: Final = (10, 16, 24, 40, 80, 160, 640)  # sides of faces, pixels


@dataclass(frozen=True, slots=True, eq=False)
class DetectionResult:
    """What the detector found in one picture.

    Attributes:
        boxes: (n, 4) float32, x0 y0 x1 y1, pixels, best score first.
        scores: (n,) float32.
    """

    boxes: Floats
    scores: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Every face and every detection of a set of pictures.

    Attributes:
        pictures: How many pictures.
        sides: (n,) float32, sides of the true faces, pixels.
        best: (n,) float32, score of the detection that found each, 0 where none did.
        false: (m,) float32, scores of detections that are no face.
    """

    pictures: int
    sides: Floats
    best: Floats
    false: Floats

    def recall(self, threshold: float, low: float = 0.0, high: float = np.inf) -> float:
        """Share of faces with a side in [low, high) found; NaN where there are none."""
        among = (self.sides >= low) & (self.sides < high)
        return float((self.best[among] >= threshold).mean()) if among.any() else float("nan")

    def false_per_100(self, threshold: float) -> float:
        """False positives per hundred pictures."""
        return 100 * float((self.false >= threshold).sum()) / max(self.pictures, 1)


def merge(tallies: Iterable[Tally]) -> Tally:
    """Pool several sets."""
    several = list(tallies)
    return Tally(
        sum(t.pictures for t in several),
        np.concatenate([t.sides for t in several]),
        np.concatenate([t.best for t in several]),
        np.concatenate([t.false for t in several]),
    )


def threshold_for(tally: Tally, false_per_100: float) -> float:
    """Give the lowest threshold with at most so many false positives."""
    allowed = int(false_per_100 * tally.pictures / 100)
    scores = np.sort(tally.false)[::-1]
    return float(scores[allowed]) + 1e-4 if len(scores) > allowed else SCORE_FLOOR


def detect(model: nn.Module, image: Gray) -> DetectionResult:
    """Run the network on one gray picture of any size."""
    picture = padded(levelled(image), STRIDES[-1], PAD)
    batch = torch.tensor(picture)[None, None]
    with torch.inference_mode():
        raw = model(batch)[0].float()
        boxes, _ = decode(raw[:, 1:], cells(*picture.shape))
        scores = raw[:, 0].sigmoid()
    keep = scores > SCORE_FLOOR
    return suppress(boxes[keep].numpy(), scores[keep].numpy())


def suppress(boxes: Floats, scores: Floats) -> DetectionResult:
    """Drop boxes that overlap a better one."""
    corner = boxes.copy()
    corner[:, 2:] -= corner[:, :2]
    kept = cv2.dnn.NMSBoxes(corner.tolist(), scores.tolist(), SCORE_FLOOR, NMS_IOU)
    order = np.asarray(kept, np.int64).reshape(-1)
    return DetectionResult(boxes[order], scores[order])


def pairwise_iou(boxes: Floats, others: Floats) -> Floats:
    """Intersection over union, (n, m) float32."""
    shared = overlap(boxes, others)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)[:, None]
    other = np.prod(others[:, 2:] - others[:, :2], axis=1)[None]
    inside = shared * area
    return np.asarray(inside / np.maximum(area + other - inside, 1e-6), np.float32)


def compare(found: DetectionResult, truth: Sample) -> tuple[Floats, Floats]:
    """Match one picture's detections with its faces, best score first.

    Returns:
        Score that found each true face (0 for a miss) and scores of false positives.
    """
    faces = truth.boxes[~truth.ignore]
    match = pairwise_iou(found.boxes, faces)
    unsure = overlap(found.boxes, truth.boxes[truth.ignore])
    best = np.zeros(len(faces), np.float32)
    false = []
    for k, score in enumerate(found.scores):
        open_match = np.where(best == 0, match[k], 0) if len(faces) else np.zeros(1)
        if open_match.max() >= IOU_MATCH:
            best[int(open_match.argmax())] = score
        elif not len(unsure[k]) or unsure[k].max() < 0.5:
            false.append(score)
    return best, np.array(false, np.float32)


def tally(model: nn.Module, samples: Sequence[Sample]) -> Tally:
    """Run the network over a set, which may be empty."""
    model.eval()
    sides, best, false = ([np.zeros(0, np.float32)] for _ in range(3))
    for sample in samples:
        faces = sample.boxes[~sample.ignore]
        sides.append(np.sqrt(np.prod(faces[:, 2:] - faces[:, :2], axis=1)))
        hit, wrong = compare(detect(model, sample.image), sample)
        best.append(hit)
        false.append(wrong)
    return Tally(len(samples), np.concatenate(sides), np.concatenate(best), np.concatenate(false))


def whole(packs: Packs, picture: int, scale: float = 1.0) -> Sample:
    """Take a picture of a pack as it is, or resized."""
    image = packs.picture(picture)
    if scale != 1.0:
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = np.asarray(
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=kind), np.uint8
        )
    rows = packs.faces(picture)
    return Sample(
        image, packs.boxes[rows] * np.float32(scale), packs.points[rows], packs.ignore[rows]
    )


def validation(packs: Packs, *, share: int = 1, skip: int = 0) -> Mapping[str, list[Sample]]:
    """Build the held-out sets: frames, portraits, crowds and backgrounds, and what is harder.

    ``dark`` and ``tilted`` are the frames with little light and with the head on a shoulder,
    ``bent`` the frames and portraits of heads in profile, lowered or raised.

    Args:
        packs: All pictures.
        share: Take every `share`-th picture only.
        skip: Leave out as many at the start: sets that differ in it share no picture.
    """
    held = {pack: packs.select(pack, held=True)[skip::share] for pack in Pack}
    rng = np.random.default_rng(7 + skip)
    maker = SceneMaker(packs, held=True, weights=flat_weights(packs, held=True))
    frames = [whole(packs, k, 2.0) for k in held[Pack.FRAME]]
    return {
        "frames": frames,
        "dark": [_darkened(frame, rng) for frame in frames],
        "tilted": [_tilted(frame, rng) for frame in frames],
        "bent": [whole(packs, k, 2.0) for k in held[Pack.FRAME] if _is_bent(packs, k)]
        + [_framed(packs, k, rng) for k in held[Pack.PORTRAIT] if _is_bent(packs, k)],
        "small": [whole(packs, k, 0.4) for k in held[Pack.FRAME]],
        "portraits": [_framed(packs, k, rng) for k in held[Pack.PORTRAIT]],
        "crowds": [maker.make_crowd(rng, 480) for _ in range(240 // share)],
        "backgrounds": [whole(packs, k, s) for k in held[Pack.BACKGROUND] for s in (1.0, 2.0)],
    }


def _darkened(sample: Sample, rng: np.random.Generator) -> Sample:
    """Take most of the light, but not the sensor's noise."""
    image = sample.image * DARK + rng.normal(0, 1, sample.image.shape)
    return replace(sample, image=np.clip(np.rint(image), 0, 255).astype(np.uint8))


def _tilted(sample: Sample, rng: np.random.Generator) -> Sample:
    """Turn a picture about its middle; what was outside of it is a mirror image."""
    size = sample.image.shape[::-1]
    middle = np.array(size, np.float32) / 2
    angle = TILTED_DEG * float(rng.choice([-1, 1]))
    matrix = place(1.0, angle, middle, middle, flip=False)
    image = cv2.warpAffine(sample.image, matrix, size, borderMode=cv2.BORDER_REFLECT_101)
    boxes = np.array([turn_box(box, matrix) for box in sample.boxes], np.float32).reshape(-1, 4)
    points = sample.points @ matrix[:, :2].T + matrix[:, 2]
    shown = overlap(boxes, np.array([[0, 0, *size]], np.float32))[:, 0]
    return Sample(np.asarray(image, np.uint8), boxes, points, sample.ignore | (shown < VISIBLE))


def _is_bent(packs: Packs, picture: int) -> bool:
    """Say whether a picture's only face is far from seen from the front."""
    rows = packs.faces(picture)
    if rows.stop - rows.start != 1 or packs.ignore[rows.start]:
        return False
    yaw, pitch = np.abs(packs.pose[rows.start] - PITCH_USUAL)
    return bool(yaw > BENT_DEG or pitch > BENT_DEG)


def _framed(packs: Packs, picture: int, rng: np.random.Generator) -> Sample:
    """Put a tight portrait on a plain ground, at half to full size."""
    sample = whole(packs, picture, float(rng.uniform(0.25, 1.0)))
    height, width = sample.image.shape
    border = int(0.2 * max(height, width))
    level = int(rng.integers(0, 256))
    image = cv2.copyMakeBorder(
        sample.image, border, border, border, border, cv2.BORDER_CONSTANT, value=level
    )
    return Sample(
        np.asarray(image, np.uint8), sample.boxes + border, sample.points + border, sample.ignore
    )


def flat_weights(packs: Packs, *, held: bool) -> NDArray[np.float64]:
    """Weigh every background alike."""
    return np.ones(len(packs.select(Pack.BACKGROUND, held=held)), np.float64)
