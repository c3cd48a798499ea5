"""Generated clips of people who talk and change their expression once, with the truth.

A mouth opens and closes three to six times a second in a picture of a face; half way through, the
picture becomes that of another expression. A label that follows the mouth flips; one that is
smoothed too much lags behind the change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import SourceError
from engine.faces.alignment import similarity, template, transform, warp
from engine.faces.landmarks import five_points
from engine.types import CLASSES, Floats, Image
from export.reading.answers import Portraits
from export.reading.spoilt import Gray, Portrait, Rng

FPS: Final = 30
SECONDS: Final = 5.0
CHANGE_S: Final = 2.5  # when the expression is half way to the next
FADE_S: Final = 0.1
SIDE: Final = 160
MARGIN: Final = 0.45
HERTZ: Final = (3.0, 6.0)
OPENING: Final = (0.25, 0.6)  # of the distance of the eyes from the mouth, at the widest
NOISE: Final = 3.0  # levels
SHAKE_PX: Final = 0.4
FEWEST: Final = 5  # faces of an expression that are drawn from


@dataclass(frozen=True, slots=True, eq=False)
class TalkingClip:
    """A clip and what it shows.

    Attributes:
        before: What is drawn until the change.
        after: What is drawn from then on.
        labels: The expressions before and after, order of `engine.labels.Expression`.
        hertz: How often the mouth opens.
        seed: Of noise, shaking and how wide it opens.
    """

    before: Portrait
    after: Portrait
    labels: tuple[int, int]
    hertz: float
    seed: int

    def frames(self) -> Iterator[tuple[float, Image, Floats]]:
        """Give each frame's time, its picture, and where the first face's landmarks are in it."""
        rng = np.random.default_rng(self.seed)
        widest = rng.uniform(*OPENING)
        syllables = rng.uniform(0.3, 1.0, int(SECONDS * self.hertz) + 2)
        phase = rng.uniform()
        for index in range(round(SECONDS * FPS)):
            time_s = index / FPS
            beat = time_s * self.hertz + phase
            opening = max(0.0, float(np.sin(2 * np.pi * beat))) * syllables[int(beat)] * widest
            part = float(np.clip((time_s - CHANGE_S) / FADE_S + 0.5, 0, 1))
            picture = _mixed(self.before, self.after, part, opening)
            yield time_s, _filmed(picture, rng), self.before.landmarks


def talking_clips(
    portraits: Portraits, said: NDArray[np.intp], count: int, rng: Rng
) -> list[TalkingClip]:
    """Draw pairs of faces of different expressions, both of which the network reads as people do.

    Args:
        portraits: To draw from.
        said: (N,) what the network says of each as it is; -1 of those that are left out.
        count: Clips.
        rng: Draws them; classes are drawn first, so that rare ones come as often.

    Raises:
        SourceError: There are too few of them.
    """
    right = said == portraits.labels
    pools = [np.flatnonzero(right & (portraits.labels == label)) for label in range(CLASSES)]
    known = [label for label, pool in enumerate(pools) if len(pool) >= FEWEST]
    if len(known) < 2:
        raise SourceError(
            f"FER+: the network reads {len(known)} expressions right in {FEWEST} of "
            f"{len(portraits)} faces, and talking clips need two; judge more faces"
        )
    clips = []
    for _ in range(count):
        first, second = (int(label) for label in rng.choice(known, 2, replace=False))
        faces = [_framed(portraits.faces[rng.choice(pools[label])]) for label in (first, second)]
        hertz, seed = float(rng.uniform(*HERTZ)), int(rng.integers(2**31))
        clips.append(TalkingClip(faces[0], faces[1], (first, second), hertz, seed))
    return clips


def _framed(portrait: Portrait) -> Portrait:
    """Cut a face out with some room around it, so that two lie one upon the other."""
    matrix = similarity(five_points(portrait.landmarks), template(SIDE, MARGIN))
    colour = np.repeat(portrait.picture[..., None], 3, axis=2)
    cut = warp(colour, matrix, SIDE, border=cv2.BORDER_REPLICATE)
    return Portrait(cut[..., 0], transform(portrait.landmarks, matrix))


def _mixed(before: Portrait, after: Portrait, part: float, opening: float) -> Floats:
    weights = ((before, 1 - part), (after, part))
    return sum(
        (np.float32(weight) * mouth_opened(face, opening) for face, weight in weights if weight),
        start=np.zeros((SIDE, SIDE), np.float32),
    )


def _filmed(picture: Floats, rng: Rng) -> Image:
    shift = rng.uniform(-SHAKE_PX, SHAKE_PX, 2)
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    border = cv2.BORDER_REPLICATE
    moved = cv2.warpAffine(picture, matrix, (SIDE, SIDE), borderMode=border)
    noisy = moved + rng.normal(0, NOISE, moved.shape)
    gray: Gray = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)


def mouth_opened(portrait: Portrait, opening: float) -> Gray:
    """Open a mouth: the jaw goes down, the upper lip up a little, the gap is dark.

    Args:
        portrait: Of an upright face.
        opening: How far, as a part of the distance of the eyes from the mouth.
    """
    if opening <= 0:
        return portrait.picture
    marks = portrait.landmarks
    eyes, corners = marks[36:48].mean(axis=0), marks[[48, 54]]
    middle = marks[60:68].mean(axis=0)
    half = np.linalg.norm(corners[1] - corners[0]) / 2
    gap = opening * float(middle[1] - eyes[1])
    height, width = portrait.picture.shape
    rows = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)
    columns = np.repeat(np.arange(width, dtype=np.float32)[None], height, axis=0)
    aside = np.abs(columns - middle[0]) / half
    profile = np.clip(1 - aside**2, 0, 1)
    down, up = 0.8 * gap, 0.2 * gap
    below = rows - (middle[1] + down * profile)
    above = (middle[1] - up * profile) - rows
    jaw = max(float(marks[8, 1] - middle[1]), 1.0) * 1.6
    lip = max(float(middle[1] - marks[33, 1]), 1.0)
    # The cheeks beside the mouth follow the jaw a little.
    follows = np.where(profile > 0, profile, 0.35 * np.clip(1 - (aside / 2.2) ** 2, 0, 1))
    lowered = follows * down * np.clip(1 - below / jaw, 0, 1)
    raised = profile * up * np.clip(1 - above / lip, 0, 1)
    source = rows - np.where(below >= 0, lowered, 0) + np.where(above >= 0, raised, 0)
    opened = cv2.remap(
        portrait.picture,
        columns,
        source.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    low, high = below >= 0, above >= 0
    inside = cv2.GaussianBlur((~low & ~high).astype(np.float32), (0, 0), 1.0)
    dark = np.float32(0.25) * float(portrait.picture.mean())
    return np.asarray(opened * (1 - inside) + dark * inside, np.uint8)
