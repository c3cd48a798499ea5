"""Snapshots that wait until it is known which faces are in them.

Where faces are blurred, a face that is found within the next second was most likely in the picture
already, and one that was lost a moment ago still is: the frames around a snapshot say so.
"""

import threading
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from app.session.annotated import VideoConfig
from app.session.naming import NAMELESS, NamedFaces
from engine.faces.blur import AHEAD_S, HOLD_S
from engine.types import Analysis

KEPT: Final = 240  # frames before a snapshot, at most: a second at any rate


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A picture to save.

    Attributes:
        target: The frame.
        look: How it looks.
        taken: When, for its name.
        around: The frames around it, in order, itself included; empty where faces stay bare.
        whole: Blur all of it: what came after it is not known.
        named: What the faces are called.
    """

    target: Analysis
    look: VideoConfig
    taken: datetime
    around: tuple[Analysis, ...] = ()
    whole: bool = False
    named: NamedFaces = NAMELESS


@dataclass(slots=True, eq=False)
class _Waiting:
    snapshot: Snapshot
    around: list[Analysis]
    over: bool = False  # enough was seen
    broken: bool = False  # the source went elsewhere


class Snapshots:
    """Keeps the last second of frames while faces are blurred; frames come from another thread."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._lock = threading.Lock()
        self._recent: deque[Analysis] = deque(maxlen=KEPT)
        self._waiting: list[_Waiting] = []

    @property
    def waiting(self) -> bool:
        """True while a snapshot waits for what follows it."""
        with self._lock:
            return bool(self._waiting)

    def add(self, analysis: Analysis, *, blur: bool) -> None:
        """Take the next frame; keeps it only where faces are blurred. Never waits."""
        with self._lock:
            now_s = analysis.frame.time_s
            if self._recent and not 0 <= now_s - self._recent[-1].frame.time_s <= HOLD_S:
                self._recent.clear()
                for each in self._waiting:
                    each.over = each.broken = True
            if blur:
                self._recent.append(analysis)
                while now_s - self._recent[0].frame.time_s > HOLD_S:
                    self._recent.popleft()
            else:
                self._recent.clear()
            for each in self._waiting:
                if not each.over:
                    each.around.append(analysis)
                    each.over = now_s - each.snapshot.target.frame.time_s >= AHEAD_S

    def take(
        self, target: Analysis, look: VideoConfig, now: datetime, named: NamedFaces = NAMELESS
    ) -> None:
        """Ask for a picture of the newest frame; `ready` gives it, maybe later."""
        with self._lock:
            made = _Waiting(
                Snapshot(target, look, now, named=named), list(self._recent), over=not look.blur
            )
            if look.blur and not any(frame is target for frame in made.around):
                made.around = [target]  # blurring began only now
            self._waiting.append(made)

    def ready(self, *, at_end: bool = False, leaving: bool = False) -> list[Snapshot]:
        """Give those that can be saved, once each.

        Args:
            at_end: The newest frame is the source's last: nothing follows.
            leaving: Nothing will follow, though the source goes on.
        """
        with self._lock:
            given = [each for each in self._waiting if each.over or at_end or leaving]
            self._waiting = [each for each in self._waiting if each not in given]
        made = []
        for each in given:
            asked = each.snapshot
            blur = asked.look.blur
            made.append(
                replace(
                    asked,
                    around=tuple(each.around) if blur else (),
                    whole=blur and (each.broken or not (each.over or at_end)),
                )
            )
        return made

    def forget(self) -> None:
        """Let go of the frames: another source follows."""
        with self._lock:
            self._recent.clear()
