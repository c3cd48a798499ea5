"""Batches of an epoch: what they hold, and that shards add up to the whole, bit for bit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ConfigError
from engine.faces.preprocessing import MEAN, STD, to_input
from training.data.epochs import AugmentedCrops, EpochBatches, evaluation_batches, images_of
from training.data.operations import resized
from training.data.samplers import InverseFrequency, Shuffle
from training.data.table import FaceTable, one_hot
from training.data.targets import target_of
from training.data.transforms import none, transform

FACES, SIDE, CLASSES = 23, 32, 4
CROPS = np.random.default_rng(1).integers(0, 256, (FACES, SIDE, SIDE, 3), np.uint8)


def table():
    labels = np.arange(FACES) % (CLASSES + 1) - 1
    affect = np.random.default_rng(2).uniform(-1, 1, (FACES, 2)).astype(np.float32)
    affect[3] = np.nan
    names = np.array([f"face {i}" for i in range(FACES)])
    return FaceTable(
        "toy",
        tuple("abcd"),
        names,
        labels,
        one_hot(labels, CLASSES),
        affect,
        names,
        lambda index: CROPS[index],
    )


TABLE = table()


def batches(change=none, batch=6, seed=0, size=SIDE, **options):
    target = target_of(TABLE)
    sampler = Shuffle(FACES, seed)
    views = AugmentedCrops(CROPS, change, size)
    return EpochBatches(views, target, sampler, batch=batch, seed=seed, **options)


def same(one, other):
    parts = zip([one[0], *one[1]], [other[0], *other[1]], strict=True)
    return all(torch.equal(a.nan_to_num(9), b.nan_to_num(9)) for a, b in parts)


def interleaved(parts):
    """Put the rows of ranks together as they were before sharding."""
    rows = torch.empty(sum(len(part) for part in parts), *parts[0].shape[1:], dtype=parts[0].dtype)
    for rank, part in enumerate(parts):
        rows[rank :: len(parts)] = part
    return rows


def test_batch_holds_the_faces_of_the_order_with_their_truth():
    source = batches()
    assert source.per_epoch == 3
    order = Shuffle(FACES, 0).order(1)[6:12]
    images, target = source[4]
    assert np.array_equal(images.numpy(), to_input(list(CROPS[order])))
    assert images.dtype == torch.float32
    assert np.array_equal(target.labels.numpy(), TABLE.labels[order])
    assert np.array_equal(target.shares.numpy(), TABLE.shares[order])
    assert np.array_equal(target.affect.numpy(), TABLE.affect[order], equal_nan=True)
    assert target.labels.dtype == torch.int64


def test_names_are_those_of_the_batch():
    source = batches(names=TABLE.names)
    assert source.names(4) == [f"face {row}" for row in Shuffle(FACES, 0).order(1)[6:12]]
    assert batches().names(4) == ()


def test_an_epoch_shows_each_face_at_most_once_and_drops_the_rest():
    source = batches(names=TABLE.names)
    shown = [name for index in range(source.per_epoch) for name in source.names(index)]
    assert len(set(shown)) == len(shown) == 18


def test_batch_depends_on_seed_and_index_alone():
    change = transform("webcam")
    source = batches(change)
    backwards = {index: source[index] for index in reversed(range(8))}
    for index in range(8):
        assert same(backwards[index], batches(change)[index])
    assert not same(batches(change)[2], batches(change, seed=1)[2])


def test_a_face_is_augmented_anew_in_every_epoch():
    seen = set()
    for epoch in range(5):
        images, _ = EpochBatches(
            AugmentedCrops(CROPS[:1], transform("arbex_heavy"), SIDE),
            target_of(TABLE.at(np.array([0]))),
            Shuffle(1, 0),
            batch=1,
            seed=0,
        )[epoch]
        seen.add(images.numpy().tobytes())
    assert len(seen) == 5


def test_a_face_drawn_twice_is_augmented_twice():
    labels = np.array([0], np.intp).repeat(4)
    crops = CROPS[:1].repeat(4, axis=0)
    target = target_of(TABLE.at(np.zeros(4, np.intp)))
    source = EpochBatches(
        AugmentedCrops(crops, transform("arbex_heavy"), SIDE),
        target,
        InverseFrequency(labels, 0),
        batch=4,
        seed=0,
    )
    images, _ = source[0]
    assert len({image.numpy().tobytes() for image in images}) == 4


@pytest.mark.parametrize("mixed", [0.0, 1.0])
@pytest.mark.parametrize("world", [2, 3, 4])
def test_shards_together_are_the_whole_batch(world, mixed):
    whole = batches(transform("webcam"), mixed=mixed)
    shards = [whole.shard(rank, world) for rank in range(world)]
    for index in (0, 2, 5):
        parts = [shard[index] for shard in shards]
        images = interleaved([part[0] for part in parts])
        truths = [interleaved(list(column)) for column in zip(*(p[1] for p in parts), strict=True)]
        assert same((images, truths), whole[index])


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 23), st.integers(1, 5), st.integers(0, 50), st.booleans())
def test_shards_share_out_any_batch(batch, world, index, mixed):
    if world > batch:
        return
    whole = batches(transform("raf_poster"), batch=batch, mixed=float(mixed))
    images = interleaved([whole.shard(rank, world)[index][0] for rank in range(world)])
    assert torch.equal(images, whole[index][0])


def test_a_shard_cuts_only_its_own_faces():
    class Counted:
        def __init__(self):
            self.rows = []

        def __len__(self):
            return FACES

        def __getitem__(self, row):
            self.rows.append(row)
            return CROPS[row]

    crops = Counted()
    views = AugmentedCrops(crops, none, SIDE)
    source = EpochBatches(views, target_of(TABLE), Shuffle(FACES, 0), batch=6, seed=0)
    source.shard(1, 3)[0]
    assert crops.rows == Shuffle(FACES, 0).order(0)[[1, 4]].tolist()


def test_crops_are_brought_to_the_input_size_before_augmentation():
    sizes = []

    def spy(crop, rng):
        sizes.append(crop.shape)
        return crop

    images, _ = batches(spy, size=8)[0]
    assert images.shape == (6, 3, 8, 8)
    assert set(sizes) == {(8, 8, 3)}


def test_mixing_blends_a_face_with_its_mirror_place_in_the_batch():
    plain, mixed = batches(), batches(mixed=1.0)
    shares_seen = set()
    for index in range(6):
        images, target = plain[index]
        blended, truth = mixed[index]
        apart = images[0] - images[5]
        share = float(((blended[0] - images[5]) * apart).sum() / apart.square().sum())
        assert 0 <= share <= 1
        wanted = share * images + (1 - share) * images.flip(0)
        torch.testing.assert_close(blended, wanted, atol=1e-4, rtol=1e-4)
        shares = share * target.shares + (1 - share) * target.shares.flip(0)
        torch.testing.assert_close(truth.shares, shares, atol=1e-4, rtol=1e-4)
        affect = share * target.affect + (1 - share) * target.affect.flip(0)
        torch.testing.assert_close(truth.affect, affect, atol=1e-4, rtol=1e-3, equal_nan=True)
        heavier = target.labels if share >= 0.5 else target.labels.flip(0)
        assert torch.equal(truth.labels, heavier)
        shares_seen.add(round(share, 3))
    assert len(shares_seen) > 4
    assert min(shares_seen) < 0.5 < max(shares_seen)


def test_only_the_asked_share_of_batches_is_mixed():
    plain, mixed = batches(), batches(mixed=0.3)
    hit = [not torch.equal(plain[index][0], mixed[index][0]) for index in range(200)]
    assert 0.2 < np.mean(hit) < 0.4


def test_batch_larger_than_an_epoch_is_refused():
    with pytest.raises(ConfigError, match=r"loop\.batch.*23 faces.*24"):
        batches(batch=24)
    assert batches(batch=23).per_epoch == 1


def test_crops_without_their_truth_are_refused():
    with pytest.raises(ValueError, match="expected 23 faces, got 22"):
        EpochBatches(
            AugmentedCrops(CROPS, none, SIDE),
            target_of(TABLE.at(np.arange(22))),
            Shuffle(22, 0),
            batch=2,
            seed=0,
        )


def test_memory_mapped_crops_are_read_and_not_written(tmp_path):
    path = tmp_path / "crops.npy"
    np.save(path, CROPS)
    mapped = np.load(path, mmap_mode="r")
    target, sampler = target_of(TABLE), Shuffle(FACES, 0)
    for name in ("none", "webcam", "dan_affectnet"):
        change = transform(name)
        pair = [
            EpochBatches(AugmentedCrops(crops, change, SIDE), target, sampler, batch=6, seed=0)[0]
            for crops in (mapped, CROPS)
        ]
        assert same(*pair)


def test_evaluation_shows_all_faces_in_order_unchanged():
    parts = list(evaluation_batches(CROPS, target_of(TABLE), batch=10, input_size=8))
    assert [len(images) for images, _ in parts] == [10, 10, 3]
    images = torch.cat([part[0] for part in parts]).numpy()
    assert np.array_equal(images, to_input([resized(crop, 8) for crop in CROPS]))
    labels = torch.cat([target.labels for _, target in parts])
    assert np.array_equal(labels.numpy(), TABLE.labels)


def test_channel_order_bgr_feeds_blue_under_the_constants_of_red():
    blue = np.zeros((1, 2, 2, 3), np.uint8)
    blue[..., 0] = 255
    straight, swapped = images_of(list(blue)), images_of(list(blue), "bgr")
    lit = [(1 - MEAN[channel]) / STD[channel] for channel in range(3)]
    dark = [-MEAN[channel] / STD[channel] for channel in range(3)]
    assert straight[0, :, 0, 0].tolist() == pytest.approx([dark[0], dark[1], lit[2]], abs=1e-5)
    assert swapped[0, :, 0, 0].tolist() == pytest.approx([lit[0], dark[1], dark[2]], abs=1e-5)
    plain, other = batches()[0][0], batches(channel_order="bgr")[0][0]
    assert not torch.equal(plain, other)
