"""Make training pictures: faces of known place in scenes where the paste gives nothing away.

Three kinds of scene: one person's frame as it is, a sheet of tiles (portraits, frames,
backgrounds), and faces pasted on a background. Every way of pasting a face is used for pieces
without a face as well, so that an edge, a blur or a sharpness never means "face".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.types import Floats
from training.data.camera import CameraFaults, Light, degrade, relight
from training.data.worn import wear
from training.detector.packs import Gray, Pack, Packs
from training.detector.paste import outline_of, overlap, paste, place, rectangle, shrink, turn_box

Rng = np.random.Generator

SMALLEST: Final = 8.0  # px; smaller faces are neither taught nor counted as background
VISIBLE: Final = 0.65  # share of a face's box that must show
LIGHT: Final = Light(
    gamma=0.25, gain=0.2, offset=15, pivot=0.5, shaded=0.15, depth=(0.2, 0.7), lit=1
)
CAMERA: Final = CameraFaults(
    light=LIGHT,
    relit=0.35,
    coarse=0.12,
    factor=(1.2, 2.2),
    blurred=0.2,
    still=0.6,
    focus_px=(0.4, 1.8),
    motion_px=(3, 7),
    noisy=0.3,
    noise=lambda rng: np.exp(rng.uniform(0, np.log(14))),
    packed=0.45,
    quality=(25, 95),
)
# What cameras do in the dark, in motion and over bad connections; of faces smaller than HARSH_PX
# nothing would be left.
HARSH: Final = CameraFaults(
    light=LIGHT,
    relit=0.35,
    exposed=0.6,
    exposure=(0.05, 3.0),
    coarse=0.25,
    factor=(1.2, 3.0),
    blurred=0.35,
    still=0.5,
    focus_px=(0.8, 3.0),
    motion_px=(5, 13),
    noisy=0.5,
    noise=lambda rng: np.exp(rng.uniform(0, np.log(25))),
    packed=0.5,
    quality=(5, 40),
)
HARSH_PX: Final = 24.0
HARSH_SHARE: Final = 0.5
STRETCHED: Final = 0.15  # of the faces


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One training picture.

    Attributes:
        image: (S, S) uint8, gray.
        boxes: (n, 4) float32, x0 y0 x1 y1, pixels.
        points: (n, 5, 2) float32, NaN where unknown.
        ignore: (n,) bool, regions that are neither face nor background.
    """

    image: Gray
    boxes: Floats
    points: Floats
    ignore: NDArray[np.bool_]


class Canvas:
    """A picture under construction and the faces on it."""

    def __init__(self, image: Gray) -> None:
        self.image = image
        self.boxes: list[Floats] = []
        self.points: list[Floats] = []
        self.ignore: list[bool] = []

    def paint_over(self, painted: Gray) -> None:
        """Mark faces as unsure that a paste hides too much of, in place."""
        height, width = painted.shape
        for k, box in enumerate(self.boxes):
            x0, y0, x1, y1 = np.clip(box, 0, [width, height, width, height]).astype(int).tolist()
            hidden = painted[y0 : y1 + 1, x0 : x1 + 1]
            if hidden.size and hidden.mean() > 255 * (1 - VISIBLE):
                self.ignore[k] = True

    def sample(self) -> Sample:
        """Finish: hide what is too small or too far outside behind `ignore`."""
        height, width = self.image.shape
        boxes = np.array(self.boxes, np.float32).reshape(-1, 4)
        points = np.array(self.points, np.float32).reshape(-1, 5, 2)
        ignore = np.array(self.ignore, bool)
        shown = overlap(boxes, np.array([[0, 0, width, height]], np.float32))[:, 0]
        side = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
        ignore |= (shown < VISIBLE) | (side < SMALLEST)
        keep = shown > 0.02
        return Sample(self.image, boxes[keep], points[keep], ignore[keep])


