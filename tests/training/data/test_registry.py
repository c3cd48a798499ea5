"""Datasets by name, from a folder to a table of readable faces."""

import zipfile

import cv2
import numpy as np
import pytest

from engine.errors import ConfigError, SourceError
from training.data.pictures import PictureConfig
from training.data.registry import DATASETS, read_dataset


@pytest.fixture
def jaffe(tmp_path):
    folder = tmp_path / "data" / "jaffe"
    folder.mkdir(parents=True)
    for number, name in enumerate(("KA.AN1.1", "KA.HA1.2", "KL.AN1.3", "KL.HA1.4", "YM.SU1.5")):
        image = np.full((256, 256), 10 * number, np.uint8)
        cv2.imwrite(str(folder / f"{name}.tiff"), image)
    return folder


def test_dataset_is_read_from_its_folder_its_zip_or_beside_others(jaffe, tmp_path):
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as zipped:
        for path in jaffe.iterdir():
            zipped.write(path, path.name)
    for root in (jaffe, jaffe.parent, tmp_path / "packed.zip"):
        test = read_dataset("jaffe", root, "test", tmp_path / "cache", fold="KL")
        assert test.names.tolist() == ["KL.AN1.3.tiff", "KL.HA1.4.tiff"]
        assert int(test.read(1)[0, 0, 0]) == 30


def test_splits_of_a_fold_share_no_subject(jaffe, tmp_path):
    groups = [
        set(read_dataset("jaffe", jaffe, split, tmp_path / "cache", fold="YM").groups)
        for split in ("train", "valid", "test")
    ]
    assert groups == [{"KL"}, {"KA"}, {"YM"}]


def test_unknown_dataset_lists_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match="dataset: 'fer2012' is unknown; choose raf-db, raf-db-f"):
        read_dataset("fer2012", tmp_path, "train", tmp_path)


def test_unreadable_pictures_count_against_the_limit(jaffe, tmp_path):
    (jaffe / "KL.AN1.3.tiff").write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"1 unreadable, 20\.00% of the faces: KL\.AN1\.3"):
        read_dataset("jaffe", jaffe, "test", tmp_path / "cache", fold="KL")
    config = PictureConfig(missing_max=0.25)
    test = read_dataset("jaffe", jaffe, "test", tmp_path / "cache", fold="KL", config=config)
    assert test.names.tolist() == ["KL.HA1.4.tiff"]


@pytest.mark.parametrize("name", list(DATASETS))
def test_empty_folder_is_an_error_that_names_a_place_in_it(tmp_path, name):
    with pytest.raises(SourceError, match=rf"^{tmp_path}"):
        read_dataset(name, tmp_path, "train", tmp_path / "cache")


@pytest.mark.parametrize("split", ["train", "valid", "test"])
@pytest.mark.parametrize("name", list(DATASETS))
def test_a_dataset_has_the_splits_it_names_and_no_other(tmp_path, name, split):
    # Of an empty folder, a split that is there cannot be read; another is refused before.
    wanted = SourceError if split in DATASETS[name].splits else ConfigError
    fold = "KA" if name == "jaffe" else None
    with pytest.raises(wanted):
        read_dataset(name, tmp_path, split, tmp_path / "cache", fold=fold)


def test_ferplus_votes_are_read_from_the_ferplus_pack(tmp_path):
    folder = tmp_path / "ferplus" / "FER2013Train"
    folder.mkdir(parents=True)
    (folder / "label.csv").write_text(
        "a.png,box,3,3,4,0,0,0,0,0,0,0\nb.png,box,9,1,0,0,0,0,0,0,0,0\n"
    )
    for name in "ab":
        cv2.imwrite(str(folder / f"{name}.png"), np.zeros((48, 48), np.uint8))
    sizes = {
        name: len(read_dataset(name, tmp_path, "train", tmp_path / "cache"))
        for name in ("ferplus", "ferplus-votes")
    }
    assert sizes == {"ferplus": 1, "ferplus-votes": 2}
