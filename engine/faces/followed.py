"""A face that is followed or was lost, and what a frame shows of it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np

from engine.faces.appearance import FADED, OTHER, Appearance, appearance_of, likeness
from engine.faces.landmarks import box_of
from engine.types import Detection, Floats, Sighting

# A face is compared with what it was a moment ago and with what it was some time before, so that
# one who fades into another is noticed.
LOOK_EVERY_S: Final = 0.25
# From frame to frame a face hardly changes: in the films at hand it stays above 0.87.
QUICK_S: Final = 0.15
STEADY: Final = 0.8
SUDDEN: Final = 0.15  # less alike than lately: in a dark and noisy picture a face is less steady
STIRRED: Final = 0.9  # below it, a face in view may rather be another one in view
RATHER: Final = 0.05  # if it is more alike by so much
FADED_S: Final = 1.0
LOOKS_KEPT: Final = 7
BESIDE: Final = 0.3  # sides of its box from a face to one that may cover a part of the head
SEEN_TOO: Final = 0.45  # overlap with a box of the detector
EDGE: Final = 0.25  # sides of its box from a face to the frame's edge that may cut it off
WHOLE: Final = 0.9  # share of a face's box inside the frame from which its looks can be judged


@dataclass(slots=True, eq=False)
class Followed:
    """A face being followed, or lost since `hidden_since_s`."""

    id: int
    landmarks: Floats
    score: float
    time_s: float
    look: Appearance
    velocity: Floats = field(default_factory=lambda: np.zeros(2, np.float32))  # pixels per second
    settled_s: float = field(init=False)  # from then on its looks are remembered
    looks: list[tuple[float, Appearance]] = field(default_factory=list)  # now and then, with times
    before: Appearance | None = None  # what it looked like the frame before: `look` may be a slip
    steady: float = OTHER  # how alike it lately was from frame to frame: less in noise
    hidden_since_s: float = 0.0
    covered: bool = False  # something is in front of it
    waits: int = 0  # how often something may have been it that was half behind another face
    replaced: bool = False  # somebody else is in its place, or may be: the film was cut
    partial: bool = False  # so far no more of it was seen than a part, at an edge or behind another
    _boxed: tuple[Floats, Floats] | None = field(default=None, init=False)  # landmarks, their box

    def __post_init__(self) -> None:
        self.settled_s = self.time_s

    @property
    def box(self) -> Floats:
        """Where it was seen last, (4,) float32; asked for many times a frame."""
        if self._boxed is None or self._boxed[0] is not self.landmarks:
            self._boxed = self.landmarks, box_of(self.landmarks)
        return self._boxed[1]

    def likeness(self, look: Appearance) -> float:
        """Say how alike `look` is to the most similar of the looks remembered."""
        remembered = [self.look, *(old for _, old in self.looks)]
        if self.before is not None:
            remembered.append(self.before)
        return max(likeness(known, look) for known in remembered)

    def is_other(self, look: Appearance, time_s: float, *, cut: bool) -> bool:
        """Say whether somebody else is all at once where this face was followed to."""
        limit = STEADY if cut else OTHER
        if not cut and time_s - self.time_s <= QUICK_S:
            limit = min(STEADY, self.steady - SUDDEN)
        if likeness(self.look, look) >= limit:
            return False
        return self.before is None or likeness(self.before, look) < limit

    def has_faded(self, look: Appearance, time_s: float) -> bool:
        """Say whether it became somebody else little by little."""
        past = self._past(time_s)
        return bool(past) and all(likeness(old, look) < FADED for _, old in past)

    def is_rather(self, others: Sequence[Appearance], look: Appearance) -> bool:
        """Say whether this face is one of the others in the frame: two may have swapped places."""
        alike = likeness(self.look, look)
        return alike < STIRRED and any(
            likeness(self.look, other) > alike + RATHER for other in others
        )

    def begin_anew(self, look: Appearance) -> None:
        """Look like this: the crops before were cut wrong."""
        self.look, self.looks, self.before = look, [], None

    def rewind(self, time_s: float) -> None:
        """Forget what it looked like lately: that may have been the other one already."""
        self.looks, self.before = self._past(time_s), None
        if self.looks:
            self.look = self.looks[-1][1]

    def _past(self, time_s: float) -> list[tuple[float, Appearance]]:
        return [(when, old) for when, old in self.looks if time_s - when >= FADED_S]

    def expected_centre(self, time_s: float) -> Floats:
        """Say where the middle of its box is, if it went on as it did."""
        return centre(self.box) + self.velocity * np.float32(time_s - self.time_s)

    def expected_landmarks(self, time_s: float) -> Floats:
        """Give the landmarks there, moved by half a side at most."""
        step = self.expected_centre(time_s) - centre(self.box)
        reach = 0.5 * float(np.sqrt(area(self.box)))
        return np.asarray(self.landmarks + np.clip(step, -reach, reach), np.float32)

    def sides_away(self, box: Floats, time_s: float) -> float:
        """Sides of a box from its centre to where this face was expected; inf at another size."""
        side = float(np.sqrt(area(box)))
        alike = 0.6 < np.sqrt(area(self.box)) / side < 1.7
        return self.surprise(box, time_s) / side if alike else math.inf

    def surprise(self, box: Floats, time_s: float) -> float:
        """Pixels between a box's centre and where this face was expected."""
        return float(np.linalg.norm(self.expected_centre(time_s) - centre(box)))

    def move(self, sighting: Sighting, box: Floats, look: Appearance, time_s: float) -> None:
        """Be where the sighting saw it, with its box, and remember what it looks like."""
        if time_s > self.time_s:
            self.steady += 0.3 * (min(likeness(self.look, look), 1.0) - self.steady)
            self.before = self.look
        self.look = look
        last_s = self.looks[-1][0] if self.looks else self.settled_s
        if time_s - last_s >= LOOK_EVERY_S:  # not at first: it may still be appearing
            self.looks = [*self.looks[1 - LOOKS_KEPT :], (time_s, look)]
        elapsed_s = time_s - self.time_s
        if elapsed_s > 0:
            step = centre(box) - centre(self.box)
            mean = 0.5 * self.velocity + 0.5 * step / np.float32(elapsed_s)
            self.velocity = mean.astype(np.float32)
        self.landmarks, self.score, self.time_s = sighting.landmarks, sighting.presence, time_s
        self._boxed = self.landmarks, box


