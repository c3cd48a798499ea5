"""What is to be said of the face that the panels are about: decided here, worded by a widget."""

from dataclasses import dataclass
from enum import Enum

from app.live.state import LiveState
from app.session.naming import NOBODY, NamedFace
from engine.drawing.captions import is_uncertain
from engine.labels import EXPRESSIONS


class Standing(Enum):
    """What is known of the face right now."""

    NONE = "no face"
    AWAY = "away"
    UNCERTAIN = "uncertain"
    CERTAIN = "certain"


@dataclass(frozen=True, slots=True)
class Readout:
    """One face at one moment.

    Attributes:
        standing: What is known.
        face_id: Which face; None if there is none.
        chosen: The user chose it; else it is the largest.
        label: The class that is named, in a change not yet the most probable one; empty unless the
            face is in the picture and classes are known.
        percent: Of each class in the order of `labels`, whole numbers; empty unless it is in the
            picture.
        reliability: 0 to 1; 0 unless it is in the picture and classes are known.
        labels: The classes that may be shown.
        named: What the face is called, and its colour.
    """

    standing: Standing
    face_id: int | None = None
    chosen: bool = False
    label: str = ""
    percent: tuple[int, ...] = ()
    reliability: float = 0.0
    labels: tuple[str, ...] = EXPRESSIONS
    named: NamedFace = NOBODY

    @property
    def hue(self) -> int:
        """Number of the face whose colour it has."""
        return self.named.hue(self.face_id or 1)

    @property
    def unsure(self) -> bool:
        """The label is in doubt: too little reliability, or another class is more probable now."""
        return self.standing is Standing.UNCERTAIN

    @property
    def top(self) -> int:
        """Percent of the label; 0 unless the face is in the picture."""
        return self.percent[self.labels.index(self.label)] if self.label else 0


def readout(live: LiveState, uncertain_below: float) -> Readout:
    """Read the state.

    Args:
        live: The state.
        uncertain_below: Reliability, 0 to 1, below which a label counts as uncertain.
    """
    chosen = live.selected is not None
    prediction = live.selected_prediction
    named = NOBODY if live.shown is None else live.named.shown(live.shown)
    if prediction is None:
        standing = Standing.AWAY if chosen else Standing.NONE
        return Readout(standing, live.shown, chosen, labels=live.labels, named=named)
    uncertain = is_uncertain(prediction, uncertain_below)
    return Readout(
        standing=Standing.UNCERTAIN if uncertain else Standing.CERTAIN,
        face_id=prediction.track_id,
        chosen=chosen,
        label=prediction.expression,
        percent=tuple(round(100 * share) for share in prediction.probabilities.tolist()),
        reliability=prediction.reliability or 0.0,
        labels=prediction.labels,
        named=named,
    )
