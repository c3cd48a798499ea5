"""Causal smoothing of what each face shows."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from engine.types import Floats

# How much more probable another class than the shown one must be, in the odds' logarithm: always,
# and more so since it changed, as expressions last. Chosen on faces of FER+ validation that talk
# and change their expression once (docs/models/poster-rt.md).
MARGIN: Final = 0.7
MARGIN_AFTER_CHANGE: Final = 4.0
SETTLES_S: Final = 1.0  # after which that much more is 1/e of it
EDGE: Final = 1e-6  # seconds; times are rounded


@dataclass(slots=True)
class _State:
    """What one face showed.

    Attributes:
        past: Times and values that are averaged, the newest last.
        shown: The class.
        changed_s: Since when.
    """

    past: deque[tuple[float, Floats]] = field(default_factory=deque)
    shown: int = -1
    changed_s: float = -np.inf


class Smoother:
    """Averages probabilities, valence and arousal over a while, one state per track.

    The mean is over time and not a number of frames. Mouths that open three to six times a second
    average out, and the label stays until another is clearly more probable; the probabilities are
    what they are.
    """

    def __init__(self, window_s: float) -> None:
        """Take the seconds that are averaged; 0 turns smoothing off."""
        self._window_s = window_s
        self._states: dict[int, _State] = {}

    def smooth(
        self, track_id: int, time_s: float, probabilities: Floats, affect: Floats
    ) -> tuple[Floats, Floats, int | None]:
        """Blend a reading into the track's state.

        Args:
            track_id: Whose.
            time_s: When.
            probabilities: (C,) calibrated.
            affect: (A,) valence and arousal, or whatever else is averaged.

        Returns:
            The probabilities (C,) and the rest (A,), float32, and the index of the label; None is
            the most probable class.
        """
        if self._window_s <= 0:
            return probabilities, affect, None
        state = self._states.setdefault(track_id, _State())
        values = np.concatenate([probabilities, affect])
        while state.past and state.past[-1][0] > time_s:  # the clock went back
            state.past.pop()
        state.past.append((time_s, values))
        while state.past[0][0] <= time_s - self._window_s + EDGE:
            state.past.popleft()
        mean = np.asarray(np.mean([one for _, one in state.past], axis=0), np.float32)
        count = len(probabilities)
        label = _settled(state, time_s, mean[:count]) if count else None
        return mean[:count], mean[count:], label

    def keep(self, track_ids: set[int]) -> None:
        """Forget every track that is not among these."""
        for lost in self._states.keys() - track_ids:
            del self._states[lost]


def _settled(state: _State, time_s: float, mean: Floats) -> int:
    """Choose the class that is shown, in the state too."""
    top, shown = int(mean.argmax()), state.shown
    since_s = max(0.0, time_s - state.changed_s)
    margin = MARGIN + MARGIN_AFTER_CHANGE * np.exp(-since_s / SETTLES_S)
    if shown < 0 or mean[top] > mean[shown] * np.exp(margin):
        if shown >= 0:
            state.changed_s = time_s
        state.shown = top
    return state.shown
