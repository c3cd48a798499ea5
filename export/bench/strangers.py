"""Pictures of people and places that training did not see, made to try the finder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np

from engine.errors import SourceError
from engine.types import Floats
from training.data.files import open_files
from training.data.packs import parse_table, person_of
from training.detector.packs import Gray, Pack, Packs
from training.detector.paste import place, shrink, turn_box

Rng = np.random.Generator
Degrade = Callable[[Gray, Rng], Gray]

FADE: Final = 0.06  # of a picture's shorter side, by which its edges fade into the place around
BENT_DEG: Final = 25.0
PITCH_USUAL_DEG: Final = -5.0  # median of the packs


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """One picture of somebody.

    Attributes:
        person: Whom it shows.
        picture: Index in the packs.
        row: Of the face in their tables: the largest that is sure.
    """

    person: str
    picture: int
    row: int


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture to find faces in.

    Attributes:
        image: (H, W) uint8.
        boxes: (n, 4) float32, of the faces that must be found; they may leave the picture.
        unsure: (m, 4) float32, where a find is neither right nor wrong.
    """

    image: Gray
    boxes: Floats
    unsure: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """How somebody is shown.

    Attributes:
        size: Width and height of the picture, pixels.
        face_px: Side of the face's box.
        turn_deg: Clockwise.
        stretch: Width for the height, times.
    """

    size: tuple[int, int]
    face_px: float
    turn_deg: float = 0.0
    stretch: float = 1.0


class Strangers:
    """The people and places of the packs that are kept from training.

    Args:
        packs: All pictures.
        data: Folder of the data packs, for the names.

    Raises:
        SourceError: The packs lack a table, or their cache is of other packs.
    """

    def __init__(self, packs: Packs, data: Path) -> None:
        self._packs = packs
        self.places = packs.select(Pack.BACKGROUND, held=True)
        self.sitters = tuple(self._sitters(data))

    def _sitters(self, data: Path) -> Iterator[Sitter]:
        for pack, name, table in (
            (Pack.PORTRAIT, "faces_wild", "legend.csv"),
            (Pack.FRAME, "scenes", "scenes.csv"),
        ):
            path = data / name if (data / name).is_dir() else data / f"{name}.zip"
            files = open_files(path)
            rows = parse_table(files.lines(table), files.place(table))
            named = [row["image"] for row in rows if row.get("person", "1") == "1"]
            pictures = np.flatnonzero(self._packs.pack == pack)
            if len(named) != len(pictures):
                raise SourceError(
                    f"{path}: {len(named)} people's pictures, {len(pictures)} in the cache of "
                    "decoded data; remove that or name another --cache"
                )
            for picture, image in zip(pictures.tolist(), named, strict=True):
                if self._packs.held[picture]:
                    yield from self._sitter(person_of(image), picture)

    def _sitter(self, person: str, picture: int) -> Iterator[Sitter]:
        rows = self._packs.faces(picture)
        boxes, unsure = self._packs.boxes[rows], self._packs.ignore[rows]
        if len(boxes) and not unsure.all():
            area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) * ~unsure
            yield Sitter(person, picture, int(rows.start) + int(area.argmax()))

    def one_each(self, sitters: Sequence[Sitter], count: int, rng: Rng) -> list[Sitter]:
        """Choose `count` people by lot, fewer where there are no more, a picture of each."""
        by_person: dict[str, list[Sitter]] = {}
        for sitter in sitters:
            by_person.setdefault(sitter.person, []).append(sitter)
        people = sorted(by_person)
        chosen = rng.permutation(len(people))[:count]
        return [by_person[people[k]][int(rng.integers(len(by_person[people[k]])))] for k in chosen]

    def posed(self, pose: Literal["profile", "lowered"]) -> list[Sitter]:
        """List the pictures of heads in profile, or lowered."""
        yaw, pitch = self._packs.pose[[sitter.row for sitter in self.sitters]].T
        turned = np.abs(yaw) > BENT_DEG
        chosen = turned if pose == "profile" else pitch < PITCH_USUAL_DEG - BENT_DEG * 0.6
        return [sitter for sitter, is_so in zip(self.sitters, chosen, strict=True) if is_so]

    def place(self, index: int, size: tuple[int, int]) -> Gray:
        """Give a place without people, cut to a size."""
        picture = self._packs.picture(int(self.places[index % len(self.places)]))
        height, width = picture.shape
        scale = max(size[0] / width, size[1] / height)
        whole = (max(size[0], round(width * scale)), max(size[1], round(height * scale)))
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        large = cv2.resize(picture, whole, interpolation=kind)
        x0, y0 = (whole[0] - size[0]) // 2, (whole[1] - size[1]) // 2
        return np.asarray(large[y0 : y0 + size[1], x0 : x0 + size[0]], np.uint8).copy()

    def scene(self, sitter: Sitter, shot: Shot, rng: Rng) -> Scene:
        """Show somebody in a place, anywhere that the face has room."""
        packs = self._packs
        picture, box = packs.picture(sitter.picture), packs.boxes[sitter.row]
        extent, size = box[2:] - box[:2], np.array(shot.size, np.float32)
        scale = shot.face_px / float(np.sqrt(np.prod(extent)))
        wide = np.sqrt(shot.stretch)
        longest = float((extent * (wide, 1 / wide)).max())
        room = np.maximum(size - scale * longest, 0.0)
        centre = ((size - 1) / 2 + rng.uniform(-0.5, 0.5, 2) * room).astype(np.float32)
        middle = (box[:2] + box[2:]) / 2
        flip = bool(rng.random() < 0.5)
        matrix = place(scale, shot.turn_deg, middle, centre, flip, shot.stretch)
        image = self.place(int(rng.integers(len(self.places))), shot.size)
        rows = packs.faces(sitter.picture)
        others = [k for k in range(rows.start, rows.stop) if k != sitter.row]
        return Scene(
            _faded(image, picture, matrix),
            turn_box(box, matrix)[None],
            _stack([turn_box(packs.boxes[k], matrix) for k in others]),
        )

    def empty(self, index: int, size: tuple[int, int]) -> Scene:
        """Show a place without people."""
        return Scene(self.place(index, size), _stack([]), _stack([]))


