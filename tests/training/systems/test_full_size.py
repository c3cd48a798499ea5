"""Systems of the papers' size: one real epoch on a few faces of FER+."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors.torch import load_file

from training.data.ferplus import FOLDERS
from training.data.files import open_files
from training.tasks.system import run
from training.trainer.recipe import read_recipe

ROOT = Path(__file__).parents[3]
FACES = {"train": 3, "valid": 1, "test": 1}  # of each of eight classes
SIZES = {
    "ferplus-poster": (),
    "ferplus-poster-pp": (),
    "ferplus-arbex": (),
    "ferplus-resizer-e": ("neural_resizer.pretrained=false",),
    "rafdb-dan": ("dan.classes=8", "data.dataset=ferplus"),
    "affectnet8-dan": ("data.dataset=ferplus",),
    "rafdb-poster-ada-m": ("poster.classes=8", "data.dataset=ferplus"),
}
SHORT = (
    *("system.image_weights=''", "system.landmark_weights=''", "data.align=none"),
    *("loop.epochs=1", "loop.batch=4", "loop.accumulate=1", "loop.every=0", "loop.ema=0"),
    *("loop.accelerator=cpu", "loop.workers=0", "sampler.name=shuffle"),
)

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture
def few_faces(tmp_path, packs):
    """Give `few_faces(side)`: a folder with FER+ reduced to the first faces of each class."""

    def few_faces(side):
        files = open_files(packs("ferplus.zip"), "ferplus")
        for split, folder in FOLDERS.items():
            (tmp_path / "ferplus" / folder).mkdir(parents=True)
            found = [[] for _ in range(8)]
            for line in files.lines(f"{folder}/label.csv"):
                votes = [int(vote) for vote in line.split(",")[-10:]]
                rows = found[int(np.argmax(votes[:8]))]
                if max(votes[:8]) >= 6 and len(rows) < FACES[split]:
                    rows.append(line)
            kept = [line for rows in found for line in rows]
            for name in (line.partition(",")[0] for line in kept):
                picture = cv2.resize(files.image(f"{folder}/{name}"), (side, side))
                assert cv2.imwrite(str(tmp_path / "ferplus" / folder / name), picture)
            (tmp_path / "ferplus" / folder / "label.csv").write_text("\n".join(kept) + "\n")
        return tmp_path

    return few_faces


@pytest.mark.parametrize("name", sorted(SIZES))
def test_one_epoch_ends_in_a_kept_model(name, few_faces):
    place = few_faces(384 if "resizer" in name else 48)
    recipe = read_recipe(
        ROOT / "training" / "recipes" / f"{name}.toml",
        [*SHORT, *SIZES[name]],
        data=place,
        cache=place / "cache",
        folder=place / "run",
    )
    run(recipe)
    with (place / "run" / "log.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert int(row["step"]) == 6  # 24 faces in batches of 4
    assert np.isfinite(float(row["loss"]))
    assert 0 <= float(row["accuracy"]) <= 1
    kept = load_file(place / "run" / "model.safetensors")
    assert all(bool(tensor.isfinite().all()) for tensor in kept.values())
