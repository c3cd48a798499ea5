"""Faces that keep their identity: followed by landmarks, told apart by place and by looks."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np

from engine.config import NonNegative, Positive, Share, checked
from engine.faces.appearance import FADED, OTHER, SAME, Appearance, appearance_of, likeness
from engine.faces.landmarks import box_of, five_points
from engine.faces.schedule import GLANCED, Schedule
from engine.types import Detection, Floats, Sighting, Track

COVER: Final = 0.1  # overlap with a nearer face from which a lost one may be behind it
BRIEF_S: Final = 0.2  # so shortly after it was lost, a face's place counts for more than its looks
WAITS: Final = 4  # looks of the detector
# Likeness of a face that comes out from behind another, half of which may be in its crop.
EMERGING: Final = 0.3
SPEED: Final = 3.0  # sides of its box that a lost face may move in a second
# A face is compared with what it was a moment ago and with what it was some time before, so that
# one who fades into another is noticed.
LOOK_EVERY_S: Final = 0.25
FADED_S: Final = 1.2
LOOKS_KEPT: Final = 7
SEEN_TOO: Final = 0.45  # overlap with a box of the detector
WHOLE: Final = 0.9  # share of a face's box inside the frame from which its looks can be judged


@checked("tracker")
class TrackerConfig:
    """When a face is found, kept and given up.

    Attributes:
        detect_every: Frames between whole looks of the detector while faces are followed; fewer in
            a slow film, see `engine.faces.schedule`.
        max_faces: Most faces followed at once.
        presence_start: Presence a new face needs.
        presence_keep: Presence below which a followed face is lost.
        inside_start: Fraction of a new face's box that must lie inside the frame.
        inside_keep: The same for a followed face.
        same_iou: Overlap above which two tracks are the same face.
        hidden_s: How long a face that is covered, turned away or not seen keeps its id.
        relink: Give a face that comes back the id of the one it looks like, whenever and wherever.
    """

    detect_every: Positive = 10
    max_faces: Positive = 8
    presence_start: Share = 0.5
    presence_keep: Share = 0.3
    inside_start: Share = 0.6
    inside_keep: Share = 0.4
    same_iou: Share = 0.45
    hidden_s: NonNegative = 3.0
    relink: bool = False


@dataclass(slots=True, eq=False)
class _Followed:
    """A face being followed, or lost since `hidden_since_s`."""

    id: int
    landmarks: Floats
    score: float
    time_s: float
    velocity: Floats  # of the box's centre, pixels per second
    look: Appearance
    since_s: float  # when it got its id
    looks: list[tuple[float, Appearance]] = field(default_factory=list)  # now and then, with times
    hidden_since_s: float = 0.0
    covered: bool = False  # something is in front of it
    waits: int = 0  # how often something may have been it that was half behind another face
    replaced: bool = False  # somebody else is in its place, or may be: the film was cut

    def likeness(self, look: Appearance) -> float:
        """Say how alike `look` is to the most similar of the looks remembered."""
        return max(likeness(known, look) for known in (self.look, *(old for _, old in self.looks)))

    def is_other(self, look: Appearance, time_s: float, *, cut: bool) -> bool:
        """Say whether somebody else is where this face was followed to."""
        if likeness(self.look, look) < (SAME if cut else OTHER):
            return True
        past = self._past(time_s)
        return bool(past) and all(likeness(old, look) < FADED for _, old in past)

    def rewind(self, time_s: float) -> None:
        """Forget what it looked like lately: that may have been the other one already."""
        self.looks = self._past(time_s)
        if self.looks:
            self.look = self.looks[-1][1]

    def _past(self, time_s: float) -> list[tuple[float, Appearance]]:
        return [(when, old) for when, old in self.looks if time_s - when >= FADED_S]

    def expected_centre(self, time_s: float) -> Floats:
        return _centre(box_of(self.landmarks)) + self.velocity * np.float32(time_s - self.time_s)

    def expected_landmarks(self, time_s: float) -> Floats:
        step = self.expected_centre(time_s) - _centre(box_of(self.landmarks))
        reach = 0.5 * float(np.sqrt(_area(box_of(self.landmarks))))
        return np.asarray(self.landmarks + np.clip(step, -reach, reach), np.float32)

    def sides_away(self, box: Floats, time_s: float) -> float:
        """Sides of a box from its centre to where this face was expected; inf at another size."""
        side = float(np.sqrt(_area(box)))
        alike = 0.6 < np.sqrt(_area(box_of(self.landmarks))) / side < 1.7
        return self.surprise(box, time_s) / side if alike else math.inf

    def surprise(self, box: Floats, time_s: float) -> float:
        """Pixels between a box's centre and where this face was expected."""
        return float(np.linalg.norm(self.expected_centre(time_s) - _centre(box)))


