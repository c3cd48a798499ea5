"""Faces that keep their identity: followed by landmarks, told apart when they cross."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.config import NonNegative, Positive, Share, checked
from engine.faces.landmarks import box_of, five_points
from engine.types import Detection, Floats, Sighting, Track

COVER: Final = 0.1  # overlap with a nearer face from which a lost one may be behind it


@checked("tracker")
class TrackerConfig:
    """When a face is found, kept and given up.

    Attributes:
        detect_every: Frames between detector passes while faces are followed.
        max_faces: Most faces followed at once.
        presence_start: Presence a new face needs.
        presence_keep: Presence below which a followed face is lost.
        inside_start: Fraction of a new face's box that must lie inside the frame.
        inside_keep: The same for a followed face.
        same_iou: Overlap above which two tracks are the same face.
        hidden_s: How long a face covered by another keeps its id.
    """

    detect_every: Positive = 10
    max_faces: Positive = 8
    presence_start: Share = 0.5
    presence_keep: Share = 0.3
    inside_start: Share = 0.6
    inside_keep: Share = 0.4
    same_iou: Share = 0.45
    hidden_s: NonNegative = 1.0


@dataclass(slots=True, eq=False)
class _Followed:
    """A face being followed, or hidden by another since `hidden_since_s`."""

    id: int
    landmarks: Floats
    score: float
    time_s: float
    velocity: Floats  # of the box's centre, pixels per second
    hidden_since_s: float = 0.0

    def expected_centre(self, time_s: float) -> Floats:
        return _centre(box_of(self.landmarks)) + self.velocity * np.float32(time_s - self.time_s)

    def expected_landmarks(self, time_s: float) -> Floats:
        step = self.expected_centre(time_s) - _centre(box_of(self.landmarks))
        reach = 0.5 * float(np.sqrt(_area(box_of(self.landmarks))))
        return np.asarray(self.landmarks + np.clip(step, -reach, reach), np.float32)

    def surprise(self, box: Floats, time_s: float) -> float:
        """Pixels between a box's centre and where this face was expected."""
        return float(np.linalg.norm(self.expected_centre(time_s) - _centre(box)))


Detect = Callable[[], Sequence[Detection]]
Locate = Callable[[Sequence[Floats]], list[Sighting]]


