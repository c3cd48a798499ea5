"""Which faces are in a frame, and where: detection, following, alignment, landmarks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np

from engine.faces.alignment import align, invert, similarity, template
from engine.faces.appearance import Appearance, appearance_of, clothes_of
from engine.faces.detection import Detector
from engine.faces.landmarker import Landmarker
from engine.faces.landmarks import five_points
from engine.faces.scene import SceneCut
from engine.faces.tracker_config import TrackerConfig
from engine.faces.tracking import Tracker
from engine.faces.turning import UPRIGHT, Turns, Way, is_surely, seen_turned, without
from engine.types import Detection, Face, Floats, Found, Frame, Picture, Sighting

# A crop whose new landmarks ask for more than this is cut again before it is believed.
REALIGN_DEG: Final = 8.0
REALIGN_ZOOM: Final = 1.12
REALIGN_SHIFT: Final = 0.06  # of the crop's side
APART_PX: Final = 0.01  # of the five points of a detection, at the least


@dataclass(slots=True)
class _Clock:
    """Adds up the milliseconds of each stage of one frame."""

    since_s: float
    times_ms: dict[str, float] = field(default_factory=dict)

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.times_ms[stage] = self.times_ms.get(stage, 0.0) + 1000 * (now - self.since_s)
        self.since_s = now


class Finder:
    """Finds the faces of a video and follows them. Belongs to the thread that made it."""

    def __init__(
        self,
        detector: Detector,
        landmarker: Landmarker,
        config: TrackerConfig,
        *,
        upright: bool = True,
    ) -> None:
        """Take the networks over.

        Args:
            detector: Finds upright faces.
            landmarker: Sees them.
            config: How they are followed.
            upright: Look at the frame turned and stretched too where nothing is found.
        """
        self._detector = detector
        self._landmarker = landmarker
        self._template = template(landmarker.size, landmarker.margin)
        self._scene = SceneCut()
        self._tracker = Tracker(config)
        self._turns = Turns() if upright else None
        self._last_s = 0.0

    def close(self) -> None:
        """Free the networks."""
        try:
            self._detector.close()
        finally:
            self._landmarker.close()

    def find(self, frame: Frame) -> Found:
        """Find or follow the faces of the next frame; in a picture of its own, find them.

        Raises:
            ModelError: Inference failed.
        """
        clock = _Clock(time.perf_counter())
        picture, time_s, size = frame.picture, frame.time_s, frame.size
        moved_back, self._last_s = time_s < self._last_s, time_s
        cut = frame.file is None and self._scene.cut(picture)
        if frame.file is not None:
            self._tracker.begin_anew()
        elif moved_back:
            self._tracker.reset()
        ways = self._turns.begin(frame) if self._turns else ()
        seen: list[Detection] = []  # the whole frame's, where it was looked at

        def detect() -> tuple[Detection, ...]:
            seen[:] = self._detect(picture, (UPRIGHT, *ways), clock)
            return tuple(seen)

        follow = partial(
            self._tracker.follow,
            time_s,
            size,
            locate=lambda points: self._locate(picture, points, clock),
            describe=partial(describe, picture),
        )
        followed = follow(
            detect=detect,
            glance=lambda: self._glance(picture, (UPRIGHT, *ways), clock),
            cut=cut,
        )
        others = self._turns.others(frame) if self._turns and not followed else ()
        if others:
            followed = follow(detect=lambda: self._surely_turned(picture, others, seen, clock))
        if self._turns:
            self._turns.note(time_s, [track.landmarks for track, _ in followed])
        clock.lap("track")
        tracks = tuple(track for track, _ in followed)
        sightings = tuple(sighting for _, sighting in followed)
        return Found(frame, tracks, sightings, clock.times_ms, self._tracker.left_out)

    def _detect(
        self, picture: Picture, ways: Sequence[Way], clock: _Clock
    ) -> tuple[Detection, ...]:
        detections = seen_turned(self._detector.detect, picture, ways)
        clock.lap("detect")
        # Points that coincide have no turn: whatever a detector saw there, it is no face.
        return tuple(one for one in detections if np.ptp(one.points, axis=0).max() > APART_PX)

    def _surely_turned(
        self, picture: Picture, ways: Sequence[Way], seen: Sequence[Detection], clock: _Clock
    ) -> tuple[Detection, ...]:
        """Look at the frame turned, where nobody expects a face; keep what surely is one.

        Args:
            picture: Of the frame.
            ways: To turn it.
            seen: What was found in it as it is, and was no face for the landmark network.
            clock: Of the frame.
        """
        detections = without(self._detect(picture, ways, clock), seen)
        sightings = self._locate(picture, [found.points for found in detections], clock)
        return tuple(
            found
            for found, sighting in zip(detections, sightings, strict=True)
            if is_surely(found, sighting.presence)
        )

    def _glance(
        self, picture: Picture, ways: Sequence[Way], clock: _Clock
    ) -> tuple[Detection, ...]:
        detections = seen_turned(self._detector.glance, picture, ways)
        clock.lap("glance")
        return detections

    def _locate(self, picture: Picture, points: Sequence[Floats], clock: _Clock) -> list[Sighting]:
        """See every face; cut those again whose crop turned out to be off."""
        if not points:
            return []
        faces = [self._align(picture, five) for five in points]
        clock.lap("align")
        sightings = self._landmarker.locate(faces)
        clock.lap("landmarks")
        off = [
            index
            for index, (face, sighting) in enumerate(zip(faces, sightings, strict=True))
            if self._is_off(face, sighting)
        ]
        if off:
            again = [self._align(picture, five_points(sightings[index].landmarks)) for index in off]
            clock.lap("align")
            for index, sighting in zip(off, self._landmarker.locate(again), strict=True):
                sightings[index] = sighting
            clock.lap("landmarks")
        return sightings

    def _align(self, picture: Picture, five: Floats) -> Face:
        return align(picture, five, self._landmarker.size, self._landmarker.margin)

    def _is_off(self, face: Face, sighting: Sighting) -> bool:
        wanted = similarity(five_points(sighting.landmarks), self._template)
        back = invert(face.matrix)
        linear = wanted[:, :2] @ back[:, :2]
        centre = np.full(2, (self._landmarker.size - 1) / 2, np.float32)
        moved = linear @ centre + wanted[:, :2] @ back[:, 2] + wanted[:, 2]
        turn = np.degrees(np.arctan2(linear[1, 0], linear[0, 0]))
        zoom = float(np.hypot(linear[0, 0], linear[1, 0]))
        shift = float(np.abs(moved - centre).max()) / self._landmarker.size
        return bool(
            abs(turn) > REALIGN_DEG
            or not 1 / REALIGN_ZOOM < zoom < REALIGN_ZOOM
            or shift > REALIGN_SHIFT
        )


def describe(picture: Picture, sighting: Sighting, box: Floats) -> Appearance:
    """Say what somebody looks like: the head in the crop, and the clothes below it."""
    return appearance_of(sighting.face.crop, clothes_of(picture, box))
