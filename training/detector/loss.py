"""Which cell answers for which face, and how wrong it is."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training.detector.model import decode

# Face sides in pixels that the cells of each stride may answer for; they overlap.
REACH: Final = {8: (0.0, 72.0), 16: (28.0, 176.0), 32: (80.0, 1e6)}
MOST_CELLS: Final = 10  # per face


class Targets(NamedTuple):
    """The faces of a batch, all pictures in one list; a tuple, which the loop can move.

    Attributes:
        boxes: (n, 4) float32, pixels.
        points: (n, 5, 2) float32, NaN where unknown.
        picture: (n,) int64, which picture of the batch.
        ignore: (n,) bool, neither face nor background.
    """

    boxes: Tensor
    points: Tensor
    picture: Tensor
    ignore: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """Parts of the loss, each a scalar; `total` is what is minimised."""

    total: Tensor
    score: Tensor
    box: Tensor
    points: Tensor


def iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of boxes (..., 4) that broadcast against each other."""
    low = torch.maximum(boxes[..., :2], others[..., :2])
    high = torch.minimum(boxes[..., 2:], others[..., 2:])
    inside = (high - low).clamp(min=0).prod(dim=-1)
    areas = (boxes[..., 2:] - boxes[..., :2]).prod(-1) + (others[..., 2:] - others[..., :2]).prod(
        -1
    )
    return inside / (areas - inside).clamp(min=1e-6)


def box_loss(boxes: Tensor, truth: Tensor) -> Tensor:
    """EIoU: 1 - IoU plus centre, width and height errors over the enclosing box; (n,).

    Source: Zhang et al. (2021), "Focal and efficient IOU loss", equation 6.
    """
    span = torch.maximum(boxes[:, 2:], truth[:, 2:]) - torch.minimum(boxes[:, :2], truth[:, :2])
    span = span.clamp(min=1e-3)
    shift = (boxes[:, :2] + boxes[:, 2:] - truth[:, :2] - truth[:, 2:]) / 2
    distance = shift.square().sum(-1) / span.square().sum(-1)
    stretch = (boxes[:, 2:] - boxes[:, :2]) - (truth[:, 2:] - truth[:, :2])
    return 1 - iou(boxes, truth) + distance + (stretch / span).square().sum(-1)