class Tracker:
    """Keeps ids over frames; decides when to detect. Knows no network and no pixels.

    Attributes:
        left_out: Faces that were detected in the last frame and are not followed, since
            `max_faces` are; 0 where nobody looked.
    """

    def __init__(self, config: TrackerConfig) -> None:
        self.config = config
        self.left_out = 0
        self._next_id = 1
        self._seen: list[_Followed] = []
        self._hidden: list[_Followed] = []
        self._since_detection = 0

    def follow(
        self, time_s: float, frame_size: tuple[int, int], *, detect: Detect, locate: Locate
    ) -> list[tuple[Track, Sighting]]:
        """Follow the faces into the next frame, and take up new ones.

        Args:
            time_s: Time of the frame.
            frame_size: Width and height, pixels.
            detect: Looks for faces in the whole frame; called at most once, where it is time for
                it or a followed face is missing.
            locate: Looks at the faces whose five points, (5, 2) each, are given; a sighting for
                each, in the same order.

        Returns:
            The faces present, ordered by id, each with its sighting.
        """
        self.left_out = 0
        detections: Sequence[Detection] | None = None
        new: list[Floats] = []
        if self._detection_due():
            detections = detect()
            new = [detection.points for detection in self._new_faces(detections)]
        known = [five_points(face.expected_landmarks(time_s)) for face in self._seen]
        sightings = locate(known + new)
        missing = self._missing(sightings, frame_size)
        if missing:
            found = self._recovered(missing, detect() if detections is None else detections, time_s)
            again = locate([detection.points for detection in found.values()])
            for index, sighting in zip(found, again, strict=True):
                sightings[index] = sighting
        return self._update(time_s, frame_size, sightings)

    def _detection_due(self) -> bool:
        """Say whether this frame needs a detector pass, and count the frame."""
        self._since_detection += 1
        pause = self.config.detect_every
        if self._hidden:  # a covered face must be found soon after it shows again
            pause = min(pause, 3)
        if self._seen and self._since_detection < pause:
            return False
        self._since_detection = 0
        return True

    def reset(self) -> None:
        """Give up every face: what comes next is another scene."""
        self._seen, self._hidden = [], []

    def begin_anew(self) -> None:
        """Forget all that was seen: what comes next has nothing to do with it, ids neither."""
        self.reset()
        self._next_id = 1

    def _missing(self, sightings: Sequence[Sighting], frame_size: tuple[int, int]) -> list[int]:
        """List the followed faces that are not where they were expected, as sighting indices."""
        return [
            index
            for index in range(len(self._seen))
            if not self._holds(sightings[index], frame_size, starting=False)
        ]

    def _recovered(
        self, missing: Sequence[int], detections: Sequence[Detection], time_s: float
    ) -> dict[int, Detection]:
        """Find the detections that are missing faces which moved further than expected.

        Returns:
            Detection by index of `missing`; a face that really left has none.
        """
        free = [
            detection
            for detection in detections
            if all(
                index in missing or _overlap(detection.box, box_of(face.landmarks)) < 0.5
                for index, face in enumerate(self._seen)
            )
        ]
        found: dict[int, Detection] = {}
        for index in missing:
            face = self._seen[index]
            side = float(np.sqrt(_area(box_of(face.landmarks))))
            near = [
                detection
                for detection in free
                if face.surprise(detection.box, time_s) < 0.75 * side
                and 0.6 * side < np.sqrt(_area(detection.box)) < 1.7 * side
            ]
            if near:
                found[index] = min(near, key=lambda d: face.surprise(d.box, time_s))
                free = [detection for detection in free if detection is not found[index]]
        return found

    def _new_faces(self, detections: Sequence[Detection]) -> list[Detection]:
        """Pick the detections that no track follows, best first, within `max_faces`."""
        boxes = [box_of(face.landmarks) for face in self._seen]
        room = self.config.max_faces - len(self._seen)
        fresh = [
            detection
            for detection in sorted(detections, key=lambda d: -_area(d.box) * d.score)
            if all(_overlap(detection.box, box) < 0.5 for box in boxes)
        ]
        self.left_out = max(0, len(fresh) - max(0, room))
        return fresh[: max(0, room)]

    def _update(
        self, time_s: float, frame_size: tuple[int, int], sightings: Sequence[Sighting]
    ) -> list[tuple[Track, Sighting]]:
        """Take the frame's sightings: followed faces first, in order, then new ones."""
        followed, count = self._seen, len(self._seen)
        self._hidden = [
            face for face in self._hidden if time_s - face.hidden_since_s <= self.config.hidden_s
        ]
        alive: list[tuple[_Followed, int]] = []
        lost: list[_Followed] = []
        for index, (face, sighting) in enumerate(zip(followed, sightings[:count], strict=True)):
            if self._holds(sighting, frame_size, starting=False):
                alive.append((face, index))
            else:
                lost.append(face)
        alive = self._settle(alive, sightings, time_s)
        self._hide_covered(lost, [box_of(sightings[index].landmarks) for _, index in alive], time_s)
        for face, index in alive:
            _move(face, sightings[index], time_s)
        for index in range(count, len(sightings)):
            sighting = sightings[index]
            taken = [box_of(face.landmarks) for face, _ in alive]
            box = box_of(sighting.landmarks)
            if self._holds(sighting, frame_size, starting=True) and all(
                _overlap(box, other) < self.config.same_iou for other in taken
            ):
                alive.append((self._identify(sighting, time_s), index))
        alive.sort(key=lambda pair: pair[0].id)
        self._seen = [face for face, _ in alive]
        return [
            (
                Track(face.id, box_of(face.landmarks), face.landmarks, face.score),
                sightings[index],
            )
            for face, index in alive
        ]

    def _holds(self, sighting: Sighting, frame_size: tuple[int, int], *, starting: bool) -> bool:
        config = self.config
        if sighting.presence < (config.presence_start if starting else config.presence_keep):
            return False
        inside_min = config.inside_start if starting else config.inside_keep
        box = box_of(sighting.landmarks)
        limit = np.array([*frame_size, *frame_size], np.float32)
        inside = np.clip(box, 0, limit)
        return _area(inside) >= inside_min * _area(box) > 0

    def _settle(
        self, alive: list[tuple[_Followed, int]], sightings: Sequence[Sighting], time_s: float
    ) -> list[tuple[_Followed, int]]:
        """Where two tracks slid onto one face, hide the one that was expected elsewhere."""
        boxes = {index: box_of(sightings[index].landmarks) for _, index in alive}
        kept: list[tuple[_Followed, int]] = []
        # Those that are where they were expected come first; the others have slid.
        for face, index in sorted(alive, key=lambda p: p[0].surprise(boxes[p[1]], time_s)):
            box = boxes[index]
            if any(_overlap(box, boxes[other]) >= self.config.same_iou for _, other in kept):
                self._hide(face, time_s)
            else:
                kept.append((self._rightful(face, box, time_s), index))
        return kept

    def _rightful(self, face: _Followed, box: Floats, time_s: float) -> _Followed:
        """Give the face that was expected at this box: `face`, or a hidden one it slid onto."""
        margin = 0.2 * float(np.sqrt(_area(box)))
        nearest = min(self._hidden, key=lambda h: h.surprise(box, time_s), default=face)
        if nearest.surprise(box, time_s) + margin >= face.surprise(box, time_s):
            return face
        self._hidden.remove(nearest)
        self._hide(face, time_s)
        return nearest

    def _hide_covered(
        self, lost: Sequence[_Followed], boxes: Sequence[Floats], time_s: float
    ) -> None:
        """Hide those of the lost faces that have gone behind one of these boxes."""
        for face in lost:
            expected = box_of(face.expected_landmarks(time_s))
            if any(_overlap(expected, box) >= COVER for box in boxes):
                self._hide(face, time_s)

    def _hide(self, face: _Followed, time_s: float) -> None:
        face.hidden_since_s = time_s
        self._hidden.append(face)

    def _identify(self, sighting: Sighting, time_s: float) -> _Followed:
        """Give a new face the id of the hidden one expected there, else a new id."""
        box = box_of(sighting.landmarks)
        reach = float(np.sqrt(_area(box)))
        nearest, distance = None, reach
        for face in self._hidden:
            gap = face.surprise(box, time_s)
            alike = 0.6 < np.sqrt(_area(box_of(face.landmarks)) / _area(box)) < 1.7
            if alike and gap < distance:
                nearest, distance = face, gap
        if nearest is not None:
            self._hidden.remove(nearest)
            _move(nearest, sighting, time_s)
            return nearest
        face = _Followed(
            self._next_id, sighting.landmarks, sighting.presence, time_s, np.zeros(2, np.float32)
        )
        self._next_id += 1
        return face


def _move(face: _Followed, sighting: Sighting, time_s: float) -> None:
    """Put a face where the sighting saw it, in place."""
    elapsed_s = time_s - face.time_s
    if elapsed_s > 0:
        step = _centre(box_of(sighting.landmarks)) - _centre(box_of(face.landmarks))
        face.velocity = (0.5 * face.velocity + 0.5 * step / np.float32(elapsed_s)).astype(
            np.float32
        )
    face.landmarks, face.score, face.time_s = sighting.landmarks, sighting.presence, time_s


def _centre(box: Floats) -> Floats:
    return np.asarray((box[:2] + box[2:]) / 2, np.float32)


def _area(box: Floats) -> float:
    return float(max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]))


def _overlap(a: Floats, b: Floats) -> float:
    """Intersection over the smaller area: a box inside another counts as the same face."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = _area(np.concatenate([low, high]).astype(np.float32))
    return shared / max(min(_area(a), _area(b)), 1e-6)
