"""What comes out: faces, and the moments of a video; frozen, and at home in a notebook."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.drawing.shapes import PALETTE
from engine.labels import EXPRESSIONS
from fer_live import _html

__all__ = ["Face", "Faces", "Moment", "Probabilities"]


class Probabilities(Mapping[str, float]):
    """The calibrated probability of each expression, by name; they sum to 1.

    The order is that of the columns of a table: neutral, happiness, surprise, sadness, anger,
    disgust, fear, contempt.
    """

    __slots__ = ("_shares",)

    def __init__(self, shares: Iterable[float]) -> None:
        """Take one number for each expression, in order."""
        self._shares = dict(zip(EXPRESSIONS, map(float, shares), strict=True))

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
        expression: The most probable one, such as ``happiness``.
        probabilities: Of every expression, by name.
        valence: -1 (unpleasant) to 1 (pleasant).
        arousal: -1 (calm) to 1 (excited).
        reliability: How decided the probabilities are, 0 to 1; below 0.3 do not trust the label.
        crop: (h, w, 3) uint8, the part of the picture inside the box; BGR, or RGB where `rgb`.
            Read-only.
        rgb: The order of the colours in `crop`.
    """

    id: int
    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float
    expression: str
    probabilities: Probabilities
    valence: float
    arousal: float
    reliability: float
    crop: NDArray[np.uint8]
    rgb: bool

    def __repr__(self) -> str:
        box = ", ".join(f"{edge:.0f}" for edge in self.box)
        return (
            f"Face(id={self.id}, {self.expression} {max(self.probabilities.values()):.2f}, "
            f"valence {self.valence:+.2f}, arousal {self.arousal:+.2f}, "
            f"reliability {self.reliability:.2f}, box=({box}))"
        )

    def _repr_html_(self) -> str:
        """Show the crop and a bar for each expression; notebooks call this."""
        crop = cv2.cvtColor(self.crop, cv2.COLOR_RGB2BGR) if self.rgb else self.crop
        return _html.card(
            np.asarray(crop, np.uint8),
            title=f"face {self.id}: {self.expression}",
            shares=self.probabilities,
            chosen=self.expression,
            colour=PALETTE[(self.id - 1) % len(PALETTE)],  # as the overlay draws it
            note=f"valence {self.valence:+.2f}, arousal {self.arousal:+.2f}, "
            f"reliability {self.reliability:.2f}",
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
