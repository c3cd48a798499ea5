"""What happens in the films that following is judged on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from engine.types import Image
from export.bench.staged import SIZE, Actor, Clip, Part, Shot

FPS: Final = 30
MIDDLE: Final = (320.0, 180.0)
ROOM, WALL, ELSEWHERE = 0, 1, 2  # backgrounds of a stage


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What is drawn by lot for a set of films.

    Attributes:
        one: Somebody.
        other: Somebody else.
        grounds: A room, a plain wall, another room.
        side: Of a face, pixels.
        rng: For what moves at random.
    """

    one: Actor
    other: Actor
    grounds: tuple[Image, Image, Image]
    side: float
    rng: np.random.Generator

    def alone(self, frames: int, *, since: int = 0) -> list[Shot]:
        """Somebody in the middle who turns another way every quarter of a second."""
        return [
            Shot((Part(self.one, *MIDDLE, self.side, look=turning(since + k)),))
            for k in range(frames)
        ]


def turning(frame: int) -> float:
    """Give the look of a head that turns for five frames and then holds still for three."""
    return frame // 8 + min(frame % 8, 5) / 5


def plain(level: int) -> Image:
    """Give a wall of one gray with a camera's noise."""
    noise = np.random.default_rng(level).normal(0, 1.5, (SIZE[1], SIZE[0], 3))
    return np.clip(level + noise, 0, 255).astype(np.uint8)


def stage_of(actors: Sequence[Actor], grounds: Sequence[Image], seed: int) -> Stage:
    """Draw two people, two rooms, a wall and a size."""
    rng = np.random.default_rng(seed)
    one, other = (actors[k] for k in rng.choice(len(actors), 2, replace=False))
    room, elsewhere = (grounds[k] for k in rng.choice(len(grounds), 2, replace=len(grounds) < 2))
    wall = plain(int(rng.integers(90, 220)))
    return Stage(one, other, (room, wall, elsewhere), float(rng.uniform(70, 130)), rng)


def films(stage: Stage, kinds: Sequence[str] = ()) -> Iterator[Clip]:
    """Give a film of each kind of `KINDS`, or of some."""
    for name in kinds or KINDS:
        fps = _FPS.get(name, FPS)
        yield Clip(name, fps, tuple(KINDS[name](stage)), stage.grounds)


def _hand(stage: Stage, *, frames: int) -> list[Shot]:
    x, y = MIDDLE
    side = stage.side
    hand = (x - side, y - side, 2 * side, 2 * side)
    covered = [Shot((Part(stage.one, x, y, side),), hand=hand)] * frames
    return stage.alone(30) + covered + stage.alone(30)


def _flash(stage: Stage) -> list[Shot]:
    flash = Shot((Part(stage.one, *MIDDLE, stage.side),), flash=0.95)
    return stage.alone(30) + [flash] * 2 + stage.alone(30)


def _blur(stage: Stage) -> list[Shot]:
    blurred = Shot((Part(stage.one, *MIDDLE, stage.side),), blur=stage.side / 5)
    return stage.alone(30) + [blurred] * 3 + stage.alone(30)


def _turns_round(stage: Stage) -> list[Shot]:
    back = Shot((Part(stage.one, *MIDDLE, stage.side, back=True),))
    return stage.alone(30) + [back] * 12 + stage.alone(30, since=8)


def _close_up(stage: Stage) -> list[Shot]:
    """A face that fills half of the picture jerks by a fifth to nearly a half of its side."""
    side, frames = 170.0, np.arange(60)
    jerks = stage.rng.choice([-1, 1], 60) * stage.rng.uniform(0.2, 0.44, 60) * side
    places = np.cumsum(jerks * (frames % 3 == 0))
    xs = MIDDLE[0] + 110 * np.sin(places / 110)
    return [Shot((Part(stage.one, float(x), 190, side),), WALL) for x in xs]


def _cross(stage: Stage, *, ground: int) -> list[Shot]:
    return [
        Shot(
            (
                Part(stage.one, 120 + 4.4 * k, 165, stage.side),
                Part(stage.other, 520 - 4.4 * k, 175, 1.1 * stage.side),
            ),
            ground,
        )
        for k in range(90)
    ]


