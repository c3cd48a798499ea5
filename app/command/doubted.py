"""What may be a face: too doubtful to be followed and read, but better covered than bare."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from engine.faces.detection import Detector
from engine.faces.followed import overlap
from engine.types import Analysis, Floats

# Detector scores from here on, and seconds for which such a thing is there before it is found and
# after. Of 67 faces of short_hamilton_clip.mp4, many in the dark, 28 are bare without these (16 %
# of its pictures changed), 16 with (34 %), 10 if they stay for a second (52 %); in 40 pictures of
# places without people they cover 0.3 % of the picture.
SCORE_MIN: Final = 0.3
AROUND_S: Final = 0.35
LOOK_S: Final = 0.1  # between two looks
SAME: Final = 0.3  # overlap (IoU) with where it was, from which something is the same
KNOWN: Final = 0.3  # overlap with a face that is followed, from which something is that face
GONE_S: Final = 1.0  # what was not seen for so long is new when it comes


class Doubted:
    """Looks at a film for more than the analysis takes for faces. Used by one thread."""

    def __init__(self, detector: Detector) -> None:
        """Take a detector that reports what is doubtful too; it is owned."""
        self._detector = detector
        self._looked_s = -np.inf
        self._next = 0
        self._last: dict[int, tuple[float, Floats]] = {}  # by number: when, and where

    def find(self, analysis: Analysis) -> list[tuple[int, Floats]]:
        """Give what may be a face in the next frame and is not followed, where it is time to look.

        Returns:
            Each with a number, which it keeps from look to look; (4,) float32, pixels.
        """
        time_s = analysis.frame.time_s
        if 0 <= time_s - self._looked_s < LOOK_S:
            return []
        self._looked_s = time_s
        known = [track.box for track in analysis.tracks]
        found = [
            detection.box
            for detection in self._detector.detect(analysis.frame.image)
            if all(overlap(detection.box, box) < KNOWN for box in known)
        ]
        return self._numbered(time_s, found)

    def _numbered(self, time_s: float, found: Sequence[Floats]) -> list[tuple[int, Floats]]:
        """Give each what it was called before, or a new number."""
        self._last = {
            number: (seen_s, box)
            for number, (seen_s, box) in self._last.items()
            if 0 <= time_s - seen_s <= GONE_S
        }
        free, named = dict(self._last), []
        for box in found:
            shared = {number: overlap(box, was) for number, (_, was) in free.items()}
            number = max(shared, key=lambda each: shared[each], default=-1)
            if shared.get(number, 0.0) < SAME:
                number, self._next = self._next, self._next + 1
            free.pop(number, None)
            self._last[number] = (time_s, box)
            named.append((number, box))
        return named

    def close(self) -> None:
        """Free the detector."""
        self._detector.close()
