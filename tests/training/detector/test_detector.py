import numpy as np
import pytest
import torch

from training.detector.evaluate import DetectionResult, Tally, compare, suppress, threshold_for
from training.detector.loss import Targets, assign, box_loss, detection_loss, iou
from training.detector.model import STRIDES, FaceNet, cells, decode, encode
from training.detector.mosaics import Canvas, Sample, SceneMaker, turned_by
from training.detector.packs import Pack, Packs
from training.detector.paste import overlap, paste, place, turn_box
from training.detector.train import collate


@pytest.fixture(scope="module")
def packs():
    """Four pictures of noise: a portrait, a frame, a background and a FER+ stamp, twice each."""
    rng = np.random.default_rng(0)
    shapes = {Pack.PORTRAIT: (208, 160), Pack.FRAME: (180, 240), Pack.STAMP: (48, 48)}
    pictures, pack, held, boxes, faces = [], [], [], [], [0]
    for kind in (Pack.PORTRAIT, Pack.FRAME, Pack.BACKGROUND, Pack.STAMP):
        for side in (False, True):
            height, width = shapes.get(kind, (120, 160))
            pictures.append(rng.integers(0, 256, (height, width), np.uint8))
            pack.append(int(kind))
            held.append(side)
            if kind != Pack.BACKGROUND:
                boxes.append([0.2 * width, 0.1 * height, 0.8 * width, 0.8 * height])
            faces.append(len(boxes))
    box = np.array(boxes, np.float32)
    unit = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
    points = box[:, None, :2] + unit * (box[:, None, 2:] - box[:, None, :2])
    return Packs(
        pixels=np.concatenate([p.ravel() for p in pictures]),
        start=np.cumsum([0, *(p.size for p in pictures)]),
        size=np.array([p.shape for p in pictures], np.int32),
        pack=np.array(pack, np.uint8),
        held=np.array(held),
        face_start=np.array(faces),
        boxes=box,
        points=points,
        landmarks=np.full((len(box), 68, 2), np.nan, np.float32),
        ignore=np.zeros(len(box), bool),
    )


@pytest.fixture
def maker(packs):
    return SceneMaker(packs, held=False, weights=np.ones(1))


def one_face(box, size=64):
    box = torch.tensor([box], dtype=torch.float32)
    points = torch.full((1, 5, 2), float("nan"))
    return Targets(box, points, torch.zeros(1, dtype=torch.long), torch.zeros(1, dtype=torch.bool))


def test_the_network_is_small_and_answers_for_every_cell():
    network = FaceNet().eval()
    assert sum(p.numel() for p in network.parameters()) == 233_167 <= 300_000
    with torch.no_grad():
        raw = network(torch.zeros(2, 1, 64, 96, dtype=torch.uint8))
    assert raw.shape == (2, 8 * 12 + 4 * 6 + 2 * 3, 15)


def test_cells_lie_at_the_middle_of_their_pixels():
    grid = cells(64, 32)
    assert len(grid) == 8 * 4 + 4 * 2 + 2
    assert grid[0].tolist() == [3.5, 3.5, 8.0]
    assert grid[-1].tolist() == [15.5, 47.5, 32.0]
    assert set(grid[:, 2].tolist()) == set(STRIDES)


