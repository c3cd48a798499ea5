"""The published counts agree with each other and with the class orders."""

import pytest

from training.data.classes import AFFECTNET_8, EXPW, FER_PLUS, FERG, JAFFE, RAF_DB
from training.data.published import HISTOGRAMS, TOTALS
from training.data.registry import DATASETS

PARTS = [(name, part) for name, parts in HISTOGRAMS.items() for part in parts]


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_histogram_sums_to_the_published_total(name, part):
    assert sum(HISTOGRAMS[name][part]) == TOTALS[name][part]


def test_specified_sums_are_the_ones_here():
    assert TOTALS["raf-db"] == {"train": 12_271, "test": 3_068}
    assert TOTALS["raf-db-folders"] == {"train": 12_271, "valid": 3_068}
    assert TOTALS["fer2013"] == {"Training": 28_709, "PublicTest": 3_589, "PrivateTest": 3_589}
    assert TOTALS["fer2013-folders"] == {"train": 28_709, "test": 2 * 3_589}
    assert TOTALS["expw"]["all"] == 91_793
    assert TOTALS["ferg"]["all"] == 55_767
    assert TOTALS["affectnet-8"]["train_set"] == 287_651
    assert TOTALS["affectnet-7"]["train_set"] == 283_901
    assert TOTALS["jaffe"]["all"] == 213
    assert list(TOTALS["ferplus"].values()) == [25_045, 3_191, 3_137]
    assert list(TOTALS["ferplus-csv"].values()) == [25_060, 3_199, 3_153]


@pytest.mark.parametrize(
    ("name", "part", "classes", "counts"),
    [
        (
            "raf-db",
            "train",
            RAF_DB,
            "surprise 1290 fear 281 disgust 717 happiness 4772 sadness 1982 anger 705 neutral 2524",
        ),
        (
            "raf-db",
            "test",
            RAF_DB,
            "surprise 329 fear 74 disgust 160 happiness 1185 sadness 478 anger 162 neutral 680",
        ),
        (
            "ferplus-csv",
            "Training",
            FER_PLUS,
            "neutral 8740 happiness 7287 surprise 3149 sadness 3014 anger 2100 disgust 119 "
            "fear 532 contempt 119",
        ),
        (
            "ferplus-csv",
            "PrivateTest",
            FER_PLUS,
            "neutral 1090 happiness 893 surprise 396 sadness 384 anger 273 disgust 18 "
            "fear 83 contempt 16",
        ),
        (
            "affectnet-8",
            "train_set",
            AFFECTNET_8,
            "neutral 74874 happiness 134415 sadness 25459 surprise 14090 fear 6378 disgust 3803 "
            "anger 24882 contempt 3750",
        ),
        (
            "jaffe",
            "all",
            JAFFE.values(),
            "anger 30 disgust 29 fear 32 happiness 31 neutral 30 sadness 31 surprise 30",
        ),
        (
            "ferg",
            "all",
            FERG.values(),
            "anger 9169 disgust 8571 fear 7419 happiness 7330 neutral 6939 sadness 7627 "
            "surprise 8712",
        ),
        (
            "expw",
            "all",
            EXPW,
            "anger 3671 disgust 3995 fear 1088 happiness 30537 sadness 10559 surprise 7060 "
            "neutral 34883",
        ),
    ],
)
def test_specified_class_counts_are_the_ones_here(name, part, classes, counts):
    words = counts.split()
    wanted = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    assert dict(zip(classes, HISTOGRAMS[name][part], strict=True)) == wanted


def test_counts_are_of_parts_that_exist():
    for name, parts in TOTALS.items():
        assert set(parts) <= set(DATASETS[name].parts)
        assert set(HISTOGRAMS.get(name, ())) <= set(parts)