class SceneMaker:
    """Draws training pictures from the packs.

    Args:
        packs: All pictures.
        held: Draw from the validation side.
        weights: (backgrounds,) float64, how often each background is drawn; may be changed
            from outside while scenes are made (hard negatives).
    """

    def __init__(self, packs: Packs, *, held: bool, weights: NDArray[np.float64]) -> None:
        self._packs = packs
        self._weights = weights
        self._portraits = self._turned_oftener(packs.select(Pack.PORTRAIT, held=held))
        self._frames = self._turned_oftener(packs.select(Pack.FRAME, held=held))
        self._stamps = self._turned_oftener(packs.select(Pack.STAMP, held=held))
        self._backgrounds = packs.select(Pack.BACKGROUND, held=held)

    def make(self, rng: Rng, side: int) -> Sample:
        """Draw one square picture of `side` pixels."""
        kind = rng.random()
        if kind < 0.2:
            canvas = self._single(rng, side)
        elif kind < 0.5:
            canvas = self._sheet(rng, side)
        elif kind < 0.9:
            canvas = self._pasted(rng, side)
        else:
            canvas = Canvas(self._ground(rng, side))
        canvas.image = degrade(canvas.image, rng, _camera(canvas, rng))
        return canvas.sample()

    def make_crowd(self, rng: Rng, side: int) -> Sample:
        """Draw a picture of pasted faces only, for validation."""
        canvas = self._pasted(rng, side)
        canvas.image = degrade(canvas.image, rng, _camera(canvas, rng))
        return canvas.sample()

    def _turned_oftener(self, pictures: NDArray[np.int64]) -> NDArray[np.int64]:
        """Keep pictures with a sure face; list turned and bent heads, which are few, repeatedly."""
        packs = self._packs
        copies = np.zeros(len(pictures), np.int64)
        for k, picture in enumerate(pictures.tolist()):
            if not packs.ignore[packs.faces(picture)].all():
                face = self._main_face(picture)
                copies[k] = oftener(packs.points[face], packs.pose[face])
        return np.repeat(pictures, copies)

    def _main_face(self, picture: int) -> int:
        """Give the largest sure face's row."""
        rows = self._packs.faces(picture)
        boxes = self._packs.boxes[rows]
        area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) * ~self._packs.ignore[rows]
        return int(self._packs.face_start[picture]) + int(area.argmax())

    def _background(self, rng: Rng) -> Gray:
        total = np.cumsum(self._weights)
        pick = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        return self._packs.picture(int(self._backgrounds[min(pick, len(total) - 1)]))

    def _ground(self, rng: Rng, side: int) -> Gray:
        """A background over the whole canvas: random part, scale, turn, and light."""
        picture = self._background(rng)
        height, width = picture.shape
        fill = side / min(height, width)
        scale = fill * float(np.exp(rng.uniform(-0.5, 0.9)))
        source = np.array([rng.uniform(0, width), rng.uniform(0, height)], np.float32)
        angle = rng.uniform(-10, 10) if rng.random() < 0.3 else 0.0
        matrix = place(scale, angle, source, np.full(2, side / 2, np.float32), rng.random() < 0.5)
        small, matrix = shrink(picture, matrix)
        warped = cv2.warpAffine(small, matrix, (side, side), borderMode=cv2.BORDER_REFLECT_101)
        return relight(np.asarray(warped, np.uint8), rng, CAMERA.light)

    def _stamp_picture(
        self,
        canvas: Canvas,
        picture: int,
        matrix: Floats,
        clip: tuple[int, int, int, int],
        rng: Rng,
    ) -> None:
        """Put a whole picture on the canvas inside `clip` (x0 y0 x1 y1), in place."""
        x0, y0, x1, y1 = clip
        shifted = matrix.copy()
        shifted[:, 2] -= (x0, y0)
        source = relight(self._packs.picture(picture), rng, CAMERA.light)
        small, warp = shrink(source, shifted)
        region = canvas.image[y0:y1, x0:x1]
        size = (x1 - x0, y1 - y0)
        fresh = cv2.warpAffine(small, warp, size, borderMode=cv2.BORDER_REPLICATE)
        cover = cv2.warpAffine(np.full(small.shape, 255, np.uint8), warp, size)
        region[:] = np.where(cover > 127, fresh, region)
        bounds = np.array([[x0, y0, x1, y1]], np.float32)
        self._hide(canvas, bounds[0])
        rows = self._packs.faces(picture)
        for row in range(int(rows.start), int(rows.stop)):
            box = turn_box(self._packs.boxes[row], matrix)
            shown = float(overlap(box[None], bounds)[0, 0])
            if shown > 0.02:
                hidden = bool(self._packs.ignore[row]) or shown < VISIBLE
                self._note(canvas, row, box, matrix, hidden)

    def _note(self, canvas: Canvas, row: int, box: Floats, matrix: Floats, hidden: bool) -> None:
        """Write a face into the canvas's list, in place."""
        points = self._packs.points[row] @ matrix[:, :2].T + matrix[:, 2]
        if np.linalg.det(matrix[:, :2]) < 0:
            points = points[[1, 0, 2, 4, 3]]
        canvas.boxes.append(box)
        canvas.points.append(points.astype(np.float32))
        canvas.ignore.append(hidden)

    @staticmethod
    def _hide(canvas: Canvas, region: Floats) -> None:
        """Mark faces that `region` covers as unsure, or drop them, in place."""
        if not canvas.boxes:
            return
        covered = overlap(np.array(canvas.boxes, np.float32), region[None])[:, 0]
        for k in np.flatnonzero(covered > 1 - VISIBLE).tolist():
            canvas.ignore[k] = True
        for k in reversed(np.flatnonzero(covered > 0.97).tolist()):
            del canvas.boxes[k], canvas.points[k], canvas.ignore[k]

    def _single(self, rng: Rng, side: int) -> Canvas:
        """One person's frame, whole or cut, over a background."""
        canvas = Canvas(self._ground(rng, side))
        picture = int(rng.choice(self._frames))
        box = self._packs.boxes[self._main_face(picture)]
        face = float(np.sqrt(np.prod(box[2:] - box[:2])))
        height, width = self._packs.picture(picture).shape
        want = float(np.exp(rng.uniform(np.log(14), np.log(0.95 * side))))
        if rng.random() < 0.4:
            want = float(rng.uniform(0.3, 1.15) * side)
        scale = want / face
        spare = np.array([side - width * scale, side - height * scale])
        corner = rng.uniform(np.minimum(spare, 0), np.maximum(spare, 0))
        centre = np.array([width, height], np.float32) / 2
        angle = _turn(rng, 10.0)
        target = (corner + centre * scale).astype(np.float32)
        if want > 0.4 * side:  # keep a big face in sight
            middle = (box[:2] + box[2:]) / 2
            centre, target = middle, rng.uniform(0.35 * side, 0.65 * side, 2).astype(np.float32)
        matrix = place(scale, angle, centre, target, rng.random() < 0.5, _stretch(rng))
        self._stamp_picture(canvas, picture, matrix, (0, 0, side, side), rng)
        return canvas

    def _sheet(self, rng: Rng, side: int) -> Canvas:
        """Tiles side by side, each a portrait, a frame, a FER+ face or a background."""
        canvas = Canvas(self._ground(rng, side))
        least = int(np.exp(rng.uniform(np.log(28), np.log(side / 2))))
        for tile in _split((0, 0, side, side), least, rng):
            self._fill(canvas, tile, rng)
        return canvas

    def _fill(self, canvas: Canvas, tile: tuple[int, int, int, int], rng: Rng) -> None:
        """Fill one tile, in place."""
        x0, y0, x1, y1 = tile
        extent = min(x1 - x0, y1 - y0)
        kind = rng.random()
        if kind < 0.35:
            pool = self._backgrounds
        elif kind < 0.6 or (kind < 0.8 and extent > 96):
            pool = self._frames
        elif kind < 0.8:
            pool = self._stamps
        else:
            pool = self._portraits
        picture = int(rng.choice(pool))
        height, width = self._packs.picture(picture).shape
        cover = max((x1 - x0) / width, (y1 - y0) / height)
        scale = cover * rng.uniform(0.85, 1.35)
        source = np.array([width, height], np.float32) / 2
        target = np.array([x0 + x1, y0 + y1], np.float32) / 2
        target += (rng.uniform(-0.1, 0.1, 2) * extent).astype(np.float32)
        angle = _turn(rng, 8.0)
        matrix = place(scale, angle, source, target, rng.random() < 0.5, _stretch(rng))
        self._stamp_picture(canvas, picture, matrix, tile, rng)

    def _pasted(self, rng: Rng, side: int) -> Canvas:
        """Heads on a background, with pieces of background pasted the same way."""
        canvas = Canvas(self._ground(rng, side))
        for _ in range(rng.poisson(1.5)):
            self._decoy(canvas, rng)
        count = int(np.exp(rng.uniform(0, np.log(64))))
        typical = float(np.exp(rng.uniform(np.log(10), np.log(0.8 * side))))
        typical = min(typical, 0.75 * side / np.sqrt(count))
        taken = np.zeros((0, 4), np.float32)
        for _ in range(count):
            size = float(np.clip(typical * np.exp(rng.normal(0, 0.3)), 9, 0.85 * side))
            centre = _free_spot(taken, size, side, rng)
            if centre is not None:
                self._head(canvas, centre, size, rng)
                taken = np.array(canvas.boxes, np.float32).reshape(-1, 4)
        return canvas

    def _head(self, canvas: Canvas, centre: Floats, size: float, rng: Rng) -> None:
        """Paste one head with a soft outline, in place."""
        pools: Sequence[NDArray[np.int64]] = (self._portraits, self._frames, self._stamps)
        odds = (0.5, 0.3, 0.2) if size < 64 else (0.55, 0.45, 0.0)
        picture = int(rng.choice(pools[int(rng.choice(3, p=odds))]))
        row = self._main_face(picture)
        box = self._packs.boxes[row]
        scale = size / float(np.sqrt(np.prod(box[2:] - box[:2])))
        angle = _turn(rng, 14.0)
        middle = (box[:2] + box[2:]) / 2
        matrix = place(scale, angle, middle, centre, rng.random() < 0.5, _stretch(rng))
        outline = outline_of(self._packs.landmarks[row], box, rng)
        source = relight(self._packs.picture(picture), rng, CAMERA.light)
        canvas.paint_over(paste(canvas.image, source, matrix, outline, rng))
        turned = turn_box(box, matrix)
        hidden = False
        kind = rng.random()
        if kind < 0.1:
            hidden = self._cover(canvas.image, turned, rng)
        elif kind < 0.3:
            wear(canvas.image, *_axes(turned, matrix), self._background, rng)
        self._note(canvas, row, turned, matrix, hidden)

    def _decoy(self, canvas: Canvas, rng: Rng) -> None:
        """Paste a piece without a face, outlined like a head, in place."""
        side = canvas.image.shape[0]
        if rng.random() < 0.5:
            source, low = self._background(rng), 0.0
        else:  # clothes and shoulders
            picture = int(rng.choice(self._frames))
            rows = self._packs.faces(picture)
            source = self._packs.picture(picture)
            low = float(self._packs.boxes[rows][:, 3].max()) + 4
            if low > source.shape[0] - 24:
                return
        height, width = source.shape
        extent = float(rng.uniform(0.3, 0.9) * min(width, height - low))
        x0 = rng.uniform(0, width - extent)
        y0 = rng.uniform(low, height - extent)
        box = np.array([x0, y0, x0 + 0.8 * extent, y0 + extent], np.float32)
        size = float(np.exp(rng.uniform(np.log(10), np.log(0.5 * side))))
        inside = source[int(low) :]
        shift = np.array([0, int(low)] * 2, np.float32)
        centre = rng.uniform(0, side, 2).astype(np.float32)
        matrix = place(
            size / extent,
            rng.normal(0, 14),
            (box - shift).reshape(2, 2).mean(axis=0),
            centre,
            False,
        )
        outline = outline_of(np.full((68, 2), np.nan, np.float32), box - shift, rng)
        paste(canvas.image, relight(inside, rng, CAMERA.light), matrix, outline, rng)
        if rng.random() < 0.3:  # a mask or a hat does not mean a face
            wear(canvas.image, *_axes(turn_box(box - shift, matrix), matrix), self._background, rng)

    def _cover(self, image: Gray, box: Floats, rng: Rng) -> bool:
        """Cover a part of a face with background, in place; True where too much is hidden."""
        extent = box[2:] - box[:2]
        share = float(rng.uniform(0.1, 0.55))
        top = rng.random() < 0.3
        low, high = box.copy()[:2], box.copy()[2:]
        if rng.random() < 0.35:  # from a side
            if rng.random() < 0.5:
                high[0] = low[0] + share * extent[0]
            else:
                low[0] = high[0] - share * extent[0]
        elif top:
            high[1] = low[1] + 0.7 * share * extent[1]
        else:
            low[1] = high[1] - share * extent[1]
        source = relight(self._background(rng), rng, CAMERA.light)
        scale = float(max(high - low)) / (0.6 * min(source.shape))
        middle = np.array(source.shape[::-1], np.float32) / 2
        matrix = place(scale, 0.0, middle, ((low + high) / 2).astype(np.float32), False)
        half = (high - low) / 2 / scale
        piece = np.concatenate([middle - half, middle + half]).astype(np.float32)
        paste(image, source, matrix, rectangle(piece), rng)
        return share > 0.45


