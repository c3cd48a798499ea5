"""From a dataset's name to the crops a system sees."""

import cv2
import numpy as np
import pytest

from engine.errors import ConfigError, ModelError, SourceError
from engine.faces.alignment import CROP_SIZE, align
from training.data import samples
from training.data.operations import resized
from training.data.samples import DataConfig, load_samples
from training.data.table import joined


@pytest.fixture
def places(tmp_path, ferplus_root):
    return {"root": ferplus_root, "cache": tmp_path / "cache"}


def test_unaligned_pictures_are_only_resized(places):
    faces = load_samples(DataConfig(align="none"), "valid", 24, **places)
    assert faces.crops.shape == (8, 24, 24, 3)
    assert np.array_equal(faces.crops[3], resized(faces.table.read(3), 24))


def test_aligned_crops_are_the_engines(places, monkeypatch):
    points = np.array([[15, 18], [33, 18], [24, 28], [17, 37], [31, 37]], np.float32)
    monkeypatch.setattr(samples, "cached_points", lambda table, *_: np.stack([points] * len(table)))
    faces = load_samples(DataConfig(), "valid", CROP_SIZE, **places)
    live = align(faces.table.read(5), points).crop
    assert faces.crops[5].tobytes() == live.tobytes()


def test_landmark_weights_that_are_not_there_are_named(places):
    with pytest.raises(ModelError, match=r"^nope: cannot be read: no such file"):
        load_samples(DataConfig(landmark_weights="nope"), "valid", CROP_SIZE, **places)


def test_copies_of_held_out_pictures_do_not_train(places, ferplus_root):
    source = ferplus_root / "ferplus" / "FER2013Test" / "2.png"
    (ferplus_root / "ferplus" / "FER2013Train" / "6.png").write_bytes(source.read_bytes())
    kept = load_samples(DataConfig(align="none"), "train", 24, **places)
    assert len(kept.table) == 7
    assert "FER2013Train/6.png" not in kept.table.names
    every = load_samples(DataConfig(align="none", copies=True), "train", 24, **places)
    assert len(every.table) == 8


def test_noise_and_limit_are_for_training_alone(places):
    config = DataConfig(align="none", noise=1.0, limit=1)
    train = load_samples(config, "train", 24, **places)
    assert len(train.table) == 4
    clean = load_samples(DataConfig(align="none"), "train", 24, **places).table
    truth = dict(zip(clean.names, clean.labels, strict=True))
    assert all(
        label != truth[name]
        for name, label in zip(train.table.names, train.table.labels, strict=True)
    )
    valid = load_samples(config, "valid", 24, **places)
    assert len(valid.table) == 8
    assert (valid.table.labels == np.arange(8) % 4).all()


@pytest.fixture
def expw(ferplus_root):
    """One face of each of ExpW's classes, the second a copy of a held-out picture of FER+."""
    folder = ferplus_root / "expw" / "image" / "origin"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    lines = []
    for label in range(7):
        picture = rng.integers(0, 256, (48, 48), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{label}.png"), picture)
        lines.append(f"{label}.png 0 0 0 48 48 90.5 {label}")
    held_out = (ferplus_root / "ferplus" / "FER2013Valid" / "3.png").read_bytes()
    (folder / "1.png").write_bytes(held_out)
    (ferplus_root / "expw" / "label.lst").write_text("\n".join(lines) + "\n")


@pytest.mark.usefixtures("expw")
def test_added_dataset_trains_and_does_not_judge(places):
    config = DataConfig(align="none", also=("expw",), copies=True)
    train = load_samples(config, "train", 24, **places)
    assert train.table.dataset == "ferplus+expw"
    assert len(train.table) == len(train.crops) == 15
    # angry, disgust, fear, happy, sad, surprise, neutral in the order of FER+
    assert train.table.labels[8:].tolist() == [4, 5, 6, 1, 3, 2, 0]
    assert np.array_equal(train.crops[12], resized(train.parts[1].read(4), 24))
    assert [part.dataset for part in train.parts] == ["ferplus", "expw"]
    for split in ("valid", "test"):
        other = load_samples(config, split, 24, **places)
        alone = load_samples(DataConfig(align="none"), split, 24, **places)
        assert np.array_equal(other.table.names, alone.table.names)
        assert len(other.parts) == 1


@pytest.mark.usefixtures("expw")
def test_copies_of_held_out_pictures_are_dropped_from_added_datasets_too(places):
    train = load_samples(DataConfig(align="none", also=("expw",)), "train", 24, **places)
    assert len(train.parts[1]) == 6
    assert "expw/image/origin/1.png#0" not in train.table.names


@pytest.mark.usefixtures("expw")
def test_noise_and_limit_are_those_of_all_datasets_together(places):
    config = DataConfig(align="none", also=("expw",), noise=1.0, limit=2)
    train = load_samples(config, "train", 24, **places)
    assert len(train.table) == 2 * 4 + 2
    clean = joined(train.parts)
    truth = dict(zip(clean.names, clean.labels, strict=True))
    assert all(
        label != truth[name]
        for name, label in zip(train.table.names, train.table.labels, strict=True)
    )


def test_missing_added_dataset_is_named(places):
    with pytest.raises(SourceError, match=r"label\.lst: missing"):
        load_samples(DataConfig(align="none", also=("expw",)), "train", 24, **places)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"also": ("fer",)}, r"data\.also\.0: 'fer' is unknown; choose raf-db"),
        ({"also": "expw"}, r"data\.also: must be a list, got 'expw'"),
        ({"also": ("ferplus",)}, r"data\.also: ferplus is data\.dataset already"),
        ({"also": ("expw", "expw")}, r"data\.also: expw has the pictures of expw"),
        ({"also": ("fer2013",)}, r"data\.also: fer2013 has the pictures of ferplus"),
        (
            {"also": ("affectnet-8", "affectnet-7")},
            r"data\.also: affectnet-7 has the pictures of affectnet-8",
        ),
        ({"also": ("jaffe",)}, r"data\.also: jaffe has no training split of its own"),
        ({"noise": 1.5}, r"data\.noise: must be at most 1, got 1\.5"),
        ({"align": "eyes"}, r"data\.align: 'eyes' is unknown; choose landmarks, none"),
        ({"limit": -1}, r"data\.limit: must be at least 0, got -1"),
    ],
)
def test_wrong_settings_are_refused(changed, says):
    with pytest.raises(ConfigError, match=says):
        DataConfig(**changed)
