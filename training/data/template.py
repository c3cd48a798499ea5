"""The five-point template that alignment uses, estimated again from FER+ teacher landmarks.

python -m training.data.template --data data --cache cache
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from engine.command import Parser, add_data_options, libraries, run_command
from engine.faces.landmarks import TEMPLATE, five_points
from engine.types import Floats
from training.data.packs import TeacherLabels, pack_folder

# The point that each of the five becomes when the picture is mirrored.
MIRROR_FIVE: Final = (1, 0, 2, 4, 3)
DIGITS: Final = 4


def symmetric(points: Floats) -> Floats:
    """Average five points (5, 2) of a unit picture with their mirror image."""
    mirrored = points[list(MIRROR_FIVE)] * (-1, 1) + (1, 0)
    return np.asarray((points + mirrored) / 2, np.float32)


def estimate(landmarks: Floats) -> Floats:
    """Give the mean of the faces' five points, (5, 2), symmetric, from (N, 68, 2) landmarks."""
    mean = five_points(landmarks).mean(axis=0, dtype=np.float64)
    return symmetric(mean).round(DIGITS)


def ferplus_landmarks(root: Path, cache: Path) -> Floats:
    """Give the trusted teacher landmarks of the FER+ training pictures, in unit pictures.

    Straight from the labels: the face bank cuts pictures of small faces, the template is that
    of whole pictures.

    Returns:
        (N, 68, 2) float32, the picture's edges at 0 and 1.

    Raises:
        SourceError: The pack of labels is not there, or damaged.
    """
    path = pack_folder(root, "teacher_labels", cache) / "landmarks_ferplus.npz"
    labels = TeacherLabels(str(path), path)
    return np.asarray(labels.points[labels.trusted() & (labels["split"] == "train")])


def main(argv: Sequence[str] | None = None) -> int:
    """Print the template and compare it with the one in use; 1 where they differ."""
    return run_command("template", _compare, argv, extra="train", info="%(message)s")


def _compare(argv: Sequence[str]) -> int:
    parse = Parser(
        prog="python -m training.data.template", version=libraries(), description=__doc__
    )
    add_data_options(parse)
    args = parse.parse_args(argv)
    landmarks = ferplus_landmarks(args.data, args.cache)
    points = estimate(landmarks)
    same = np.array_equal(points, TEMPLATE)
    said = [[round(float(value), DIGITS) for value in point] for point in points]
    end = f"{'equals' if same else 'differs from'} engine.faces.landmarks.TEMPLATE"
    sys.stdout.write(f"{said}\n{len(landmarks)} faces; {end}\n")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
