"""What a label says of a face, in as many words as there is room for."""

from typing import NamedTuple

from engine.types import Prediction


class Caption(NamedTuple):
    """A label's words: the name in strong type, the note after it in grey."""

    name: str
    note: str


def is_uncertain(prediction: Prediction, below: float) -> bool:
    """Say whether a label is shown as uncertain; see `in_doubt`."""
    return in_doubt(prediction.reliability, behind=prediction.behind, below=below)


def in_doubt(reliability: float | None, *, behind: bool, below: float) -> bool:
    """Say whether a label is uncertain: the one rule for pictures, panels and recordings.

    Args:
        reliability: 0 to 1; None where no network knows expressions.
        behind: Another class is more probable than the label.
        below: Reliability below which a label is uncertain.
    """
    return reliability is not None and (behind or reliability < below)


def captions_of(prediction: Prediction, *, uncertain: bool) -> list[Caption]:
    """Say what a label may read, the fullest first."""
    name = prediction.expression
    if not name:
        return _without_label(prediction)
    share = f"{100 * prediction.share:.0f}%"
    if uncertain:
        return [
            Caption(f"{name}?", f"{share}  uncertain"),
            Caption(f"{name}?", "uncertain"),
            Caption(f"{name}?", ""),
            Caption("?", ""),
        ]
    return [Caption(name, share), Caption(name, ""), Caption("", "")]


def _without_label(prediction: Prediction) -> list[Caption]:
    """Say what is known of a face whose network knows no expressions, the fullest first."""
    if prediction.valence is None or prediction.arousal is None:
        return [Caption("", "")]
    valence, arousal = (
        f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
        for value in (prediction.valence, prediction.arousal)
    )
    return [
        Caption(f"valence {valence}", f"arousal {arousal}"),
        Caption(f"V {valence}", f"A {arousal}"),
        Caption("", ""),
    ]
