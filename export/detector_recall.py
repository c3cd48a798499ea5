"""Judge a detector as the engine runs it: `python -m export.detector_recall --data FOLDER`."""

import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from engine.command import Parser, add_data_options, count, libraries, run_command, whole_number
from engine.faces.detection import DETECTORS, Detector, open_detector
from engine.types import Image
from training.detector.mosaics import Sample
from training.detector.packs import Gray, Pack, load_packs

if TYPE_CHECKING:  # it needs torch, which the command names where it is missing
    from training.detector.evaluate import Tally

PROGRAM: Final = "detector_recall"

FOUND: Final = 1e-6  # whatever the detector reported counts

SCALES = (0.25, 0.35, 0.5, 1.0, 2.0)  # of the packs' pictures, which are 320 pixels wide


def judge(detector: Detector, samples: Sequence[Sample]) -> "Tally":
    """Run a detector over gray pictures and match its boxes with the truth."""
    from training.detector.evaluate import DetectionResult, Tally, compare

    sides, best, false = [], [], []
    for sample in samples:
        found = detector.detect(_colour(sample.image))
        boxes = np.array([face.box for face in found], np.float32).reshape(-1, 4)
        scores = np.array([face.score for face in found], np.float32)
        hit, wrong = compare(DetectionResult(boxes, scores), sample)
        faces = sample.boxes[~sample.ignore]
        sides.append(np.sqrt(np.prod(faces[:, 2:] - faces[:, :2], axis=1)))
        best.append(hit)
        false.append(wrong)
    return Tally(len(samples), np.concatenate(sides), np.concatenate(best), np.concatenate(false))


def _colour(image: Gray) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)


def figures(
    data: Path, cache: Path, detector: Detector, *, share: int = 1, skip: int = 0
) -> Mapping[str, object]:
    """Measure on held-out frames and backgrounds at several sizes.

    Args:
        data: Folder of the data packs.
        cache: Folder of decoded data.
        detector: Reports faces of any size.
        share: Take every `share`-th picture.
        skip: Leave out as many at the start.
    """
    from training.detector.evaluate import BUCKETS, merge, whole

    packs = load_packs(data, cache)
    frames = packs.select(Pack.FRAME, held=True)[skip::share]
    grounds = packs.select(Pack.BACKGROUND, held=True)[skip::share]
    tallies = {
        scale: judge(detector, [whole(packs, int(k), scale) for k in frames]) for scale in SCALES
    }
    empty = judge(detector, [whole(packs, int(k), s) for k in grounds for s in (1.0, 2.0)])
    pooled = merge(tallies.values())
    return {
        "recall": {scale: round(t.recall(FOUND), 4) for scale, t in tallies.items()},
        "recall_by_side": {
            f"{low}-{high}": round(pooled.recall(FOUND, low, high), 4)
            for low, high in itertools.pairwise(BUCKETS)
        },
        "faces": len(pooled.sides),
        "false_per_100_frames": round(pooled.false_per_100(FOUND), 2),
        "false_per_100_backgrounds": round(empty.false_per_100(FOUND), 2),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure from the command line; return the exit code."""
    return run_command(PROGRAM, _measure, argv, extra="train")


def _measure(argv: Sequence[str]) -> None:
    parse = Parser(prog=f"python -m export.{PROGRAM}", version=libraries(), description=__doc__)
    add = parse.add_argument
    add("--detector", default="fer", metavar="NAME", help=", ".join(DETECTORS))
    add("--detector-model", type=Path, metavar="FILE", help="model file of yunet and mediapipe")
    add("--min-face", type=int, default=20, metavar="PX", help="smallest face (20)")
    add("--share", type=count, default=1, metavar="N", help="take every Nth picture (1)")
    add(
        "--skip",
        type=whole_number,
        default=0,
        metavar="N",
        help="leave out the first N pictures (0)",
    )
    add_data_options(parse)
    args = parse.parse_args(argv)
    detector = open_detector(
        args.detector, model_path=args.detector_model, min_face_px=args.min_face
    )
    with closing(detector):
        found = figures(args.data, args.cache, detector, share=args.share, skip=args.skip)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
