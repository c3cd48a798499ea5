import csv

import cv2
import numpy as np
import pytest
import torch

from engine.faces.preprocessing import levelled
from training.data.packs import person_of
from training.data.worn import wear
from training.detector.evaluate import (
    DetectionResult,
    Tally,
    compare,
    suppress,
    threshold_for,
    validation,
)
from training.detector.loss import Targets, assign, box_loss, detection_loss, iou
from training.detector.model import STRIDES, FaceNet, cells, decode, encode
from training.detector.mosaics import Canvas, Sample, SceneMaker, oftener, turned_by
from training.detector.packs import Pack, Packs, load_packs
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
        pose=np.zeros((len(box), 2), np.float32),
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


def test_a_stretched_box_keeps_its_centre_and_area_and_turns_after():
    box = np.array([10, 20, 30, 60], np.float32)
    middle, target = np.array([20, 40]), np.array([100, 100])
    wide = turn_box(box, place(1.0, 0.0, middle, target, flip=True, stretch=4.0))
    np.testing.assert_allclose(wide, [80, 90, 120, 110], atol=1e-3)
    turned = turn_box(box, place(1.0, 90.0, middle, target, flip=False, stretch=4.0))
    np.testing.assert_allclose(turned, [90, 80, 110, 120], atol=1e-3)


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


@pytest.mark.parametrize(
    ("picture", "person"),
    [
        ("yt_t_Marisa_Tomei_20.jpg", "Marisa_Tomei"),
        ("yt_GL_Peiris_02.jpg", "GL_Peiris"),
        ("Marisa_Tomei_0002.jpg", "Marisa_Tomei"),
        ("Dwarakish_143.jpg", "Dwarakish"),
    ],
)
def test_portraits_and_frames_are_named_after_the_same_person(picture, person):
    assert person_of(picture) == person


def written(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def meshes(path, names, flip_err):
    """Give every picture of 64 x 64 the same 68 points, in its middle."""
    spread = np.stack(np.meshgrid(np.linspace(0.3, 0.7, 17), np.linspace(0.3, 0.7, 4)), axis=-1)
    count = len(names)
    np.savez(
        path,
        names=np.array(names),
        found=np.ones(count, bool),
        points=np.repeat(spread.reshape(1, 68, 2), count, axis=0).astype(np.float16),
        yaw_pitch_roll=np.tile(np.float16([[35, -20, 3]]), (count, 1)),
        flip_err=np.array(flip_err, np.float16),
        size=np.tile([[64, 64]], (count, 1)),
    )


@pytest.fixture
def data(tmp_path):
    """Packs of some twenty people, in two frames each of which the pack splits one by one."""
    people = [f"Person_{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    picture = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    portraits = [f"{person}_0001.jpg" for person in people]
    frames = [f"yt_{t}{person}_10.jpg" for person in people for t in ("", "t_")]
    stamps = [f"FER2013Train/fer{k}.png" for k in range(3)]
    for name in (
        *(f"faces_wild/images/{name}" for name in portraits),
        *(f"scenes/images/{name}" for name in frames),
        *(f"ferplus/{name}" for name in stamps),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture)
    written(tmp_path / "faces_wild/legend.csv", ["image", "emotion"], [[n, ""] for n in portraits])
    sides = [[n, ("train", "test")[k % 2], "video", 1] for k, n in enumerate(frames)]
    written(tmp_path / "scenes/scenes.csv", ["image", "split", "source", "person"], sides)
    box = [19, 19, 26, 26, 0.9, 1, *[""] * 10]
    places = [f"{axis}{k}" for k in range(5) for axis in "xy"]
    header = ["pack", "image", *"xywh", "score", "agree", *places]
    rows = [["faces_wild", n, *box] for n in portraits] + [["scenes", n, *box] for n in frames]
    labels = tmp_path / "teacher_labels"
    written(labels / "boxes.csv", header, rows)
    written(labels / "background_hits.csv", ["image", "score"], [])
    meshes(labels / "landmarks_faces_wild.npz", portraits, [0.01] * len(portraits))
    meshes(labels / "landmarks_scenes.npz", frames, [0.01] * len(frames))
    meshes(labels / "landmarks_ferplus.npz", stamps, [0.01, 0.1, 0.4])
    return tmp_path


def test_no_person_is_on_both_sides(data, tmp_path):
    packs = load_packs(data, tmp_path / "cache")
    frames = packs.held[packs.pack == Pack.FRAME].reshape(-1, 2)
    np.testing.assert_array_equal(frames[:, 0], frames[:, 1])
    np.testing.assert_array_equal(frames[:, 0], packs.held[packs.pack == Pack.PORTRAIT])
    assert 0 < frames[:, 0].sum() < len(frames) / 2


def test_faces_whose_landmarks_are_unsure_are_kept_without_them(data, tmp_path):
    packs = load_packs(data, tmp_path / "cache")
    stamps = packs.select(Pack.STAMP, held=False)
    faces = [packs.face_start[k] for k in stamps]
    assert [np.isnan(packs.points[face]).any() for face in faces] == [False, True]
    np.testing.assert_array_equal(packs.boxes[faces[0]], packs.boxes[faces[1]])
    np.testing.assert_allclose(packs.pose[faces], [[35, -20], [35, -20]])


@pytest.mark.parametrize(
    ("yaw", "pitch", "times"), [(0, -5, 1), (12, -12, 1), (42, -5, 5), (0, -30, 4), (50, -40, 8)]
)
def test_heads_in_profile_and_bent_are_listed_oftener(yaw, pitch, times):
    front = np.float32([[10, 10], [20, 10], [15, 15], [12, 20], [18, 20]])
    assert oftener(front, np.float32([yaw, pitch])) == times
    assert oftener(np.full((5, 2), np.nan, np.float32), np.float32([0, 0])) == 5


@pytest.mark.parametrize("seed", range(12))
def test_what_a_face_wears_lies_on_it_and_near_it(seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (200, 300), np.uint8)
    before = image.copy()
    axes = np.diag([20.0, 30.0]).astype(np.float32)
    wear(image, np.float32([150, 100]), axes, lambda _: before, rng)
    changed = np.argwhere(image != before)
    assert len(changed) > 50
    assert (np.abs(changed - [100, 150]) <= [60, 40]).all()


def test_what_is_worn_at_the_edge_and_outside_is_cut_off():
    image = np.full((40, 40), 9, np.uint8)
    axes = np.diag([20.0, 30.0]).astype(np.float32)
    for centre in ((0, 0), (39, 39), (-100, 5), (20, 300)):
        for seed in range(6):
            wear(image, np.float32(centre), axes, lambda _: image, np.random.default_rng(seed))


def test_validation_has_dark_and_tilted_twins_of_the_frames(packs):
    sets = validation(packs, share=240)
    for frame, dark, tilted in zip(sets["frames"], sets["dark"], sets["tilted"], strict=True):
        assert dark.image.max() < 30
        np.testing.assert_array_equal(dark.boxes, frame.boxes)
        assert tilted.boxes.shape == frame.boxes.shape
        assert not np.array_equal(tilted.boxes, frame.boxes)


def test_batches_hold_pictures_as_the_network_takes_them(maker):
    dark = maker.make(np.random.default_rng(0), 96)
    dark = Sample(dark.image // 16, dark.boxes, dark.points, dark.ignore)
    images, _ = collate([dark])
    np.testing.assert_array_equal(images[0, 0].numpy(), levelled(dark.image))
    assert images.numpy().max() > 100