Detect = Callable[[], Sequence[Detection]]
Locate = Callable[[Sequence[Floats]], list[Sighting]]
Describe = Callable[[Sighting, Floats], Appearance]


def describe_crop(sighting: Sighting, box: Floats) -> Appearance:
    """Describe a face by its crop alone."""
    return appearance_of(sighting.face.crop)


class View:
    """What a frame shows: sightings of the followed faces first, in order, then of others."""

    def __init__(
        self,
        time_s: float,
        frame_size: tuple[int, int],
        detect: Detect,
        describe: Describe,
        *,
        cut: bool,
    ) -> None:
        self.time_s, self.frame_size, self.cut = time_s, frame_size, cut
        self.detect, self._describe = cache(detect), describe
        self.sightings: list[Sighting] = []
        self.looks: list[Appearance] = []
        self._boxes: list[Floats] = []

    def add(self, sightings: Sequence[Sighting]) -> None:
        """Take sightings of further faces."""
        self.sightings += sightings
        boxes = [box_of(sighting.landmarks) for sighting in sightings]
        self._boxes += boxes
        self.looks += map(self._describe, sightings, boxes)

    def correct(self, index: int, sighting: Sighting) -> None:
        """Put another sighting in the place of one."""
        self.sightings[index] = sighting
        self._boxes[index] = box = box_of(sighting.landmarks)
        self.looks[index] = self._describe(sighting, box)

    def box(self, index: int) -> Floats:
        """Give the box of a sighting."""
        return self._boxes[index]

    def inside(self, index: int) -> float:
        """Share of a face's box that lies in the frame."""
        box = self.box(index)
        shown = np.clip(box, 0, np.array([*self.frame_size, *self.frame_size], np.float32))
        return area(shown) / area(box) if area(box) > 0 else 0.0

    def at_edge(self, index: int) -> bool:
        """Say whether the frame may cut a face off: of a half, all landmarks lie in the frame."""
        box, (width, height) = self.box(index), self.frame_size
        reach = EDGE * math.sqrt(area(box))
        low, high = box[:2] - reach, box[2:] + reach
        return bool(low.min() < 0 or high[0] > width or high[1] > height)

    def is_face(self, index: int) -> bool:
        """Say whether the detector sees a face too: the landmark network follows anything."""
        box = self.box(index)
        return any(overlap(box, found.box) >= SEEN_TOO for found in self.detect())


def centre(box: Floats) -> Floats:
    """Give the middle of a box."""
    return np.asarray((box[:2] + box[2:]) / 2, np.float32)


def area(box: Floats) -> float:
    """Give the area of a box."""
    return float(max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]))


def overlap(a: Floats, b: Floats) -> float:
    """Intersection over the smaller area: a box inside another counts as the same face."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = area(np.concatenate([low, high]).astype(np.float32))
    return shared / max(min(area(a), area(b)), 1e-6)


def beside(box: Floats, others: Sequence[Floats]) -> bool:
    """Say whether one of the others is so near that it may cover a part of the head."""
    reach = BESIDE * math.sqrt(area(box)) * np.array([-1, -1, 1, 1], np.float32)
    return any(overlap(box + reach, other) > 0 for other in others)
