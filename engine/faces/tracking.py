"""Faces that keep their identity: followed by landmarks, told apart by place and by looks."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from engine.faces.appearance import OTHER, SAME, Appearance
from engine.faces.followed import (
    STEADY,
    WHOLE,
    Describe,
    Detect,
    Followed,
    Locate,
    View,
    area,
    beside,
    describe_crop,
    overlap,
)
from engine.faces.landmarks import box_of, five_points
from engine.faces.schedule import GLANCED, Schedule
from engine.faces.tracker_config import TrackerConfig
from engine.types import Detection, Floats, Sighting, Track

COVER: Final = 0.1  # overlap with a nearer face from which a lost one may be behind it
BRIEF_S: Final = 0.2  # so shortly after it was lost, a face's place counts for more than its looks
WAITS: Final = 6  # looks of the detector
# Likeness of a face that comes out from behind another, half of which may be in its crop.
EMERGING: Final = 0.3
FADES_S: Final = 0.5  # for so long somebody may still fade in, in the place of another
DOUBTED: Final = 0.9  # presence below which a face that is followed may have been cut wrong
YOUNG_S: Final = 0.5  # so long after it was new, a face may be known by a part of it only
SPEED: Final = 3.0  # sides of its box that a lost face may move in a second


class Tracker:
    """Keeps ids over frames; decides when to detect. Knows no network and no pixels.

    Attributes:
        left_out: Faces that were detected in the last frame and are not followed, since
            `at_once` are; 0 where nobody looked.
    """

    def __init__(self, config: TrackerConfig) -> None:
        self.config = config
        self.left_out = 0
        self._next_id = 1
        self._seen: list[Followed] = []
        self._hidden: list[Followed] = []
        self._schedule = Schedule(config.detect_every)

    def follow(
        self,
        time_s: float,
        frame_size: tuple[int, int],
        *,
        detect: Detect,
        locate: Locate,
        describe: Describe = describe_crop,
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
            describe: Says what the face of a sighting, with its box, looks like.
            glance: Looks for larger faces at less cost, between calls of `detect`.
            cut: The frame may begin another shot: a face goes on only where it looks the same.

        Returns:
            The faces present, ordered by id, each with its sighting.
        """
        self.left_out = 0
        view = View(time_s, frame_size, detect, describe, cut=cut)
        small_px = max(frame_size) * GLANCED if glance is not None else math.inf
        lost = any(np.ptp(face.landmarks[:, 0]) < small_px for face in self._hidden)
        look = self._schedule.due(time_s, following=bool(self._seen), lost=lost, cut=cut)
        due, shown = look == "whole", tuple[Detection, ...]()
        if due:
            shown = tuple(view.detect())
        elif look == "glance" and glance is not None:
            shown = tuple(glance())
        new = self._new_faces(shown)
        known = [five_points(face.expected_landmarks(time_s)) for face in self._seen]
        view.add(locate(known + [detection.points for detection in new]))
        self._look_again(view, shown, locate)
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
        """Give up every face: what comes next is another scene, though of the same people."""
        for face in self._seen:
            self._hide(face, face.time_s, covered=False)
            face.replaced = True
        self._seen = []
        if not self.config.remembers:
            self._hidden = []

    def begin_anew(self) -> None:
        """Forget all that was seen: what comes next has nothing to do with it, ids neither."""
        self._seen, self._hidden = [], []
        self._next_id = 1

    def _is_there(self, face: Followed, index: int, view: View) -> bool:
        """Say whether a followed face is where it was looked for."""
        return self._holds(view, index, starting=False) and not self._is_other(face, index, view)

    def _is_other(self, face: Followed, index: int, view: View) -> bool:
        """Say whether somebody else is there; at the frame's edge, half of a crop is black."""
        judged = view.cut or view.inside(index) >= WHOLE
        if not judged or self.config.faces == 1:
            return False
        look, others = view.looks[index], [at for at in range(len(self._seen)) if at != index]
        if face.is_other(look, view.time_s, cut=view.cut):
            return True
        if face.is_rather([view.looks[at] for at in others], look):
            return True
        return face.has_faded(look, view.time_s) and not beside(  # it may be going behind another
            view.box(index), [view.box(at) for at in others]
        )

    def _look_again(self, view: View, shown: Sequence[Detection], locate: Locate) -> None:
        """See faces that hardly look like one where the detector has them, and take what is more.

        Landmarks that were wrong once, of half a face at the edge say, cut the next crop wrong too.
        """
        keep, doubted = self.config.presence_keep, dict[int, Detection]()
        for detection in shown:
            index = self._owner(detection, view)
            if index is not None and keep <= view.sightings[index].presence < DOUBTED:
                doubted[index] = detection
        if not doubted:
            return
        again = locate([detection.points for detection in doubted.values()])
        for index, sighting in zip(doubted, again, strict=True):
            if sighting.presence > view.sightings[index].presence:
                view.correct(index, sighting)
                if self._seen[index].partial:
                    self._seen[index].begin_anew(view.looks[index])

    def _owner(self, detection: Detection, view: View) -> int | None:
        """Say which of the followed faces a detection is, by its box."""
        shares = [overlap(detection.box, view.box(index)) for index in range(len(self._seen))]
        best = max(range(len(shares)), key=shares.__getitem__, default=None)
        return best if best is not None and shares[best] >= 0.5 else None

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
                index in missing or overlap(detection.box, face.box) < 0.5
                for index, face in enumerate(self._seen)
            )
        ]
        found: dict[int, Detection] = {}
        for index in missing:
            face = self._seen[index]
            side = float(np.sqrt(area(face.box)))
            near = [
                detection
                for detection in free
                if face.surprise(detection.box, time_s) < 0.75 * side
                and 0.6 * side < np.sqrt(area(detection.box)) < 1.7 * side
            ]
            if near:
                found[index] = min(near, key=lambda d: face.surprise(d.box, time_s))
                free = [detection for detection in free if detection is not found[index]]
        return found

    def _new_faces(
        self, detections: Sequence[Detection], *, besides: Sequence[Detection] = ()
    ) -> list[Detection]:
        """Pick the detections that no track follows, best first, as many as may be followed.

        Args:
            detections: Of the frame.
            besides: Some that were picked already.
        """
        boxes = [face.box for face in self._seen] + [one.box for one in besides]
        room = self.config.at_once - len(boxes)
        fresh = [
            detection
            for detection in sorted(detections, key=lambda d: -area(d.box) * d.score)
            if all(overlap(detection.box, box) < 0.5 for box in boxes)
        ]
        self.left_out = max(0, len(fresh) - max(0, room))
        if self.config.faces is not None and room > 0:
            room = self.config.max_faces - len(boxes)  # who looks like one of them is chosen
        return fresh[: max(0, room)]

    def _update(self, view: View, missing: Sequence[int]) -> list[tuple[Track, Sighting]]:
        """Take what the frame shows; some of the followed faces are not where they were sought."""
        self._forget(view.time_s)
        alive: list[tuple[Followed, int]] = []
        gone: list[Followed] = []
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
            self._hide(face, view.time_s, covered=False)
        for face, index in alive:
            face.move(view.sightings[index], view.box(index), view.looks[index], view.time_s)
            face.partial &= view.time_s - face.settled_s < YOUNG_S
        alive += self._identified(self._unfollowed(news, view, boxes), view, boxes)
        boxes = [view.box(index) for _, index in alive]  # with those that were only just known
        for face in gone:
            face.covered = self._is_covered(face, boxes, view.time_s)
        alive.sort(key=lambda pair: pair[0].id)
        self._seen = [face for face, _ in alive]
        return [
            (
                Track(face.id, face.box, face.landmarks, face.score),
                view.sightings[index],
            )
            for face, index in alive
        ]

    def _forget(self, time_s: float) -> None:
        """Give up those who have been away for too long."""
        kept_s = math.inf if self.config.remembers else self.config.hidden_s
        self._hidden = [face for face in self._hidden if time_s - face.hidden_since_s <= kept_s]

    def _unfollowed(self, news: Sequence[int], view: View, taken: Sequence[Floats]) -> list[int]:
        """Pick the sightings that are faces which nobody follows yet, as indices."""
        boxes, fresh = list(taken), []
        for index in news:
            box = view.box(index)
            if self._holds(view, index, starting=True) and all(
                overlap(box, other) < self.config.same_iou for other in boxes
            ):
                boxes.append(box)
                fresh.append(index)
        return fresh

    def _holds(self, view: View, index: int, *, starting: bool) -> bool:
        config, presence = self.config, view.sightings[index].presence
        if presence < (config.presence_start if starting else config.presence_keep):
            return False
        inside_min = config.inside_start if starting else config.inside_keep
        return view.inside(index) >= max(inside_min, 1e-6)

    def _settle(self, alive: list[tuple[Followed, int]], view: View) -> list[tuple[Followed, int]]:
        """Where two tracks slid onto one face, hide the one that was expected elsewhere."""
        time_s, boxes = view.time_s, {index: view.box(index) for _, index in alive}
        kept: list[tuple[Followed, int]] = []
        # Those that are where they were expected come first; the others have slid.
        for face, index in sorted(alive, key=lambda p: p[0].surprise(boxes[p[1]], time_s)):
            box = boxes[index]
            if any(overlap(box, boxes[other]) >= self.config.same_iou for _, other in kept):
                self._hide(face, time_s, covered=True)
            else:
                kept.append((self._rightful(face, box, time_s), index))
        return kept

    def _rightful(self, face: Followed, box: Floats, time_s: float) -> Followed:
        """Give the face that was expected at this box: `face`, or a hidden one it slid onto."""
        margin = 0.2 * float(np.sqrt(area(box)))
        nearest = min(self._hidden, key=lambda h: h.surprise(box, time_s), default=face)
        if nearest.surprise(box, time_s) + margin >= face.surprise(box, time_s):
            return face
        self._hidden.remove(nearest)
        self._hide(face, time_s, covered=True)
        return nearest

    def _is_covered(self, face: Followed, boxes: Sequence[Floats], time_s: float) -> bool:
        """Say whether a lost face has gone behind one of these boxes."""
        expected = box_of(face.expected_landmarks(time_s))
        return any(overlap(expected, box) >= COVER for box in boxes)

    def _hide(self, face: Followed, time_s: float, *, covered: bool) -> None:
        face.hidden_since_s, face.covered, face.waits = time_s, covered, 0
        self._hidden.append(face)

    def _identified(
        self, fresh: Sequence[int], view: View, taken: Sequence[Floats]
    ) -> list[tuple[Followed, int]]:
        """Give new sightings the ids of lost faces that they are, or new ids."""
        back = self._returned(fresh, view)
        rest = [
            index for index in fresh if index not in back and not self._waits(index, view, taken)
        ]
        back |= self._likeliest(rest, view)
        result = []
        for index in fresh:
            sighting, look = view.sightings[index], view.looks[index]
            if index in back:
                face = back[index]
                if face.partial:
                    face.begin_anew(look)
            elif index in rest and self._ids_left() > 0:
                face = self._new(sighting, look, view.time_s)
                face.partial = view.at_edge(index) or beside(view.box(index), taken)
            else:
                continue
            face.landmarks, face.velocity = sighting.landmarks, np.zeros(2, np.float32)
            face.move(sighting, view.box(index), look, view.time_s)
            result.append((face, index))
        return result

    def _returned(self, fresh: Sequence[int], view: View) -> dict[int, Followed]:
        """Say which sightings are lost faces, the surest first."""
        pairs = []
        for index in fresh:
            for face in self._hidden:
                alike = self._comes_back(face, view.box(index), view.looks[index], view.time_s)
                if alike is not None:
                    pairs.append((alike, -face.id, index, face))
        return self._taken(pairs)

    def _likeliest(self, rest: Sequence[int], view: View) -> dict[int, Followed]:
        """Say which lost faces sightings are that nobody can be but one of these."""
        pairs = [
            (face.likeness(view.looks[index]), -face.id, index, face)
            for index in rest
            for face in self._hidden
        ]
        return self._taken(pairs, most=max(0.0, len(rest) - self._ids_left()))

    def _taken(
        self, pairs: Sequence[tuple[float, int, int, Followed]], *, most: float = math.inf
    ) -> dict[int, Followed]:
        """Pair sightings with lost faces, which are lost no longer, the most alike first."""
        back: dict[int, Followed] = {}
        for _, _, index, face in sorted(pairs, key=lambda pair: pair[:3], reverse=True):
            if len(back) < most and index not in back and face in self._hidden:
                self._hidden.remove(face)
                back[index] = face
        return back

    def _ids_left(self) -> float:
        """How many more people there may be."""
        return math.inf if self.config.faces is None else self.config.faces + 1 - self._next_id

    def _waits(self, index: int, view: View, taken: Sequence[Floats]) -> bool:
        """Say whether to wait until more of a face shows that may be one that was covered."""
        box, look, time_s = view.box(index), view.looks[index], view.time_s
        half = beside(box, taken)
        for face in self._hidden:
            near = face.sides_away(box, time_s) < 1 + SPEED * (time_s - face.time_s)
            known = half or face.likeness(look) >= EMERGING
            if face.covered and near and face.waits < WAITS and known:
                face.waits += 1
                return True
        return False

    def _new(self, sighting: Sighting, look: Appearance, time_s: float) -> Followed:
        number, self._next_id = self._next_id, self._next_id + 1
        face = Followed(number, sighting.landmarks, sighting.presence, time_s, look)
        box = face.box
        if any(
            other.replaced and other.hidden_since_s == time_s and other.sides_away(box, time_s) < 1
            for other in self._hidden
        ):
            face.settled_s += FADES_S
        return face

    def _comes_back(
        self, face: Followed, box: Floats, look: Appearance, time_s: float
    ) -> float | None:
        """Say how surely a sighting is a lost face; None where it is more likely another one."""
        alike, away = face.likeness(look), face.sides_away(box, time_s)
        near = away < 1 + SPEED * (time_s - face.time_s)
        if alike >= (STEADY if face.replaced else SAME):
            anywhere = self.config.remembers or (face.replaced and face.hidden_since_s == time_s)
            return alike if near or anywhere else None
        if face.partial and not face.replaced and time_s - face.hidden_since_s <= BRIEF_S:
            # What is known of its place, size and looks is that of a part.
            return alike if face.surprise(box, time_s) < math.sqrt(area(box)) else None
        if face.replaced or not near:
            return None
        if face.covered:
            return alike if alike >= EMERGING and away < 0.6 else None
        brief = time_s - face.hidden_since_s <= BRIEF_S
        return alike if alike >= OTHER and brief and away < 1 else None