def test_decode_undoes_encode():
    grid = cells(64, 64)
    generator = torch.Generator().manual_seed(0)
    low = torch.rand(len(grid), 2, generator=generator) * 40
    boxes = torch.cat([low, low + 5 + torch.rand(len(grid), 2, generator=generator) * 50], 1)
    points = torch.rand(len(grid), 5, 2, generator=generator) * 64
    found, places = decode(encode(boxes, points, grid), grid)
    torch.testing.assert_close(found, boxes, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(places, points, rtol=1e-4, atol=1e-3)


def test_iou_of_known_boxes():
    a = torch.tensor([0.0, 0, 2, 2])
    assert iou(a, torch.tensor([1.0, 0, 3, 2])).item() == pytest.approx(1 / 3)
    assert box_loss(a[None], a[None]).item() == pytest.approx(0)
    apart = box_loss(a[None], torch.tensor([[10.0, 0, 12, 2]])).item()
    near = box_loss(a[None], torch.tensor([[3.0, 0, 5, 2]])).item()
    assert apart > near > 1


@pytest.mark.parametrize(
    ("side", "strides"), [(12, {8.0}), (60, {8.0, 16.0}), (120, {16.0, 32.0}), (240, {32.0})]
)
def test_a_face_is_answered_for_by_cells_that_fit_its_size(side, strides):
    grid = cells(256, 256)
    targets = one_face([128 - side / 2, 128 - side / 2, 128 + side / 2, 128 + side / 2])
    boxes = targets.boxes.expand(len(grid), 4)[None]
    face, cell = assign(torch.zeros(1, len(grid)), boxes, grid, targets)
    assert len(face) >= 1
    assert set(grid[cell, 2].tolist()) <= strides
    assert (grid[cell, :2] - 128).abs().max() <= 48


def test_an_ignored_face_gets_no_cells_and_costs_nothing():
    grid = cells(64, 64)
    raw = torch.zeros(1, len(grid), 15)
    targets = one_face([-200, -200, 300, 300])
    everywhere = Targets(targets.boxes, targets.points, targets.picture, torch.ones(1).bool())
    assert detection_loss(raw, grid, everywhere).total.item() == 0


def test_training_on_one_batch_lowers_the_loss(maker):
    torch.manual_seed(0)
    rng = np.random.default_rng(3)
    images, targets = collate([maker.make(rng, 96) for _ in range(4)])
    assert not targets.ignore.all()
    network, grid = FaceNet(width=16, stem=8), cells(96, 96)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(25):
        loss = detection_loss(network(images), grid, targets).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_scenes_repeat_with_their_seed_and_keep_faces_in_sight(maker):
    for seed in range(12):
        first = maker.make(np.random.default_rng(seed), 128)
        again = maker.make(np.random.default_rng(seed), 128)
        np.testing.assert_array_equal(first.image, again.image)
        np.testing.assert_array_equal(first.boxes, again.boxes)
        assert first.image.shape == (128, 128)
        frame = np.array([[0, 0, 128, 128]], np.float32)
        taught = first.boxes[~first.ignore]
        assert (overlap(taught, frame) >= 0.6).all()
        centres = first.points[~first.ignore].mean(axis=1)
        assert (centres > taught[:, :2]).all()
        assert (centres < taught[:, 2:]).all()


def test_a_mirrored_face_keeps_its_right_eye_left(maker, packs):
    for seed in range(40):
        sample = maker.make_crowd(np.random.default_rng(seed), 128)
        upright = sample.points[~sample.ignore]
        assert (upright[:, 0, 0] < upright[:, 1, 0]).all()


def test_a_face_that_a_paste_hides_is_no_longer_taught():
    canvas = Canvas(np.zeros((100, 100), np.uint8))
    for x in (0, 50):
        canvas.boxes.append(np.array([x, 10, x + 40, 60], np.float32))
        canvas.points.append(np.full((5, 2), np.nan, np.float32))
        canvas.ignore.append(False)
    source, outline = (
        np.full((50, 50), 200, np.uint8),
        np.float32([[0, 0], [40, 0], [40, 49], [0, 49]]),
    )
    matrix = place(1.0, 0.0, np.zeros(2), np.array([8, 8]), flip=False)
    painted = paste(canvas.image, source, matrix, outline, np.random.default_rng(0))
    canvas.paint_over(painted)
    assert canvas.sample().ignore.tolist() == [True, False]
    assert canvas.image[30, 30] == 200
    assert (painted[30, 30], painted[90, 90]) == (255, 0)


def test_a_nose_aside_of_the_eyes_is_a_turned_face():
    front = np.float32([[10, 10], [20, 20], [12, 18], [0, 0], [0, 0]])
    aside = np.float32([[10, 10], [20, 20], [18, 24], [0, 0], [0, 0]])
    assert turned_by(front) == pytest.approx(0.0)
    assert turned_by(aside) == pytest.approx(0.6)
    assert turned_by(np.full((5, 2), np.nan, np.float32)) == 0.0


def test_a_turned_box_keeps_its_centre_and_a_quarter_turn_swaps_sides():
    box = np.array([10, 20, 30, 60], np.float32)
    matrix = place(2.0, 90.0, np.array([20, 40]), np.array([100, 100]), flip=True)
    np.testing.assert_allclose(turn_box(box, matrix), [60, 80, 140, 120], atol=1e-3)


def test_matching_counts_hits_misses_and_false_positives():
    truth = Sample(
        np.zeros((9, 9), np.uint8),
        np.array([[0, 0, 10, 10], [50, 50, 60, 60], [80, 80, 90, 90]], np.float32),
        np.zeros((3, 5, 2), np.float32),
        np.array([False, False, True]),
    )
    found = DetectionResult(
        np.array([[1, 0, 10, 10], [0, 0, 10, 10], [80, 80, 91, 91], [30, 0, 40, 9]], np.float32),
        np.array([0.9, 0.8, 0.7, 0.6], np.float32),
    )
    best, false = compare(found, truth)
    np.testing.assert_allclose(best, [0.9, 0.0])
    np.testing.assert_allclose(false, [0.8, 0.6])


def test_the_threshold_allows_the_false_positives_asked_for():
    sides, best = np.array([20, 30], np.float32), np.array([0.9, 0.3], np.float32)
    tally = Tally(200, sides, best, np.array([0.8, 0.7, 0.6, 0.2], np.float32))
    threshold = threshold_for(tally, 1.0)
    assert 0.6 < threshold < 0.61
    assert tally.false_per_100(threshold) == 1.0
    assert tally.recall(threshold) == 0.5
    assert tally.recall(0.1, 25) == 1.0


def test_suppression_keeps_the_best_of_overlapping_boxes():
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [40, 40, 50, 50]], np.float32)
    kept = suppress(boxes, np.array([0.5, 0.9, 0.7], np.float32))
    np.testing.assert_allclose(kept.scores, [0.9, 0.7])
