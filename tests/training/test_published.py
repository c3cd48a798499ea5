"""The published counts agree with each other and with the class orders."""

import pytest

from training.data.published import HISTOGRAMS, TOTALS
from training.data.registry import DATASETS

PARTS = [(name, part) for name, parts in HISTOGRAMS.items() for part in parts]


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_histogram_sums_to_the_published_total(name, part):
    assert sum(HISTOGRAMS[name][part]) == TOTALS[name][part]


def test_specified_sums_are_the_ones_here():
    assert TOTALS["raf-db"] == {"train": 12_271, "test": 3_068}
    assert TOTALS["expw"]["all"] == 91_793
    assert TOTALS["ferg"]["all"] == 55_767
    assert TOTALS["affectnet-8"]["train_set"] == 287_651
    assert TOTALS["affectnet-7"]["train_set"] == 283_901
    assert TOTALS["jaffe"]["all"] == 213
    assert list(TOTALS["ferplus"].values()) == [25_045, 3_191, 3_137]


def test_counts_are_of_parts_that_exist():
    for name, parts in TOTALS.items():
        assert set(parts) <= set(DATASETS[name].parts)
        assert set(HISTOGRAMS.get(name, ())) <= set(parts)
