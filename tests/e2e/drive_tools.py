"""Uses every command but the two that are watched alone, and the front for Python, in a row.

Run by `test_nothing_leaves_the_machine`, in an empty folder: python drive_tools.py SECONDS. The
process stays for that long: what a library does behind its user's back may take its time.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

import export.bench.cli
import export.cli
import fer_live
import training.data.cli
import training.evaluation.cli
import training.report.cli
import training.train
from engine.assets import asset_path

RECIPE = """
task = "system"
[system]
name = "dan"
[dan]
trunk = "rt"
width = 16
heads = 2
input_size = 48
[loop]
batch = 4
steps = 1
[data]
align = "none"
"""


def write_faces(folder: Path) -> None:
    """Write a FER+ of one face in each split, eight times with other noise."""
    rng = np.random.default_rng(0)
    portrait = cv2.imread(str(asset_path("portrait.jpg")), cv2.IMREAD_GRAYSCALE)[50:182, 95:227]
    face_px = cv2.resize(portrait, (48, 48), interpolation=cv2.INTER_AREA)
    for split in ("Train", "Valid", "Test"):
        place = folder / "ferplus" / f"FER2013{split}"
        place.mkdir(parents=True)
        rows = []
        for face in range(8):
            noisy = np.clip(face_px + rng.normal(0, 3, face_px.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(place / f"{face}.png"), noisy)
            votes = ["10" if label == face % 4 else "0" for label in range(10)]
            rows.append(f'{face}.png,"(0, 0, 48, 48)",{",".join(votes)}\n')
        (place / "label.csv").write_text("".join(rows))


USES: list[tuple[Callable[[Sequence[str]], int], list[str]]] = [
    (training.data.cli.main, ["check", "ferplus", "data/ferplus"]),
    (training.train.main, ["tiny.toml"]),
    (training.evaluation.cli.main, ["runs/tiny"]),
    (training.report.cli.main, ["runs/tiny"]),
    (export.cli.main, ["runs/tiny", "--out", "tiny.onnx"]),
    (export.bench.cli.main, ["tiny.onnx", "--parts=networks", "--rounds=1", "--threads=1"]),
]


def main() -> None:
    """Run it."""
    began = time.monotonic()
    write_faces(Path("data"))
    Path("tiny.toml").write_text(RECIPE)
    for command, words in USES:
        code = command(words)
        assert code == 0, f"{command.__module__} {words}: exit code {code}"
    assert len(fer_live.analyze(asset_path("portrait.jpg"))) == 1
    assert fer_live.table(asset_path("portrait.jpg")).num_rows == 1
    time.sleep(max(0, float(sys.argv[1]) - (time.monotonic() - began)))


if __name__ == "__main__":
    main()