def _stack(boxes: Sequence[Floats]) -> Floats:
    return np.array(boxes, np.float32).reshape(-1, 4)


def _faded(image: Gray, picture: Gray, matrix: Floats) -> Gray:
    """Lay a picture onto another; its edges fade into what is around."""
    height, width = picture.shape
    edge = max(1.0, FADE * min(height, width))
    across, down = (
        np.clip(np.minimum(np.arange(n) + 0.5, n - 0.5 - np.arange(n)) / edge, 0, 1)
        for n in (width, height)
    )
    alpha = (255 * np.minimum.outer(down, across)).astype(np.uint8)
    small, warp = shrink(picture, matrix)
    size = (image.shape[1], image.shape[0])
    fresh = cv2.warpAffine(small, warp, size, borderMode=cv2.BORDER_REPLICATE)
    veil, veil_warp = shrink(alpha, matrix)
    share = cv2.warpAffine(veil, veil_warp, size).astype(np.float32) / 255
    return np.asarray(np.rint(image + share * (fresh.astype(np.float32) - image)), np.uint8)


def lit(light: float) -> Degrade:
    """Take a part of the light, not of the sensor's noise; above 1 it is too much."""

    def degrade(image: Gray, rng: Rng) -> Gray:
        return _clipped(image * np.float32(light) + _normal(rng, image, 1.0))

    return degrade


def flat(share: float) -> Degrade:
    """Leave a share of the contrast, as fog does."""

    def degrade(image: Gray, rng: Rng) -> Gray:
        return _clipped(128 + (image.astype(np.float32) - 128) * np.float32(share))

    return degrade


def noisy(deviation: float) -> Degrade:
    """Add noise."""

    def degrade(image: Gray, rng: Rng) -> Gray:
        return _clipped(image.astype(np.float32) + _normal(rng, image, deviation))

    return degrade


def packed(quality: int) -> Degrade:
    """Write and read a JPEG file."""

    def degrade(image: Gray, rng: Rng) -> Gray:
        _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), np.uint8)

    return degrade


def moved(way_px: int) -> Degrade:
    """Blur by a movement."""

    def degrade(image: Gray, rng: Rng) -> Gray:
        kernel = np.zeros((way_px, way_px), np.float32)
        angle = rng.uniform(0, np.pi)
        reach = np.array([np.cos(angle), np.sin(angle)]) * (way_px - 1) / 2
        low, high = (np.rint((way_px - 1) / 2 + sign * reach).astype(int) for sign in (-1, 1))
        cv2.line(kernel, low.tolist(), high.tolist(), 1.0)
        return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)

    return degrade


def unfocused(deviation_px: float) -> Degrade:
    """Blur all of it."""

    def degrade(image: Gray, rng: Rng) -> Gray:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), deviation_px), np.uint8)

    return degrade


DEGRADED: Final[Mapping[str, Degrade]] = {
    **{f"light {light:g}": lit(light) for light in (1.0, 0.3, 0.15, 0.08, 0.05)},
    **{f"overexposed, light {light:g}": lit(light) for light in (2.0, 3.0)},
    "flat, contrast 0.15": flat(0.15),
    **{f"noise {deviation:g}": noisy(deviation) for deviation in (10, 20, 30)},
    **{f"JPEG {quality}": packed(quality) for quality in (30, 20, 10, 5)},
    **{f"moved by {way_px} px": moved(way_px) for way_px in (7, 13)},
    **{f"out of focus, {px:g} px": unfocused(px) for px in (1.5, 3.0)},
}


def covered(scene: Scene, side: Literal["below", "beside"], filling: Gray) -> Scene:
    """Cover half of the first face: from the nose down, or from the nose to a side."""
    height, width = scene.image.shape
    x0, y0, x1, y1 = scene.boxes[0]
    low, high = np.array([x0, y0]), np.array([x1, y1])
    low[1 if side == "below" else 0] = (y0 + y1) / 2 if side == "below" else (x0 + x1) / 2
    (a, b), (c, d) = (np.clip(p, 0, (width, height)).astype(int).tolist() for p in (low, high))
    image = scene.image.copy()
    if c > a and d > b:
        image[b:d, a:c] = cv2.resize(filling, (c - a, d - b), interpolation=cv2.INTER_AREA)
    return replace(scene, image=image)


def _normal(rng: Rng, image: Gray, deviation: float) -> Floats:
    return rng.standard_normal(image.shape, np.float32) * np.float32(deviation)


def _clipped(image: Floats) -> Gray:
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)
