"""Short films with truth: people cut out of pictures, whose place is known in every frame."""

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from engine.errors import SourceError
from engine.faces.landmarks import box_of
from engine.types import Floats, Image
from training.data.files import Files, open_files
from training.data.packs import TeacherLabels, parse_table, person_of, tenth_of

SIZE: Final = (640, 360)  # width and height, pixels
SHOWN: Final = 0.6  # share of a face's box that must be seen for the face to count
GLIMPSED: Final = 0.1  # share from which somebody may find it or not
OPAQUE: Final = 0.8  # of somebody who fades
BLURRED: Final = 0.12  # sigma in sides of a face's box from which it need not be found
FLASHED: Final = 0.8  # share of white from which nothing need be found
HAND: Final = (120, 150, 190)
GROUNDS_MAX: Final = 40


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One picture of somebody: head and shoulders, cut out.

    Attributes:
        image: (H, W, 3) uint8, BGR.
        alpha: (H, W) float32, 1 where the person is.
        landmarks: (68, 2) float32, pixels.
    """

    image: Image
    alpha: Floats
    landmarks: Floats

    @property
    def side(self) -> float:
        """Of the face's box, pixels."""
        box = box_of(self.landmarks)
        return float(np.sqrt(np.prod(box[2:] - box[:2])))


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """Somebody, in pictures of one film."""

    name: str
    looks: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """An actor in one frame.

    Attributes:
        actor: Who.
        x: Centre of the face's box, pixels.
        y: The same.
        side: Of the face's box, pixels.
        look: Number of the actor's picture, which goes round; between two, one fades into the
            next, as a head that turns.
        back: The back of the head is seen.
        opacity: 0 to 1.
    """

    actor: Actor
    x: float
    y: float
    side: float
    look: float = 0.0
    back: bool = False
    opacity: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame.

    Attributes:
        parts: Who is in it; later ones stand in front.
        ground: Number of the background.
        zoom: About the middle.
        flash: Share of white, 0 to 1.
        blur: Sigma, pixels.
        hand: x, y, width and height of what covers all, pixels.
    """

    parts: tuple[Part, ...]
    ground: int = 0
    zoom: float = 1.0
    flash: float = 0.0
    blur: float = 0.0
    hand: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A film to be drawn.

    Attributes:
        name: What happens in it.
        fps: Frames a second.
        shots: Its frames.
        grounds: (H, W, 3) uint8 each, of one size, which is the film's.
    """

    name: str
    fps: float
    shots: tuple[Shot, ...]
    grounds: tuple[Image, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A face in a frame.

    Attributes:
        person: Whose.
        box: (4,) float32, extent of the landmarks with the forehead, as a track has it.
        visible: It has to be found; else it may be.
    """

    person: str
    box: Floats
    visible: bool


def draw(clip: Clip) -> Iterator[tuple[Image, list[Shown]]]:
    """Give the frames, each with the faces in it."""
    for shot in clip.shots:
        yield _drawn(shot, clip.grounds[shot.ground])


def _drawn(shot: Shot, ground: Image) -> tuple[Image, list[Shown]]:
    height, width = ground.shape[:2]
    canvas = ground.astype(np.float32)
    uncovered: list[Floats] = []  # of each part, 1 where nothing is in front of it
    for part in shot.parts:
        fresh, alpha = _cut_out(part, shot.zoom, (width, height))
        canvas += alpha[..., None] * (fresh - canvas)
        uncovered = [mask * (1 - alpha) for mask in uncovered]
        uncovered.append(np.ones((height, width), np.float32))
    if shot.hand is not None:
        x, y, across, down = (int(v) for v in shot.hand)
        covered = np.s_[max(0, y) : max(0, y + down), max(0, x) : max(0, x + across)]
        canvas[covered] = HAND
        for mask in uncovered:
            mask[covered] = 0
    if shot.blur:
        canvas = cv2.GaussianBlur(canvas, (0, 0), shot.blur).astype(np.float32)
    canvas += shot.flash * (255 - canvas)
    faces = []
    for part, mask in zip(shot.parts, uncovered, strict=True):
        box = _box(part, shot.zoom, (width, height))
        share = _share(mask, box) * part.opacity * (not part.back)
        if share >= GLIMPSED:
            clear = part.opacity >= OPAQUE and shot.flash < FLASHED
            sharp = shot.blur < BLURRED * part.side * shot.zoom
            faces.append(Shown(part.actor.name, box, share >= SHOWN and clear and sharp))
    return np.clip(canvas + 0.5, 0, 255).astype(np.uint8), faces


def _looks(part: Part) -> list[tuple[Look, float]]:
    """Give the one or two pictures of somebody that show, with their shares."""
    looks, share = part.actor.looks, part.look % 1
    both = [(looks[int(part.look) % len(looks)], 1 - share)]
    return both + [(looks[(int(part.look) + 1) % len(looks)], share)] * (share > 0)


def _place(part: Part, look: Look, zoom: float, size: tuple[int, int]) -> Floats:
    """Give the (2, 3) map from an actor's picture to the frame."""
    middle = np.array(size, np.float32) / 2
    box = box_of(look.landmarks)
    scale = part.side * zoom / look.side
    there = (np.array([part.x, part.y], np.float32) - middle) * zoom + middle
    shift = there - scale * (box[:2] + box[2:]) / 2
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)


def _box(part: Part, zoom: float, size: tuple[int, int]) -> Floats:
    """Give the face's box in the frame."""
    total = np.zeros(4, np.float32)
    for look, share in _looks(part):
        place = _place(part, look, zoom, size)
        total += share * box_of((look.landmarks @ place[:, :2].T + place[:, 2]).astype(np.float32))
    return total


