"""What a comparison adds up to: each system's share, and how often two say the same."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from app.command.summary import Summary
from engine.types import Analysis, Compared
from engine.wording import counted


class ComparedSummary(Summary):
    """Adds comparisons up; the frames, and what each system saw in them."""

    def __init__(self, systems: Sequence[str]) -> None:
        """Begin.

        Args:
            systems: Their names, in the order of their readings.
        """
        super().__init__()
        self._each = {name: Summary() for name in systems}
        self._both: Counter[tuple[str, str]] = Counter()
        self._same: Counter[tuple[str, str]] = Counter()

    def add(self, analysis: Analysis, times_ms: Mapping[str, float]) -> None:
        """Count one frame."""
        super().add(analysis, times_ms)
        if not isinstance(analysis, Compared):
            raise TypeError("add: expected a comparison")
        for place, summary in enumerate(self._each.values()):
            summary.add(analysis.of(place), {})
        for one, other in combinations(range(len(analysis.systems)), 2):
            pair = (analysis.systems[one], analysis.systems[other])
            for a, b in zip(analysis.readings[one], analysis.readings[other], strict=True):
                if a.labels and b.labels:
                    self._both[pair] += 1
                    self._same[pair] += a.expression == b.expression

    def to_json(self, elapsed_s: float) -> dict[str, Any]:
        """Give everything as plain values; the faces once for each system, which `model` names."""
        faces = [
            {"model": name, **face}
            for name, summary in self._each.items()
            for face in summary.to_json(elapsed_s)["faces"]
        ]
        agreement = [
            {"models": list(pair), "labels": count, "same": round(self._same[pair] / count, 4)}
            for pair, count in self._both.items()
        ]
        return {**super().to_json(elapsed_s), "faces": faces, "agreement": agreement}

    def face_lines(self) -> list[str]:
        """Give a line for each system and face, and one for each two systems."""
        lines = []
        for name, summary in self._each.items():
            lines += [f"{name}: {line}" for line in summary.face_lines()]
        for pair, count in self._both.items():
            share = 100 * self._same[pair] / count
            faces = counted(count, "face")
            lines.append(f"{pair[0]} and {pair[1]} say the same of {share:.0f} % of {faces}")
        return lines
