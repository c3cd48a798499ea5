"""A tiny FER+ and the run folder of a tiny system, as a training leaves it."""

import cv2
import numpy as np
import pytest
import torch

from training.data.registry import read_dataset
from training.systems.saved import write_card


@pytest.fixture(autouse=True)
def one_thread():
    """Keep torch and OpenCV to one core, where small arrays are fastest; draw the same numbers."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


@pytest.fixture
def ferplus_root(tmp_path):
    """Eight gray pictures of neutral, happiness, surprise and sadness in each split."""
    rng = np.random.default_rng(0)
    for split in ("Train", "Valid", "Test"):
        folder = tmp_path / "data" / "ferplus" / f"FER2013{split}"
        folder.mkdir(parents=True)
        rows = []
        for face in range(8):
            votes = ["10" if label == face % 4 else "0" for label in range(10)]
            rows.append(f'{face}.png,"(0, 0, 48, 48)",{",".join(votes)}')
            noise = rng.integers(0, 256, (48, 48), dtype=np.uint8)
            cv2.imwrite(str(folder / f"{face}.png"), noise // (1 + face % 4))
        (folder / "label.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "data"


@pytest.fixture
def system_run(tmp_path, ferplus_root, untrained_run):
    """An untrained Neural Resizer, setting b, saved as if it had been trained on the tiny FER+."""
    folder = tmp_path / "runs" / "tiny"
    folder.mkdir(parents=True)
    system = untrained_run(folder)
    write_card(system, read_dataset("ferplus", ferplus_root, "valid", tmp_path / "cache"), folder)
    (folder / "log.csv").write_text("step,loss,accuracy\n1,2.5,0.25\n2,2.0,0.5\n")
    return folder
