"""Causal smoothing of what each face shows."""

from dataclasses import dataclass

import numpy as np

from engine.types import Floats


@dataclass(slots=True)
class _State:
    time_s: float
    values: Floats


class Smoother:
    """Exponential smoothing of all that networks say, one state per track.

    The weight of the past depends on the time that passed, not on the frame count, so that
    30 and 60 frames a second, or a variable rate, give the same curve.
    """

    def __init__(self, time_constant_s: float) -> None:
        """Take the time after which the past weighs 1/e; 0 turns smoothing off."""
        self._time_constant_s = time_constant_s
        self._states: dict[int, _State] = {}

    def smooth(
        self, track_id: int, time_s: float, logits: Floats, others: Floats
    ) -> tuple[Floats, Floats]:
        """Blend a reading into the track's state.

        Args:
            track_id: Whose.
            time_s: When.
            logits: (C,) of the reading.
            others: (N,) what else there is: valence and arousal, the networks' own numbers.

        Returns:
            Logits (C,) and the others (N,), float32.
        """
        values = np.concatenate([logits, others])
        state = self._states.get(track_id)
        if state is not None and self._time_constant_s > 0:
            elapsed_s = max(0.0, time_s - state.time_s)
            past = np.float32(np.exp(-elapsed_s / self._time_constant_s))
            values = past * state.values + (1 - past) * values
        self._states[track_id] = _State(time_s, values)
        return values[: len(logits)], values[len(logits) :]

    def keep(self, track_ids: set[int]) -> None:
        """Forget every track that is not among these."""
        for lost in self._states.keys() - track_ids:
            del self._states[lost]
