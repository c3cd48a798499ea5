"""What is said of a face at one moment: by a live analysis, or by a recording."""

from dataclasses import dataclass, field

from app.session.naming import NAMELESS, NOBODY, NamedFace, NamedFaces
from engine.types import Analysis, Floats


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """One face at one moment.

    Attributes:
        id: The track's.
        box: x0, y0, x1, y1, pixels of the source frame.
        label: What it shows, corrected or not; empty where no network knows expressions.
        share: The model's probability of that label, 0 to 1.
        reliability: 0 to 1, of the model's reading; None without expressions.
        corrected: True if a person set the label.
        behind: Another class is more probable than the label.
        named: What the user calls it, and its colour.
        landmarks: (68, 2) float32, pixels of the source frame; None where they are not kept.
    """

    id: int
    box: tuple[float, float, float, float]
    label: str
    share: float
    reliability: float | None
    corrected: bool = False
    behind: bool = False
    named: NamedFace = NOBODY
    landmarks: Floats | None = field(default=None, compare=False)

    @property
    def called(self) -> str:
        """Its name, or its number."""
        return self.named.name or str(self.id)

    @property
    def hue(self) -> int:
        """Number of the face whose colour it has."""
        return self.named.hue(self.id)


def labelled_faces(analysis: Analysis, named: NamedFaces = NAMELESS) -> tuple[LabelledFace, ...]:
    """Give the faces of an analysis, each with its label, and what it is called."""
    faces = []
    for track, prediction in zip(analysis.tracks, analysis.predictions, strict=True):
        x0, y0, x1, y1 = track.box.tolist()
        faces.append(
            LabelledFace(
                id=track.id,
                box=(x0, y0, x1, y1),
                label=prediction.expression,
                share=prediction.share,
                reliability=prediction.reliability,
                behind=prediction.behind,
                named=named.shown(track.id),
                landmarks=track.landmarks,
            )
        )
    return tuple(faces)