def _camera(canvas: Canvas, rng: Rng) -> CameraFaults:
    """Choose what the camera does, by what the faces stand."""
    boxes = np.array(canvas.boxes, np.float32).reshape(-1, 4)
    side = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    if len(side) and np.median(side) < HARSH_PX:
        return CAMERA
    return HARSH if rng.random() < HARSH_SHARE else CAMERA


def _stretch(rng: Rng) -> float:
    """Draw how many times as wide for its height a face is: a film whose pixels are not square."""
    return float(np.exp(rng.uniform(-0.6, 0.6))) if rng.random() < STRETCHED else 1.0


def _turn(rng: Rng, usual_deg: float) -> float:
    """Draw how far a head is tilted to a side: mostly little, one in five up to 60 degrees."""
    if rng.random() < 0.2:
        return float(rng.uniform(-60, 60))
    return float(np.clip(rng.normal(0, usual_deg), -35, 35))


def _axes(box: Floats, matrix: Floats) -> tuple[Floats, Floats]:
    """Give a pasted face's centre and, in columns, half its width and half its height."""
    linear = matrix[:, :2] / np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    half = float(np.sqrt(np.prod(box[2:] - box[:2]))) / 2
    axes = linear * np.array([0.85, 1.15], np.float32) * half
    return ((box[:2] + box[2:]) / 2).astype(np.float32), axes.astype(np.float32)