def assign(logits: Tensor, boxes: Tensor, grid: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Choose the cells that answer for each face.

    Each face takes the cells near its centre, of a fitting stride, whose present answer is
    best; how many depends on how good the answers are (SimOTA of YOLOX, Ge et al. 2021).

    Args:
        logits: (B, A).
        boxes: (B, A, 4), decoded.
        grid: (A, 3), see `training.detector.model.cells`.
        targets: The batch's faces.

    Returns:
        Rows of `targets` and cells in the flattened (B A) order, both (m,) int64.
    """
    rows = torch.nonzero(~targets.ignore).flatten()
    if not len(rows):
        return rows, rows
    truth, picture = targets.boxes[rows], targets.picture[rows]
    near = _candidates(truth, grid)
    match = iou(boxes[picture], truth[:, None]) * near
    quality = functional.binary_cross_entropy_with_logits(
        logits[picture], (1 + match) / 2, reduction="none"
    )
    cost = torch.where(near, quality - 3 * match.clamp(min=1e-3).log(), torch.inf)
    count = match.topk(MOST_CELLS, dim=1).values.sum(1).int().clamp(min=1)
    order = cost.topk(MOST_CELLS, dim=1, largest=False)
    taken = (torch.arange(MOST_CELLS) < count[:, None]) & order.values.isfinite()
    face, rank = torch.nonzero(taken, as_tuple=True)
    cell = picture[face] * len(grid) + order.indices[face, rank]
    price = order.values[face, rank]
    lowest = torch.full((logits.numel(),), torch.inf).scatter_reduce(0, cell, price, "amin")
    won = price <= lowest[cell]  # a cell wanted by two faces goes to the cheaper
    return rows[face[won]], cell[won]


def _candidates(truth: Tensor, grid: Tensor) -> Tensor:
    """Cells near enough to a face's centre and of a stride that suits it, (n, A) bool."""
    side = (truth[:, 2:] - truth[:, :2]).prod(1).clamp(min=1).sqrt()[:, None]
    stride = grid[:, 2]
    low = torch.zeros_like(stride)
    high = torch.zeros_like(stride)
    for step, (least, most) in REACH.items():
        low[stride == step] = least
        high[stride == step] = most
    centre = (truth[:, :2] + truth[:, 2:]) / 2
    distance = (grid[:, :2] - centre[:, None]).abs().amax(-1)
    radius = torch.maximum(0.55 * stride, torch.minimum(1.5 * stride, 0.35 * side))
    return (distance <= radius) & (side >= low) & (side <= high)


def detection_loss(raw: Tensor, grid: Tensor, targets: Targets) -> Losses:
    """Compare the network's answer with the truth.

    The score learns (1 + IoU) / 2 where a cell answers for a face and 0 elsewhere, by the
    quality focal loss (Li et al. 2020); cells inside ignored regions are left out.

    Args:
        raw: (B, A, 15) from `FaceNet`.
        grid: (A, 3).
        targets: The batch's faces.
    """
    raw = raw.float()
    logits = raw[..., 0]
    boxes, points = decode(raw[..., 1:], grid)
    with torch.no_grad():
        face, cell = assign(logits, boxes, grid, targets)
        weight = _weights(logits, grid, targets)
    flat_boxes, flat_points = boxes.flatten(0, 1)[cell], points.flatten(0, 1)[cell]
    truth = targets.boxes[face]
    quality = torch.zeros(logits.numel())
    quality[cell] = (1 + iou(flat_boxes.detach(), truth)) / 2
    weight.view(-1)[cell] = 1.0
    # Faces in a crowd weigh less than a face alone, or the many small ones drown the few large.
    crowd = torch.bincount(cell // len(grid), minlength=len(logits)).clamp(min=1).sqrt()
    share = 1 / (crowd * crowd.sum())
    answers = share[cell // len(grid)]
    gap = (quality.view_as(logits) - logits.sigmoid()).abs().square()
    entropy = functional.binary_cross_entropy_with_logits(
        logits, quality.view_as(logits), reduction="none"
    )
    score = (weight * gap * entropy * share[:, None]).sum()
    box = (box_loss(flat_boxes, truth) * answers).sum()
    shape = _points_loss(flat_points, targets.points[face], truth, answers)
    return Losses(score + 2 * box + shape, score.detach(), box.detach(), shape.detach())


def _points_loss(points: Tensor, truth: Tensor, boxes: Tensor, answers: Tensor) -> Tensor:
    """Smooth L1 of the points' error over the face's side, weighted mean over known points."""
    side = (boxes[:, 2:] - boxes[:, :2]).prod(1).clamp(min=1).sqrt()[:, None, None]
    known = truth.isfinite()
    error = (points - torch.where(known, truth, points.detach())) / side
    loss = functional.smooth_l1_loss(error, torch.zeros_like(error), beta=0.05, reduction="none")
    total = (known * answers[:, None, None]).sum().clamp(min=1e-6)
    return 4 * (loss * answers[:, None, None]).sum() / total


def _weights(logits: Tensor, grid: Tensor, targets: Targets) -> Tensor:
    """One for each cell, zero where its centre lies in an ignored region; (B, A)."""
    weight = torch.ones_like(logits)
    for row in torch.nonzero(targets.ignore).flatten().tolist():
        x0, y0, x1, y1 = targets.boxes[row]
        x, y = grid[:, 0], grid[:, 1]
        inside = (x >= x0 - 4) & (x <= x1 + 4) & (y >= y0 - 4) & (y <= y1 + 4)
        weight[targets.picture[row], inside] = 0.0
    return weight