def _cut_out(part: Part, zoom: float, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Give an actor's pixels and opacity in the frame."""
    fresh, opacity = np.zeros((*size[::-1], 3), np.float32), np.zeros(size[::-1], np.float32)
    for look, share in _looks(part):
        image, alpha = _warped(look, _place(part, look, zoom, size), size)
        fresh += share * image
        opacity += share * alpha
    if part.back:
        fresh[:] = _hair(_looks(part)[0][0])
        fresh += np.random.default_rng(3).normal(0, 6, fresh.shape)
    return fresh, np.float32(part.opacity) * opacity


def _warped(look: Look, place: Floats, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Give a picture's pixels and opacity in the frame."""
    image, alpha, scale = look.image, look.alpha, float(place[0, 0])
    if scale < 0.7:  # warping alone would alias
        across, down = (max(1, round(1.2 * scale * side)) for side in image.shape[1::-1])
        ratio = np.array([image.shape[1] / across, image.shape[0] / down], np.float32)
        image = np.asarray(
            cv2.resize(image, (across, down), interpolation=cv2.INTER_AREA), np.uint8
        )
        alpha = np.asarray(
            cv2.resize(alpha, (across, down), interpolation=cv2.INTER_AREA), np.float32
        )
        linear = place[:, :2] * ratio
        offset = place[:, 2] + place[:, :2] @ ((ratio - 1) / 2)
        place = np.column_stack([linear, offset]).astype(np.float32)
    fresh = cv2.warpAffine(image, place, size).astype(np.float32)
    return fresh, np.asarray(cv2.warpAffine(alpha, place, size), np.float32)


def _hair(look: Look) -> Floats:
    """Give the colour above the forehead."""
    box, smooth = box_of(look.landmarks), cv2.GaussianBlur(look.image, (0, 0), 9)
    above = max(0, int(box[1] - 0.15 * look.side))
    return np.asarray(smooth[above, int((box[0] + box[2]) / 2)], np.float32)


def _share(mask: Floats, box: Floats) -> float:
    """Give the share of a box that is in the frame and uncovered."""
    height, width = mask.shape
    x0, y0, x1, y1 = np.clip(box, 0, [width, height, width, height]).astype(int)
    area = float(np.prod(box[2:] - box[:2]))
    return float(mask[y0:y1, x0:x1].sum()) / max(area, 1.0)


def cast(data: Path, tenths: Collection[int] = (0,)) -> tuple[list[Actor], list[Image]]:
    """Give people and backgrounds that training never saw.

    Args:
        data: Folder of the data packs.
        tenths: Of `training.data.packs.tenth_of`; others than 0 took part in training.

    Returns:
        Actors with two pictures or more of one film, most pictures first; and backgrounds of
        `SIZE`.

    Raises:
        SourceError: A pack is missing or damaged, or has no such people.
    """
    scenes, labels = open_files(data, "scenes"), open_files(data, "teacher_labels")
    landmarks, rows = (
        _landmarks(labels),
        parse_table(scenes.lines("scenes.csv"), scenes.place("scenes.csv")),
    )
    films: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        name = row["image"]
        person = person_of(name)
        if row["person"] == "1" and tenth_of(person) in tenths and name in landmarks:
            films.setdefault((person, name[:5], name[-6]), []).append(name)  # ..._FK.jpg: film F
    longest: dict[str, list[str]] = {}
    for (person, *_), names in sorted(films.items(), key=lambda item: (-len(item[1]), item[0])):
        longest.setdefault(person, names)
    actors = [
        Actor(person, tuple(cut_out(scenes.image(f"images/{n}"), landmarks[n]) for n in names))
        for person, names in longest.items()
        if len(names) > 1
    ]
    grounds = [
        row["image"]
        for row in rows
        if row["source"] == "background" and tenth_of(row["image"]) in tenths
    ]
    if len(actors) < 2 or not grounds:
        raise SourceError(f"{scenes.where}: people and backgrounds for films: too few of them")
    return actors, [_resized(scenes, name) for name in grounds[:GROUNDS_MAX]]


def _landmarks(labels: Files) -> dict[str, Floats]:
    name = "landmarks_scenes.npz"
    table = TeacherLabels(labels.place(name), io.BytesIO(labels.read(name)))
    points = table.points * table["size"].astype(np.float32)[:, None, :] - 0.5
    good = table.trusted()
    return {
        name.removeprefix("images/"): points[k] for k, name in enumerate(table.names) if good[k]
    }


def _resized(scenes: Files, name: str) -> Image:
    return np.asarray(cv2.resize(scenes.image(f"images/{name}"), SIZE), np.uint8)


def cut_out(image: Image, landmarks: Floats) -> Look:
    """Cut head and shoulders out of a picture, by the face's place alone.

    Args:
        image: (H, W, 3) uint8, BGR.
        landmarks: (68, 2) float32, pixels.
    """
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    (x, y), (across, down) = (low + high) / 2, (high - low) / 2
    alpha = np.zeros(image.shape[:2], np.float32)
    axes = (int(1.35 * across), int(1.65 * down))
    cv2.ellipse(alpha, (int(x), int(y - 0.25 * down)), axes, 0, 0, 360, 1.0, -1)
    right = [(0.7, 0.8), (2.2, 1.9), (2.4, 5.0)]  # half sizes of the face from its middle
    shape = [(-a, b) for a, b in right] + right[::-1]
    shoulders = np.array([(x + a * across, y + b * down) for a, b in shape]).astype(np.int32)
    cv2.fillPoly(alpha, [shoulders], (1.0,))
    return Look(image, cv2.GaussianBlur(alpha, (0, 0), 1.5).astype(np.float32), landmarks)