def oftener(points: Floats, pose: Floats) -> int:
    """Say how often a face is listed: once from the front, up to eight times bent and in profile.

    Args:
        points: (5, 2), NaN where unknown, as of profiles that the landmark teacher is unsure of.
        pose: (2,) float32, yaw and pitch in degrees; NaN where unknown.
    """
    if np.isnan(points).any():
        return 5
    turn = max(turned_by(points) / 0.15, (abs(float(np.nan_to_num(pose[0]))) - 10) / 8, 0.0)
    bend = max((abs(float(np.nan_to_num(pose[1], nan=-5.0)) + 5) - 10) / 5, 0.0)
    return 1 + round(min(turn, 4.0)) + round(min(bend, 3.0))


def turned_by(points: Floats) -> float:
    """Say how far a face is turned aside: 0 seen from the front, about 0.5 in half profile.

    The nose's way from between the eyes, along the line of the eyes, over their distance.
    """
    right, left, nose = points[:3]
    line = left - right
    along = float(np.dot(nose - (left + right) / 2, line)) / max(float(np.dot(line, line)), 1e-6)
    return abs(along) if np.isfinite(along) else 0.0


def _free_spot(taken: Floats, size: float, side: int, rng: Rng) -> Floats | None:
    """Find a centre where a face of `size` covers little of the others."""
    margin = 0.3 * size
    for _ in range(6):
        centre = rng.uniform(margin, side - margin, 2).astype(np.float32)
        box = np.concatenate([centre - size * 0.55, centre + size * 0.55])[None]
        if not len(taken) or max(overlap(box, taken).max(), overlap(taken, box).max()) < 0.2:
            return centre
    return None


def _split(
    tile: tuple[int, int, int, int], least: int, rng: Rng
) -> list[tuple[int, int, int, int]]:
    """Cut a rectangle into tiles of at least `least` pixels a side."""
    x0, y0, x1, y1 = tile
    width, height = x1 - x0, y1 - y0
    if max(width, height) < 2 * least or (max(width, height) < 5 * least and rng.random() < 0.1):
        return [tile]
    share = rng.uniform(0.35, 0.65)
    if width >= height:
        cut = int(np.clip(x0 + share * width, x0 + least, x1 - least))
        return _split((x0, y0, cut, y1), least, rng) + _split((cut, y0, x1, y1), least, rng)
    cut = int(np.clip(y0 + share * height, y0 + least, y1 - least))
    return _split((x0, y0, x1, cut), least, rng) + _split((x0, cut, x1, y1), least, rng)
