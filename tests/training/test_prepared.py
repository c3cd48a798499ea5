"""From a dataset's name to the crops a system sees."""

import numpy as np
import pytest

from engine.align import CROP_SIZE, align
from engine.errors import ConfigError
from training.data import prepared
from training.data.operations import resized
from training.data.prepared import DataConfig, prepare


@pytest.fixture
def places(tmp_path, ferplus_root):
    return {"root": ferplus_root, "cache": tmp_path / "cache"}


def test_unaligned_pictures_are_only_resized(places):
    faces = prepare(DataConfig(align="none"), "valid", 24, **places)
    assert faces.crops.shape == (8, 24, 24, 3)
    assert np.array_equal(faces.crops[3], resized(faces.table.read(3), 24))


def test_aligned_crops_are_the_engines(places, monkeypatch):
    points = np.array([[15, 18], [33, 18], [24, 28], [17, 37], [31, 37]], np.float32)
    monkeypatch.setattr(
        prepared, "located_table", lambda table, *_: np.stack([points] * len(table))
    )
    faces = prepare(DataConfig(), "valid", CROP_SIZE, **places)
    live = align(faces.table.read(5), points).crop
    assert faces.crops[5].tobytes() == live.tobytes()


def test_copies_of_held_out_pictures_do_not_train(places, ferplus_root):
    source = ferplus_root / "ferplus" / "FER2013Test" / "2.png"
    (ferplus_root / "ferplus" / "FER2013Train" / "6.png").write_bytes(source.read_bytes())
    kept = prepare(DataConfig(align="none"), "train", 24, **places)
    assert len(kept.table) == 7
    assert "FER2013Train/6.png" not in kept.table.names
    every = prepare(DataConfig(align="none", copies=True), "train", 24, **places)
    assert len(every.table) == 8


def test_noise_and_limit_are_for_training_alone(places):
    config = DataConfig(align="none", noise=1.0, limit=1)
    train = prepare(config, "train", 24, **places)
    assert len(train.table) == 4
    clean = prepare(DataConfig(align="none"), "train", 24, **places).table
    truth = dict(zip(clean.names, clean.labels, strict=True))
    assert all(
        label != truth[name]
        for name, label in zip(train.table.names, train.table.labels, strict=True)
    )
    valid = prepare(config, "valid", 24, **places)
    assert len(valid.table) == 8
    assert (valid.table.labels == np.arange(8) % 4).all()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"noise": 1.5}, r"data\.noise: must be 0 to 1, got 1\.5"),
        ({"align": "eyes"}, r"data\.align: must be one of landmarks, none, got eyes"),
        ({"limit": -1}, r"data\.limit: must not be negative"),
    ],
)
def test_wrong_settings_are_refused(changed, says):
    with pytest.raises(ConfigError, match=says):
        DataConfig(**changed)
