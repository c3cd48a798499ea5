"""What the detector and the landmark network must say together of a face: `choose_evidence`."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from engine.faces.finder import Finder
from engine.types import Floats, Image
from export.detector_recall import Find, judge
from training.detector.evaluate import SCORE_FLOOR, DetectionResult, merge, threshold_for
from training.detector.mosaics import Sample

# The detector proposes what it gives a score from here on; the two networks decide. What other
# weights gave is in docs/decisions/0029.
PROPOSED: Final = 0.3
WEIGHT: Final = 2.0
FALSE_PER_100: Final = 0.5  # in the pictures of `CLEAN`, in which every face is known
CLEAN: Final = ("frames", "backgrounds")
PRESENCE_MIN: Final = 0.5  # which a new face needs anyway, `engine.faces.tracking.TrackerConfig`


def choose_evidence(finder: Finder, samples: Mapping[str, Sequence[Sample]]) -> dict[str, float]:
    """Choose the least evidence with which few finds are no face.

    Args:
        finder: Whose detector proposes everything from `PROPOSED` on.
        samples: Held-out pictures by kind, those of `CLEAN` among them.

    Returns:
        What a manifest says, see `engine.networks.manifest.Evidence`.
    """
    tally = merge(judge(sure_of(finder), samples[kind]) for kind in CLEAN)
    threshold = max(threshold_for(tally, FALSE_PER_100), SCORE_FLOOR)
    return {"weight": WEIGHT, "least": round(_log_odds(threshold), 2)}


def sure_of(finder: Finder) -> Find:
    """Make what finds faces in a picture and says how sure both networks are together."""

    def find(image: Image) -> DetectionResult:
        proposed = finder.propose(image)
        scores = [_together(one.score, sighting.presence) for one, sighting in proposed]
        order = np.argsort(scores)[::-1]
        boxes: Floats = np.array([one.box for one, _ in proposed], np.float32).reshape(-1, 4)
        return DetectionResult(boxes[order], np.array(scores, np.float32)[order])

    return find


def _together(score: float, presence: float) -> float:
    if presence < PRESENCE_MIN:
        return 0.0
    return 1 / (1 + math.exp(-_log_odds(presence) - WEIGHT * _log_odds(score)))


def _log_odds(share: float) -> float:
    inside = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))
