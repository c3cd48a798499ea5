"""What comes out: faces, and the moments of a video; frozen, and at home in a notebook."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.drawing.shapes import PALETTE
from engine.labels import EXPRESSIONS
from fer_live import _html

__all__ = ["Face", "Faces", "Moment", "Probabilities"]


class Probabilities(Mapping[str, float]):
    """The calibrated probability of each expression that the model knows, by name; they sum to 1.

    The order is that of the columns of a table: neutral, happiness, surprise, sadness, anger,
    disgust, fear, contempt, then the model's own.
    """

    __slots__ = ("_shares",)

    def __init__(self, shares: Iterable[float], labels: Iterable[str] = EXPRESSIONS) -> None:
        """Take one number for each expression, in order."""
        self._shares = dict(zip(labels, map(float, shares), strict=True))

    def __getitem__(self, expression: str) -> float:
        try:
            return self._shares[expression]
        except KeyError:
            raise KeyError(f"{expression}: unknown; known here: {', '.join(self)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._shares)

    def __len__(self) -> int:
        return len(self._shares)

    def __repr__(self) -> str:
        ranked = sorted(self._shares.items(), key=lambda pair: -pair[1])
        return f"Probabilities({', '.join(f'{name} {share:.2f}' for name, share in ranked)})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Face:
    """One face and what it shows.

    Attributes:
        id: In a video, the same for the same face as long as it is followed; in a picture its
            place, the most prominent face first. From 1.
        box: (4,) float32, x0 y0 x1 y1, pixels of the picture; may leave it. Read-only.
        landmarks: (68, 2) float32, x y, pixels of the picture, in the order of iBUG 68. Read-only.
        score: How sure it is that this is a face, 0 to 1.
        expression: The label, such as ``happiness``; empty where the model knows none. In films it
            stays until another class is clearly more probable, else it is the most probable one.
        probabilities: Of every expression that the model knows, by name.
        valence: -1 (unpleasant) to 1 (pleasant); None where the model knows none.
        arousal: -1 (calm) to 1 (excited); None where the model knows none.
        reliability: How decided the probabilities are, 0 to 1; below 0.3 do not trust the label.
            None where there are none.
        crop: (h, w, 3) uint8, the part of the picture inside the box; BGR, or RGB where `rgb`.
            Read-only.
        rgb: The order of the colours in `crop`.
        derived: Valence and arousal follow from the probabilities: no model was taught them.
        measures: The model's own numbers by name, such as ``quality``.
    """

    id: int
    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float
    expression: str
    probabilities: Probabilities
    valence: float | None
    arousal: float | None
    reliability: float | None
    crop: NDArray[np.uint8]
    rgb: bool
    derived: bool = False
    measures: Mapping[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        box = ", ".join(f"{edge:.0f}" for edge in self.box)
        label = []
        if self.expression:
            label = [f"{self.expression} {self.probabilities[self.expression]:.2f}"]
        return f"Face(id={self.id}, {', '.join([*label, *self._numbers()])}, box=({box}))"

    def _numbers(self) -> list[str]:
        """Say what there is beside the label."""
        signed = [("valence", self.valence), ("arousal", self.arousal)]
        said = [f"{name} {value:+.2f}" for name, value in signed if value is not None]
        if self.reliability is not None:
            said.append(f"reliability {self.reliability:.2f}")
        return said

    def _repr_html_(self) -> str:
        """Show the crop and a bar for each expression; notebooks call this."""
        crop = cv2.cvtColor(self.crop, cv2.COLOR_RGB2BGR) if self.rgb else self.crop
        return _html.card(
            np.asarray(crop, np.uint8),
            title=f"face {self.id}" + (f": {self.expression}" if self.expression else ""),
            shares=self.probabilities,
            chosen=self.expression,
            colour=PALETTE[(self.id - 1) % len(PALETTE)],  # as the overlay draws it
            note=", ".join(self._numbers()),
        )


class Faces(Sequence[Face]):
    """The faces of one picture; empty where there is none."""

    __slots__ = ("_faces",)

    def __init__(self, faces: Iterable[Face] = ()) -> None:
        """Keep the faces, in order."""
        self._faces = tuple(faces)

    @overload
    def __getitem__(self, index: int) -> Face: ...

    @overload
    def __getitem__(self, index: slice) -> "Faces": ...

    def __getitem__(self, index: int | slice) -> "Face | Faces":
        return Faces(self._faces[index]) if isinstance(index, slice) else self._faces[index]

    def __len__(self) -> int:
        return len(self._faces)

    def __repr__(self) -> str:
        return f"Faces[{', '.join(map(repr, self._faces))}]"

    def _repr_html_(self) -> str:
        """Show every face side by side; notebooks call this."""
        return _html.row((face._repr_html_() for face in self), empty="no faces")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Moment:
    """One frame of a video, a camera or a stream, or one picture, and the faces in it.

    Attributes:
        index: Of the frame, from 0; where frames of a live source are left out, numbers are too.
        time_s: Seconds from the beginning of the source; 0 in a picture, which has no time.
        image: (H, W, 3) uint8, BGR unless ``rgb=True`` was given. Read-only.
        faces: In it, ordered by id.
        file: Name of the picture; empty in a film.
    """

    index: int
    time_s: float
    image: NDArray[np.uint8]
    faces: Faces
    file: str = ""

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        where = f"file={self.file!r}" if self.file else f"time_s={self.time_s:.3f}"
        return f"Moment(index={self.index}, {where}, image {width}x{height}, faces={self.faces!r})"

    def _repr_html_(self) -> str:
        """Show when it is, and its faces; notebooks call this."""
        title = self.file or f"frame {self.index}, {self.time_s:.3f} s"
        cards = (face._repr_html_() for face in self.faces)
        return _html.row(cards, title=title, empty="no faces")
