"""Judge a detector as users run it, with the landmark network that decides of its finds.

`python -m export.detector_recall --data FOLDER`
"""

import itertools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from engine.analyze import AnalyzerConfig, open_config_landmarker, open_finder
from engine.command import Parser, add_data_options, count, libraries, run_command, whole_number
from engine.faces.detection import DETECTORS, FerDetector
from engine.faces.finder import Finder
from engine.faces.tracker_config import TrackerConfig
from engine.networks.manifest import Manifest
from engine.types import Frame, Image
from training.detector.mosaics import Sample
from training.detector.packs import Gray, Pack, load_packs

if TYPE_CHECKING:  # it needs torch, which the command names where it is missing
    from training.detector.evaluate import DetectionResult, Tally

Find = Callable[[Image], "DetectionResult"]

PROGRAM: Final = "detector_recall"

FOUND: Final = 1e-6  # whatever was found counts
CROWD: Final = 64  # faces in a picture of the packs, at most

SCALES = (0.25, 0.35, 0.5, 1.0, 2.0)  # of the packs' pictures, which are 320 pixels wide


def finder_with(detector: Manifest) -> Finder:
    """Open a detector with the landmark network that comes along, for upright faces."""
    landmarker = open_config_landmarker(AnalyzerConfig(device="cpu", threads=1))
    with ExitStack() as loaded:
        loaded.enter_context(closing(landmarker))
        opened = FerDetector(detector, device="cpu", threads=1)
        finder = Finder(opened, landmarker, TrackerConfig(max_faces=CROWD), upright=False)
        loaded.pop_all()
    return finder


def found_by(finder: Finder) -> Find:
    """Make what finds the faces of pictures that stand for themselves."""
    from training.detector.evaluate import DetectionResult

    def find(image: Image) -> DetectionResult:
        tracks = finder.find(Frame(0, 0.0, image, file="picture")).tracks
        tracks = tuple(sorted(tracks, key=lambda track: -track.score))
        boxes = np.array([track.box for track in tracks], np.float32).reshape(-1, 4)
        return DetectionResult(boxes, np.array([track.score for track in tracks], np.float32))

    return find


def judge(find: Find, samples: Sequence[Sample]) -> "Tally":
    """Find faces in gray pictures and match them with the truth."""
    from training.detector.evaluate import Tally, compare

    sides, best, false = ([np.zeros(0, np.float32)] for _ in range(3))
    for sample in samples:
        hit, wrong = compare(find(_colour(sample.image)), sample)
        faces = sample.boxes[~sample.ignore]
        sides.append(np.sqrt(np.prod(faces[:, 2:] - faces[:, :2], axis=1)))
        best.append(hit)
        false.append(wrong)
    return Tally(len(samples), np.concatenate(sides), np.concatenate(best), np.concatenate(false))


def _colour(image: Gray) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)


def figures(
    data: Path, cache: Path, find: Find, *, share: int = 1, skip: int = 0
) -> Mapping[str, object]:
    """Measure on held-out frames and backgrounds at several sizes.

    Args:
        data: Folder of the data packs.
        cache: Folder of decoded data.
        find: Finds faces of any size.
        share: Take every `share`-th picture.
        skip: Leave out as many at the start.
    """
    from training.detector.evaluate import BUCKETS, merge, whole

    packs = load_packs(data, cache)
    frames = packs.select(Pack.FRAME, held=True)[skip::share]
    grounds = packs.select(Pack.BACKGROUND, held=True)[skip::share]
    tallies = {
        scale: judge(find, [whole(packs, int(k), scale) for k in frames]) for scale in SCALES
    }
    empty = judge(find, [whole(packs, int(k), s) for k in grounds for s in (1.0, 2.0)])
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
    add("--detector-model", metavar="FILE", help="model file of yunet and mediapipe")
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
    config = AnalyzerConfig(
        detector=args.detector,
        detector_model=args.detector_model,
        min_face_px=args.min_face,
        max_faces=CROWD,
    )
    with closing(open_finder(config)) as finder:
        found = figures(args.data, args.cache, found_by(finder), share=args.share, skip=args.skip)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