def _behind(stage: Stage) -> list[Shot]:
    """One goes behind the other, stays for 1.7 s, and comes out on the far side."""
    path = np.concatenate([np.linspace(150, 330, 35), np.full(50, 330), np.linspace(330, 520, 35)])
    front = Part(stage.other, 330, 175, 1.25 * stage.side)
    return [Shot((Part(stage.one, float(x), 165, 0.9 * stage.side), front)) for x in path]


def _tiles_swap(stage: Stage) -> list[Shot]:
    left, right = (170, 180, stage.side), (470, 180, stage.side)
    before = Shot((Part(stage.one, *left), Part(stage.other, *right)), WALL)
    after = Shot((Part(stage.other, *left), Part(stage.one, *right)), WALL)
    return [before] * 30 + [after] * 30


def _cut_in_place(stage: Stage, *, ground: int, side: float | None = None) -> list[Shot]:
    place = (*MIDDLE, side or stage.side)
    one, other = (Shot((Part(who, *place),), ground) for who in (stage.one, stage.other))
    return [one] * 40 + [other] * 40


def _cut_away(stage: Stage) -> list[Shot]:
    there = Shot((Part(stage.other, 360, 160, 1.2 * stage.side),), ELSEWHERE)
    return [Shot((Part(stage.one, *MIDDLE, stage.side),))] * 40 + [there] * 40


def _dissolve(stage: Stage) -> list[Shot]:
    place = (*MIDDLE, stage.side)
    one, other = (Shot((Part(who, *place),)) for who in (stage.one, stage.other))
    fade = [
        Shot(
            (
                Part(stage.one, *place, opacity=1 - k / 25),
                Part(stage.other, *place, opacity=k / 25),
            )
        )
        for k in range(26)
    ]
    return [one] * 40 + fade + [other] * 40


def _zoom(stage: Stage) -> list[Shot]:
    pair = (Part(stage.one, 310, 180, 70), Part(stage.other, 430, 195, 64))
    return [Shot(pair, zoom=float(zoom)) for zoom in np.linspace(1, 2.2, 60)]


def _leaves(stage: Stage) -> list[Shot]:
    """One walks out of the picture, the other stays."""
    xs = np.concatenate([np.linspace(320, 760, 40), np.full(20, 760)])
    stays = Part(stage.other, 150, 170, stage.side)
    return [Shot((Part(stage.one, float(x), 170, stage.side), stays)) for x in xs]


def _seldom(stage: Stage, *, frames: int, step: float) -> list[Shot]:
    """One moves, both turn, as seen at a low rate; a step of 1 is a second."""
    k = np.arange(frames)
    xs, ys = 300 + 60 * np.sin(1.3 * step * k), 175 + 25 * np.cos(0.9 * step * k)
    return [
        Shot(
            (
                Part(stage.one, float(x), float(y), stage.side, look=at * step),
                Part(stage.other, 560, 185, 0.8 * stage.side, look=at * step / 2),
            )
        )
        for at, (x, y) in enumerate(zip(xs, ys, strict=True))
    ]


KINDS: Final[Mapping[str, Callable[[Stage], list[Shot]]]] = {
    "hand before it, 1 frame": partial(_hand, frames=1),
    "hand before it, 3 frames": partial(_hand, frames=3),
    "hand before it, 25 frames": partial(_hand, frames=25),
    "flash, 2 frames": _flash,
    "blur, 3 frames": _blur,
    "turns round": _turns_round,
    "close-up, plain wall": _close_up,
    "two cross, room": partial(_cross, ground=ROOM),
    "two cross, plain wall": partial(_cross, ground=WALL),
    "one goes behind another": _behind,
    "tiles swap": _tiles_swap,
    "cut in place, room": partial(_cut_in_place, ground=ROOM),
    "cut in place, plain wall": partial(_cut_in_place, ground=WALL, side=160.0),
    "cut to another room": _cut_away,
    "dissolve": _dissolve,
    "zoom": _zoom,
    "one leaves": _leaves,
    "1 frame a second": partial(_seldom, frames=20, step=1.0),
    "10 frames a second": partial(_seldom, frames=60, step=0.3),
}
_FPS: Final = {"1 frame a second": 1, "10 frames a second": 10}