Detect = Callable[[], Sequence[Detection]]
Locate = Callable[[Sequence[Floats]], list[Sighting]]


class _View:
    """What a frame shows: sightings of the followed faces first, in order, then of others."""

    def __init__(
        self, time_s: float, frame_size: tuple[int, int], detect: Detect, *, cut: bool
    ) -> None:
        self.time_s, self.frame_size, self.cut = time_s, frame_size, cut
        self.detect = cache(detect)
        self.sightings: list[Sighting] = []
        self.looks: list[Appearance] = []

    def add(self, sightings: Sequence[Sighting]) -> None:
        self.sightings += sightings
        self.looks += [appearance_of(sighting.face.crop) for sighting in sightings]

    def correct(self, index: int, sighting: Sighting) -> None:
        self.sightings[index] = sighting
        self.looks[index] = appearance_of(sighting.face.crop)

    def box(self, index: int) -> Floats:
        return box_of(self.sightings[index].landmarks)

    def inside(self, index: int) -> float:
        """Share of a face's box that lies in the frame."""
        box = self.box(index)
        shown = np.clip(box, 0, np.array([*self.frame_size, *self.frame_size], np.float32))
        return _area(shown) / _area(box) if _area(box) > 0 else 0.0

    def is_face(self, index: int) -> bool:
        """Say whether the detector sees a face too: the landmark network follows anything."""
        box = self.box(index)
        return any(_overlap(box, found.box) >= SEEN_TOO for found in self.detect())


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
        self._schedule = Schedule(config.detect_every)

    def follow(
        self,
        time_s: float,
        frame_size: tuple[int, int],
        *,
        detect: Detect,
        locate: Locate,
        glance: Detect | None = None,
        cut: bool = False,
    ) -> list[tuple[Track, Sighting]]:
        """Follow the faces into the next frame, and take up new ones.

        Args:
            time_s: Time of the frame.
            frame_size: Width and height, pixels.
            detect: Looks for faces in the whole frame; called at most once, where it is time for
                it or a followed face is missing.
            locate: Looks at the faces whose five points, (5, 2) each, are given; a sighting for
                each, in the same order.
            glance: Looks for larger faces at less cost, between calls of `detect`.
            cut: The frame may begin another shot: a face goes on only where it looks the same.

        Returns:
            The faces present, ordered by id, each with its sighting.
        """
        self.left_out = 0
        view = _View(time_s, frame_size, detect, cut=cut)
        small_px = max(frame_size) * GLANCED if glance is not None else math.inf
        lost = any(np.ptp(face.landmarks[:, 0]) < small_px for face in self._hidden)
        look = self._schedule.due(time_s, following=bool(self._seen), lost=lost, cut=cut)
        due, new = look == "whole", list[Detection]()
        if due:
            new = self._new_faces(view.detect())
        elif look == "glance" and glance is not None:
            new = self._new_faces(glance())
        known = [five_points(face.expected_landmarks(time_s)) for face in self._seen]
        view.add(locate(known + [detection.points for detection in new]))
        missing = [
            index for index, face in enumerate(self._seen) if not self._is_there(face, index, view)
        ]
        if missing:
            found = self._recovered(missing, view.detect(), time_s)
            rest = [] if due else self._new_faces(view.detect(), besides=new)
            rest = [one for one in rest if all(one is not taken for taken in found.values())]
            again = locate([detection.points for detection in [*found.values(), *rest]])
            for index, sighting in zip(found, again, strict=False):
                view.correct(index, sighting)
            view.add(again[len(found) :])
            missing = [at for at in missing if not self._is_there(self._seen[at], at, view)]
        return self._update(view, missing)

    def reset(self) -> None:
        """Give up every face: what comes next is another scene."""
        self._seen, self._hidden = [], []

    def begin_anew(self) -> None:
        """Forget all that was seen: what comes next has nothing to do with it, ids neither."""
        self.reset()
        self._next_id = 1

    def _is_there(self, face: _Followed, index: int, view: _View) -> bool:
        """Say whether a followed face is where it was looked for."""
        return self._holds(view, index, starting=False) and not self._is_other(face, index, view)

    def _is_other(self, face: _Followed, index: int, view: _View) -> bool:
        """Say whether somebody else is there; at the frame's edge, half of a crop is black."""
        judged = view.cut or view.inside(index) >= WHOLE
        return judged and face.is_other(view.looks[index], view.time_s, cut=view.cut)

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

    def _new_faces(
        self, detections: Sequence[Detection], *, besides: Sequence[Detection] = ()
    ) -> list[Detection]:
        """Pick the detections that no track follows, best first, within `max_faces`.

        Args:
            detections: Of the frame.
            besides: Some that were picked already.
        """
        boxes = [box_of(face.landmarks) for face in self._seen] + [one.box for one in besides]
        room = self.config.max_faces - len(boxes)
        fresh = [
            detection
            for detection in sorted(detections, key=lambda d: -_area(d.box) * d.score)
            if all(_overlap(detection.box, box) < 0.5 for box in boxes)
        ]
        self.left_out = max(0, len(fresh) - max(0, room))
        return fresh[: max(0, room)]

    def _update(self, view: _View, missing: Sequence[int]) -> list[tuple[Track, Sighting]]:
        """Take what the frame shows; some of the followed faces are not where they were sought."""
        self._forget(view.time_s)
        alive: list[tuple[_Followed, int]] = []
        gone: list[_Followed] = []
        news = list(range(len(self._seen), len(view.sightings)))
        for index, face in enumerate(self._seen):
            if index not in missing:
                alive.append((face, index))
                continue
            held = self._holds(view, index, starting=False)
            face.replaced = view.cut or held
            if held:
                face.rewind(view.time_s)
                news += [index] * view.is_face(index)
            gone.append(face)
        alive = self._settle(alive, view)
        boxes = [view.box(index) for _, index in alive]
        for face in gone:
            self._hide(face, view.time_s, covered=self._is_covered(face, boxes, view.time_s))
        for face, index in alive:
            _move(face, view.sightings[index], view.looks[index], view.time_s)
        alive += self._identified(self._unfollowed(news, view, boxes), view)
        alive.sort(key=lambda pair: pair[0].id)
        self._seen = [face for face, _ in alive]
        return [
            (
                Track(face.id, box_of(face.landmarks), face.landmarks, face.score),
                view.sightings[index],
            )
            for face, index in alive
        ]

    def _forget(self, time_s: float) -> None:
        """Give up those who have been away for too long."""
        kept_s = math.inf if self.config.relink else self.config.hidden_s
        self._hidden = [face for face in self._hidden if time_s - face.hidden_since_s <= kept_s]

    def _unfollowed(self, news: Sequence[int], view: _View, taken: Sequence[Floats]) -> list[int]:
        """Pick the sightings that are faces which nobody follows yet, as indices."""
        boxes, fresh = list(taken), []
        for index in news:
            box = view.box(index)
            if self._holds(view, index, starting=True) and all(
                _overlap(box, other) < self.config.same_iou for other in boxes
            ):
                boxes.append(box)
                fresh.append(index)
        return fresh

    def _holds(self, view: _View, index: int, *, starting: bool) -> bool:
        config, presence = self.config, view.sightings[index].presence
        if presence < (config.presence_start if starting else config.presence_keep):
            return False
        inside_min = config.inside_start if starting else config.inside_keep
        return view.inside(index) >= max(inside_min, 1e-6)

    def _settle(
        self, alive: list[tuple[_Followed, int]], view: _View
    ) -> list[tuple[_Followed, int]]:
        """Where two tracks slid onto one face, hide the one that was expected elsewhere."""
        time_s, boxes = view.time_s, {index: view.box(index) for _, index in alive}
        kept: list[tuple[_Followed, int]] = []
        # Those that are where they were expected come first; the others have slid.
        for face, index in sorted(alive, key=lambda p: p[0].surprise(boxes[p[1]], time_s)):
            box = boxes[index]
            if any(_overlap(box, boxes[other]) >= self.config.same_iou for _, other in kept):
                self._hide(face, time_s, covered=True)
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
        self._hide(face, time_s, covered=True)
        return nearest

    def _is_covered(self, face: _Followed, boxes: Sequence[Floats], time_s: float) -> bool:
        """Say whether a lost face has gone behind one of these boxes."""
        expected = box_of(face.expected_landmarks(time_s))
        return any(_overlap(expected, box) >= COVER for box in boxes)

    def _hide(self, face: _Followed, time_s: float, *, covered: bool) -> None:
        face.hidden_since_s, face.covered, face.waits = time_s, covered, 0
        self._hidden.append(face)

    def _identified(self, fresh: Sequence[int], view: _View) -> list[tuple[_Followed, int]]:
        """Give new sightings the ids of lost faces that they are, most alike first, or new ids."""
        pairs = []
        for index in fresh:
            for face in self._hidden:
                alike = self._comes_back(face, view.box(index), view.looks[index], view.time_s)
                if alike is not None:
                    pairs.append((alike, -face.id, index, face))
        back: dict[int, _Followed] = {}
        for _, _, index, face in sorted(pairs, key=lambda pair: pair[:3], reverse=True):
            if index not in back and face in self._hidden:
                self._hidden.remove(face)
                back[index] = face
        result = []
        for index in fresh:
            sighting, look = view.sightings[index], view.looks[index]
            if index not in back and self._waits(view.box(index), look, view.time_s):
                continue
            face = back.get(index) or self._new(sighting, look, view.time_s)
            face.landmarks, face.velocity = sighting.landmarks, np.zeros(2, np.float32)
            _move(face, sighting, look, view.time_s)
            result.append((face, index))
        return result

    def _waits(self, box: Floats, look: Appearance, time_s: float) -> bool:
        """Say whether to wait until more of a face shows that may be one that was covered."""
        for face in self._hidden:
            near = face.sides_away(box, time_s) < 1 + SPEED * (time_s - face.time_s)
            if face.covered and near and face.waits < WAITS and face.likeness(look) >= EMERGING:
                face.waits += 1
                return True
        return False

    def _new(self, sighting: Sighting, look: Appearance, time_s: float) -> _Followed:
        number, self._next_id = self._next_id, self._next_id + 1
        still = np.zeros(2, np.float32)
        return _Followed(number, sighting.landmarks, sighting.presence, time_s, still, look, time_s)

    def _comes_back(
        self, face: _Followed, box: Floats, look: Appearance, time_s: float
    ) -> float | None:
        """Say how surely a sighting is a lost face; None where it is more likely another one."""
        alike = face.likeness(look)
        just_now = face.replaced and face.hidden_since_s == time_s
        if alike >= SAME and (just_now or self.config.relink):
            return alike
        away = face.sides_away(box, time_s)
        if away >= 1 + SPEED * (time_s - face.time_s):
            return None
        if alike >= SAME:
            return alike
        if face.replaced:
            return None
        if face.covered:
            return alike if alike >= EMERGING and away < 0.6 else None
        brief = time_s - face.hidden_since_s <= BRIEF_S
        return alike if alike >= OTHER and brief and away < 1 else None


def _move(face: _Followed, sighting: Sighting, look: Appearance, time_s: float) -> None:
    """Put a face where the sighting saw it, and remember what it looks like, in place."""
    face.look = look
    last_s = face.looks[-1][0] if face.looks else face.since_s
    if time_s - last_s >= LOOK_EVERY_S:  # not at first: it may still be appearing
        face.looks = [*face.looks[1 - LOOKS_KEPT :], (time_s, look)]
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
