"""What the portraits of the demo clip show, and when.

An expression is a set of movements of the portrait's landmarks; `demo_face` carries them out.
"""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """An expression, as movements in pixels of the portrait; all 0 is the portrait as it is.

    Attributes:
        rest: Share of the smile that is let go: 1 is a closed mouth at rest.
        brow_inner: The inner ends of the brows rise.
        brow_middle: Their middles rise.
        brow_outer: Their outer ends rise.
        brow_close: Each brow moves towards the other.
        lid_upper: The upper lids rise; below 0 they close.
        lid_lower: The lower lids rise.
        nose: The wings of the nose and the middle of the upper lip rise.
        jaw: The lower jaw drops.
        corners: The corners of the mouth rise.
        wide: Each corner of the mouth moves outwards.
        upper: The upper lip rises.
        lower: The lower lip sinks.
        press: Each lip thins.
        pout: The middle of the lower lip and the chin rise.
        teeth: How far the upper teeth are drawn up behind the lip.
        frown: Strength of the lines between the brows, 0 to 1.
        fold: Strength of the folds from the nose to the mouth, 0 to 1, added to the smile's.
        bright: Strength with which the brows' own colour is deepened, 0 to 1.
    """

    rest: float = 0.0
    brow_inner: float = 0.0
    brow_middle: float = 0.0
    brow_outer: float = 0.0
    brow_close: float = 0.0
    lid_upper: float = 0.0
    lid_lower: float = 0.0
    nose: float = 0.0
    jaw: float = 0.0
    corners: float = 0.0
    wide: float = 0.0
    upper: float = 0.0
    lower: float = 0.0
    press: float = 0.0
    pout: float = 0.0
    teeth: float = 0.0
    frown: float = 0.0
    fold: float = 0.0
    bright: float = 0.0


# What the landmarks do in each expression: begun by hand, moved by a random search to where the
# product reads the label at several sizes, within limits beyond which a face no longer looks right.
LOOKS: Final = {
    "happiness": Look(),
    "neutral": Look(rest=1, corners=-2.3, wide=-1.5),
    "surprise": Look(
        rest=1,
        brow_inner=4.5,
        brow_middle=4.5,
        brow_outer=3.5,
        lid_upper=1.2,
        lid_lower=-0.4,
        jaw=11,
        corners=-1.5,
        wide=-3.5,
        teeth=5,
    ),
    "sadness": Look(
        rest=1,
        brow_inner=4.7,
        brow_middle=-1.5,
        brow_outer=-3,
        brow_close=2.3,
        lid_upper=-1.35,
        lid_lower=-0.8,
        corners=-4.5,
        jaw=2.1,
        lower=0.5,
        pout=0.3,
        frown=1,
        fold=0.7,
        bright=1,
        teeth=7,
    ),
    "anger": Look(
        rest=1,
        brow_inner=-4,
        brow_middle=-3.5,
        brow_outer=2,
        brow_close=3.4,
        lid_lower=0.2,
        corners=-4,
        wide=-1.5,
        jaw=4,
        upper=0.9,
        lower=0.9,
        nose=1.8,
        frown=1,
        fold=0.1,
        bright=0.8,
    ),
}


def between(start: Look, stop: Look, part: float) -> Look:
    """Blend two expressions; `part` is 0 at `start` and 1 at `stop`."""
    names = [field.name for field in fields(Look)]
    first, last = (np.array([getattr(look, name) for name in names]) for look in (start, stop))
    mixed = first + (last - first) * part
    return Look(**dict(zip(names, mixed.tolist(), strict=True)))


# Second and expression, of the first, second and third portrait; blinks come on top.
_MOODS: Final[tuple[tuple[tuple[float, str], ...], ...]] = (
    (
        *((0.8, "happiness"), (1.2, "neutral"), (1.9, "neutral"), (2.2, "surprise")),
        *((3.3, "surprise"), (3.7, "neutral"), (4.4, "neutral"), (4.9, "sadness")),
        *((6.6, "sadness"), (7.1, "neutral"), (7.9, "neutral"), (8.3, "happiness")),
    ),
    (
        *((3.2, "neutral"), (3.6, "happiness"), (4.5, "happiness"), (5.0, "anger")),
        *((6.5, "anger"), (6.9, "neutral"), (8.4, "neutral"), (8.8, "surprise")),
    ),
    (*((7.6, "happiness"), (8.0, "surprise"), (9.0, "surprise"), (9.4, "neutral")),),
)
_BLINKS_S: Final = ((1.55, 4.1, 7.45), (4.4, 7.75), (7.9, 9.7))


def look_at(who: int, time_s: float) -> Look:
    """Give the expression of one portrait of the clip at a time, blinks and all."""
    moods, blinks_s = _MOODS[who], _BLINKS_S[who]
    after = int(np.clip(np.searchsorted([when for when, _ in moods], time_s), 1, len(moods) - 1))
    (start_s, start), (stop_s, stop) = moods[after - 1], moods[after]
    look = between(LOOKS[start], LOOKS[stop], _eased((time_s - start_s) / (stop_s - start_s)))
    since_s = min(abs(time_s - blink_s) for blink_s in blinks_s)
    return replace(look, lid_upper=look.lid_upper - 6 * _eased(1 - since_s / 0.12))


def _eased(part: float) -> float:
    part = float(np.clip(part, 0, 1))
    return part * part * (3 - 2 * part)
