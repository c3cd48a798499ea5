"""How far two forms of a network are apart, and how far they may be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.errors import ModelError
from export.graph import PARITY
from training.evaluation.tables import table

OWN: Final = ("primary", "corrected", "primary_confidence", "confidence", "quality")
TAIL: Final = 99.9  # percentile that is reported beside the largest error
ADVERSARIAL: Final = "adversarial"
REAL: Final = "real"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far apart two forms of a network may be.

    Attributes:
        largest: What no value of an output may be off by, on any picture, as `Deviation.counted`.
        tail: The same for the 99.9th percentile, on real faces.
        agreement: Least share of real faces with the same label.
        points: Largest loss of accuracy on real faces, percentage points; of few faces, one.
    """

    largest: Mapping[str, float]
    tail: Mapping[str, float]
    agreement: float
    points: float


# Landmarks are shares of a crop: 0.01 is 1.1 pixels of 112. Presence is a logit. What the
# networks of this repository show is in docs/deploy.md.
BOUNDS: Final[Mapping[str, Bounds]] = {
    "fp32": Bounds(
        largest={
            **dict.fromkeys(("logits", "valence_arousal", "landmarks", "presence"), PARITY),
            **dict.fromkeys(("map4", "map8", "map16", "scores", "geometry"), PARITY),
            **dict.fromkeys(OWN, PARITY),
        },
        tail={},
        agreement=0.999,
        points=0.1,
    ),
    "fp16": Bounds(
        largest={
            "probabilities": 0.02,
            "valence_arousal": 0.02,
            "landmarks": 0.05,  # of noise they lie several crops away
            "presence": 0.5,
            **dict.fromkeys(OWN, 0.05),
            "scores": 0.02,
            "geometry": 0.05,
        },
        tail={
            "probabilities": 0.005,
            "valence_arousal": 0.005,
            "landmarks": 0.002,
            "presence": 0.05,
        },
        agreement=0.99,
        points=0.2,
    ),
    "int8": Bounds(
        largest={"scores": 0.5},
        tail={"probabilities": 0.3, "valence_arousal": 0.3, "landmarks": 0.03, "presence": 1.0},
        agreement=0.95,
        points=0.5,
    ),
}
NEVER: Final = "not a number"


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far an output is off on one kind of pictures.

    Attributes:
        output: Its name.
        on: ``adversarial`` or ``real``.
        largest: NaN where either side has one.
        counted: What the bound is compared with: the largest error in units of a tenth of the
            largest value of the same output and picture, where that is above 10. Float32 gives
            24 bits and no more, and AdaFace's logits reach 64, presence of noise 175.
        tail: 99.9th percentile.
        count: Values compared.
    """

    output: str
    on: str
    largest: float
    counted: float
    tail: float
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a comparison found.

    Attributes:
        truth: What is compared with.
        other: What is compared.
        precision: Of `other`; its bounds apply.
        batches: Pictures of a call that were tried.
        errors: Of every output.
        agreement: Share of pictures with the same label, by kind of pictures.
        accuracy: On real faces, of `truth` and `other`, 0 to 1; None where nobody could say.
        faces: Real faces compared.
    """

    truth: Path
    other: Path
    precision: str
    batches: tuple[int, ...]
    errors: tuple[Deviation, ...]
    agreement: Mapping[str, float]
    accuracy: tuple[float, float] | None
    faces: int

    @property
    def bounds(self) -> Bounds:
        """Those of the precision."""
        return BOUNDS[self.precision]

    @property
    def parity(self) -> float:
        """The largest error of any output that has a bound, as `Deviation.counted`."""
        return max(x.counted for x in self.errors if x.output in self.bounds.largest)

    @property
    def failures(self) -> list[str]:
        """Say which bounds are exceeded, each in a few words."""
        return [*self._off(), *self._lost()]

    def _off(self) -> Iterator[str]:
        bounds = self.bounds
        for error in self.errors:
            name = f"{error.output} on {error.on} pictures"
            limit = bounds.largest.get(error.output)
            if np.isnan(error.largest):
                yield f"{name}: {NEVER}"
            elif limit is not None and error.counted > limit:
                yield f"{name}: off by {error.counted:.2e}, allowed {limit:.0e}"
            tail = bounds.tail.get(error.output) if error.on == REAL else None
            if tail is not None and error.tail > tail:
                yield f"{name}: {TAIL} % are off by up to {error.tail:.2e}, allowed {tail:.0e}"

    def _lost(self) -> Iterator[str]:
        agreement, bounds = self.agreement.get(REAL), self.bounds
        if agreement is not None and agreement < bounds.agreement:
            yield (
                f"labels of real faces: {100 * agreement:.2f} % agree, "
                f"wanted {100 * bounds.agreement:.1f} %"
            )
        if self.accuracy is not None:
            lost = 100 * (self.accuracy[0] - self.accuracy[1])
            allowed = max(bounds.points, 100 / max(self.faces, 1))  # fewer than one cannot be lost
            if not lost <= allowed + 1e-9:
                yield f"accuracy: {lost:.2f} points lost, allowed {allowed:.2g}"

    def require(self) -> None:
        """Raise ModelError if a bound is exceeded, with the first line that says which."""
        failures = self.failures
        if failures:
            more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
            raise ModelError(
                f"{self.other}: differs from {self.truth}: {failures[0]} in {self.precision}{more}"
            )

    def lines(self) -> list[str]:
        """Give the report as Markdown."""
        rows = [self._row(error) for error in self.errors]
        head = ("output", "pictures", "largest error", "counted", f"{TAIL} %", "allowed", "values")
        batches = ", ".join(map(str, self.batches))
        said = [f"{self.other} against {self.truth}: {self.precision}, batches of {batches}", ""]
        said += [*table(head, rows), ""]
        said += [
            f"{100 * x:.2f} % of labels agree on {on} pictures" for on, x in self.agreement.items()
        ]
        if self.accuracy is not None:
            mine, theirs = (100 * value for value in self.accuracy)
            said.append(
                f"accuracy on {self.faces} faces: {mine:.2f} %, then {theirs:.2f} % "
                f"({theirs - mine:+.2f} points)"
            )
        if not self.faces:
            said.append("compared on adversarial pictures only: name the data packs with --data")
        return said

    def _row(self, error: Deviation) -> tuple[str, ...]:
        limit = self.bounds.largest.get(error.output)
        allowed = "" if limit is None else f"{limit:.0e}"
        tail = self.bounds.tail.get(error.output) if error.on == REAL else None
        if tail is not None:
            allowed = f"{allowed} ({TAIL} %: {tail:.0e})".strip()
        numbers = (f"{x:.2e}" for x in (error.largest, error.counted, error.tail))
        return (error.output, error.on, *numbers, allowed or "-", str(error.count))

    def facts(self) -> dict[str, Any]:
        """Give what a manifest says of it."""
        return {
            "bounds": {
                "largest": dict(self.bounds.largest),
                f"percentile_{TAIL}": dict(self.bounds.tail),
                "agreement": self.bounds.agreement,
                "accuracy_points": self.bounds.points,
            },
            "batches": list(self.batches),
            "faces": self.faces,
            "errors": {
                on: {
                    error.output: {
                        "largest": error.largest,
                        "counted": error.counted,
                        f"percentile_{TAIL}": error.tail,
                    }
                    for error in self.errors
                    if error.on == on
                }
                for on in {error.on for error in self.errors}
            },
            "agreement": dict(self.agreement),
            "accuracy": None if self.accuracy is None else list(self.accuracy),
        }
