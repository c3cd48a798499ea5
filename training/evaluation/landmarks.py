"""The landmark network on faces that no training sees."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from engine.faces.alignment import CROP_SIZE, similarity, template, transform, warp
from engine.faces.landmarks import EYE_CORNERS, five_points
from engine.types import Image
from training.data.faces import FaceBank, open_bank
from training.data.operations import JitterConfig, jitter

# How far crops stray from the template, in training and, less far, where they judge.
JITTER = JitterConfig(rotation_deg=40, scale=1.35, shift=0.16)


def inter_ocular(points: Tensor) -> Tensor:
    """Distance between the outer eye corners of (B, 68, 2) points, as (B,)."""
    across: Tensor = points[:, EYE_CORNERS[0]] - points[:, EYE_CORNERS[1]]
    return across.square().sum(1).sqrt()


def nme(said: Tensor, points: Tensor, visible: Tensor) -> float:
    """Mean over faces of the visible points' distance over inter-ocular distance, percent."""
    error = ((said - points).norm(dim=2) * visible).sum(1) / visible.sum(1)
    return float(100 * (error / inter_ocular(points)).mean())


def reduced(crop: Image, side: int) -> Image:
    """Show a crop as a face of `side` pixels would give it."""
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, crop.shape[:2], interpolation=cv2.INTER_LINEAR), np.uint8)


def held_out_crops(bank: FaceBank, most: int = 400) -> tuple[list[Image], Tensor, Tensor]:
    """Crops that stray by a tracker's usual error, the same at every evaluation."""
    rng = np.random.default_rng(0)
    chosen = np.linspace(0, len(bank) - 1, min(most, len(bank))).astype(int)
    crops, points = [], []
    for index in chosen:
        matrix = similarity(five_points(bank.landmarks[index]), template(CROP_SIZE))
        matrix = jitter(matrix, CROP_SIZE, JITTER, rng, spread=0.4)
        crops.append(warp(bank.image(index), matrix))
        points.append((transform(bank.landmarks[index], matrix) + 0.5) / CROP_SIZE)
    return crops, torch.from_numpy(np.stack(points)), torch.from_numpy(bank.visible[chosen]).float()


def held_out_banks(root: Path, cache: Path) -> dict[str, FaceBank]:
    """Open the faces that no training sees: other people, and other pictures of FER+."""
    return {
        "wild": open_bank("faces_wild", "valid", root, cache),
        "video": open_bank("scenes", "valid", root, cache),
        "ferplus": open_bank("ferplus", "valid", root, cache),
    }
