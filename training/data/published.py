"""How many faces each part is known to hold, to compare what is found on a disk with.

Source: common specification, sections 3 and 4; FER+ folders: the data pack's description;
Aff-Wild2: DAN for ABAW specification, section 6. Histograms are in the dataset's class order.
"""

from collections.abc import Mapping
from typing import Final

TOTALS: Final[Mapping[str, Mapping[str, int]]] = {
    "raf-db": {"train": 12_271, "test": 3_068},
    "raf-db-folders": {"train": 12_271, "valid": 3_068},
    "fer2013": {"Training": 28_709, "PublicTest": 3_589, "PrivateTest": 3_589},
    "fer2013-folders": {"train": 28_709, "test": 7_178},  # test: both of the csv's
    "ferplus": {"FER2013Train": 25_045, "FER2013Valid": 3_191, "FER2013Test": 3_137},
    "ferplus-csv": {"Training": 25_060, "PublicTest": 3_199, "PrivateTest": 3_153},
    "affectnet-8": {"train_set": 287_651, "val_set": 3_999},
    "affectnet-7": {"train_set": 283_901, "val_set": 3_500},
    "aff-wild2-expr": {"Train_Set": 586_959},
    "jaffe": {"all": 213},
    "ferg": {"all": 55_767},
    "expw": {"all": 91_793},
}
_RAF_DB: Final = (
    (1290, 281, 717, 4772, 1982, 705, 2524),
    (329, 74, 160, 1185, 478, 162, 680),
)
HISTOGRAMS: Final[Mapping[str, Mapping[str, tuple[int, ...]]]] = {
    "raf-db": dict(zip(("train", "test"), _RAF_DB, strict=True)),
    "raf-db-folders": dict(zip(("train", "valid"), _RAF_DB, strict=True)),
    "ferplus": {
        "FER2013Train": (8733, 7284, 3136, 3022, 2098, 116, 536, 120),
        "FER2013Valid": (1180, 862, 411, 348, 289, 25, 60, 16),
        "FER2013Test": (1083, 892, 394, 382, 269, 16, 86, 15),
    },
    "ferplus-csv": {
        "Training": (8740, 7287, 3149, 3014, 2100, 119, 532, 119),
        "PrivateTest": (1090, 893, 396, 384, 273, 18, 83, 16),
    },
    "affectnet-8": {"train_set": (74874, 134415, 25459, 14090, 6378, 3803, 24882, 3750)},
    "affectnet-7": {"train_set": (74874, 134415, 25459, 14090, 6378, 3803, 24882)},
    "aff-wild2-expr": {"Train_Set": (177498, 16573, 10810, 9080, 95633, 79862, 31637, 165866)},
    "jaffe": {"all": (30, 31, 31, 30, 30, 29, 32)},
    "ferg": {"all": (9169, 8571, 7419, 7330, 6939, 7627, 8712)},
    "expw": {"all": (3671, 3995, 1088, 30537, 10559, 7060, 34883)},
}
