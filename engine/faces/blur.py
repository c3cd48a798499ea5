"""Making faces unrecognisable, for recordings of people who do not want to be known."""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Annotated, Final, Generic, Literal, TypeVar

import cv2
import numpy as np
from pydantic import Field

from engine.config import checked
from engine.types import Analysis, Floats, Image

Kind = Literal["blur", "mosaic", "box"]
T = TypeVar("T")

MARGIN: Final = 0.35  # of the box on each side: hair, ears and chin tell people apart too
BLOCKS: Final = 5  # what is left of a face is an average over this many squares a side
AHEAD_S: Final = (
    1.0  # a face that is found was most likely there for a while: the detector skips frames
)
HOLD_S: Final = 1.0  # a face that is not found for a moment is still there
_SIDE: Final = 24  # pixels that a face's longer side has while it is looked for
_LEAST: Final = 8  # pixels; a smaller face has nothing to be followed by
_REACH: Final = 1.5  # of the box: how far a face moves from one frame to the next, at most
_ALIKE: Final = 0.5  # correlation, -1 to 1, from which it is the same face
_GROWS: Final = (
    0.15  # of the box on each side, for every frame in which the face is nowhere to be seen
)
_GROWN: Final = 1.0  # of the box on each side, at most
_UNLIKE: Final = 2.5  # sizes that differ by more are not of one face within a second


@checked("blur")
class CoverConfig:
    """How faces are covered.

    Attributes:
        kind: ``blur`` draws the averages of a few squares smooth, ``mosaic`` as the squares that
            they are, ``box`` draws black.
        margin: Around a face's box, on each side, as a share of it.
    """

    kind: Kind = "blur"
    margin: Annotated[float, Field(ge=0, le=2)] = MARGIN


_BLUR: Final = CoverConfig()


def blur_faces(image: Image, boxes: Sequence[Floats], config: CoverConfig = _BLUR) -> Image:
    """Cover the inside of boxes, and a margin around them.

    The part is averaged down to `BLOCKS` squares a side before it is drawn again, so that no
    filter brings the face back.

    Args:
        image: (H, W, 3) uint8, BGR; never written to.
        boxes: Each (4,) float32, x0 y0 x1 y1, pixels of `image`, may leave it.
        config: What they are covered with.

    Returns:
        (H, W, 3) uint8, BGR, a new array.
    """
    picture = image.copy()
    height, width = image.shape[:2]
    for box in boxes:
        x0, y0, x1, y1 = (float(value) for value in box)
        side_x, side_y = config.margin * (x1 - x0), config.margin * (y1 - y0)
        left, top = max(0, int(x0 - side_x)), max(0, int(y0 - side_y))
        right, bottom = min(width, int(x1 + side_x) + 1), min(height, int(y1 + side_y) + 1)
        if left >= right or top >= bottom:
            continue  # wholly outside
        part = picture[top:bottom, left:right]
        if config.kind == "box":
            part[:] = 0
            continue
        smooth = _averaged(part, config.kind)
        oval = np.zeros((bottom - top, right - left), np.uint8)
        size = (right - left, bottom - top)
        centre, half = (size[0] // 2, size[1] // 2), (size[0] // 2 + 1, size[1] // 2 + 1)
        cv2.ellipse(oval, centre, half, 0, 0, 360, 255, -1)
        # The oval goes through the corners' inside; the box itself is always covered.
        _cover(oval, (x0 - left, y0 - top, x1 - left, y1 - top))
        cv2.copyTo(smooth, oval, part)
    return picture


def _averaged(part: Image, kind: Kind) -> Image:
    """Give what is left of a part of a picture, in its size."""
    squares = cv2.resize(part, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
    how = cv2.INTER_NEAREST if kind == "mosaic" else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(squares, part.shape[1::-1], interpolation=how), np.uint8)


def _cover(mask: Image, box: tuple[float, float, float, float]) -> None:
    """Set the box in `mask`, in place."""
    x0, y0, x1, y1 = box
    mask[max(0, int(y0)) : max(0, int(y1) + 1), max(0, int(x0)) : max(0, int(x1) + 1)] = 255


def moved(box: Floats, seen: Image, other: Image, near: Floats) -> Floats | None:
    """Find what a box shows in another frame, by correlation.

    Args:
        box: (4,) float32, x0 y0 x1 y1, pixels of `seen`.
        seen: (H, W, 3) uint8, the frame that the box is of.
        other: (H, W, 3) uint8.
        near: (4,) float32, where to look: within 1.5 sizes of this box.

    Returns:
        (4,) float32, the box in `other`, may leave it; None where nothing looks like it.
    """
    size = box[2:] - box[:2]
    outside = np.any(box[2:] < 1) or np.any(box[:2] > _size(seen) - 1)
    if outside or size.min() < _LEAST:
        return None
    scale = _SIDE / float(size.max())
    low = np.maximum(near[:2] - _REACH * size, -size / 2)
    high = np.minimum(near[2:] + _REACH * size, _size(other) + size / 2)
    if not np.all(high - low >= size + 2 / scale):  # wholly outside
        return None
    patch = _cut(seen, box[:2], box[2:], scale)
    found = cv2.matchTemplate(_cut(other, low, high, scale), patch, cv2.TM_CCOEFF_NORMED)
    _, alike, _, at = cv2.minMaxLoc(found)
    if not alike >= _ALIKE:
        return None
    corner = low + np.array(at) / scale
    return np.concatenate([corner, corner + size]).astype(np.float32)


def _size(image: Image) -> Floats:
    return np.array([image.shape[1], image.shape[0]], np.float32)


def _cut(image: Image, low: Floats, high: Floats, scale: float) -> Image:
    """Cut out a part, scaled; beyond the image, its edge goes on."""
    height, width = image.shape[:2]
    (x0, y0), (x1, y1) = np.rint(low).astype(int).tolist(), np.rint(high).astype(int).tolist()
    part = image[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    around = max(0, -y0), max(0, y1 - height), max(0, -x0), max(0, x1 - width)
    if any(around):
        part = np.asarray(cv2.copyMakeBorder(part, *around, cv2.BORDER_REPLICATE), np.uint8)
    size = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(slots=True, eq=False)
class Placed(Generic[T]):
    """A frame and where to cover it.

    Attributes:
        item: Whatever came with it.
        time_s: Of the frame.
        boxes: (4,) float32 each, pixels of the image that came with it.
        unsure: A face that nobody found may be elsewhere.
    """

    item: T
    time_s: float
    boxes: list[Floats]
    unsure: bool


@dataclass(slots=True, eq=False)
class _Held:
    """What a frame that waits shows; given up once no face is looked for in it any more."""

    image: Image | None


class _Followed:
    """A face that is not found in frames beside the one it was found in, and where it may be.

    It is looked for by what it looked like when it was found, else by what it looked like where it
    was seen last. While it is nowhere to be seen, the place that may hold it grows.
    """

    def __init__(self, image: Image, found: Floats) -> None:
        self._first = self._last = (found, image)
        self.missed = 0  # frames since it was seen last

    def place(self, other: Image) -> Floats:
        """Say where it may be in the next frame, in either direction of time."""
        near = self._last[0]
        at = moved(*self._first, other, near)
        if at is None and self._last is not self._first:
            at = moved(*self._last, other, near)
        if at is not None:
            self._last, self.missed = (at, other), 0
            return at
        self.missed += 1
        return _grown(near, min(_GROWS * self.missed, _GROWN))


def _grown(box: Floats, share: float) -> Floats:
    """Move each side of a box outwards by this share of its size."""
    out = share * (box[2:] - box[:2])
    return np.concatenate([box[:2] - out, box[2:] + out]).astype(np.float32)


@dataclass(slots=True, eq=False)
class _Seen:
    """A face: when and where it was found last, how it moved there, and where it may be now."""

    time_s: float
    found: Floats
    speed: Floats  # pixels a second
    followed: _Followed


class Whereabouts(Generic[T]):
    """Says where a video's faces are, also in the second before they are found and after.

    Frames are held back for as long: where a face is new, it was most likely in the frames before
    as well, since the detector does not look at every frame. There, and in those after it was lost,
    it is followed by what it looked like, and the place where it was found is given too. Between
    a face that is lost and one that is found within that time, the way from one to the other is
    given as well, whether or not they are known to be the same.
    """

    def __init__(
        self,
        hold_s: float = HOLD_S,
        ahead_s: float = AHEAD_S,
        bridge_s: float = 0.0,
        *,
        swaps: bool = True,
    ) -> None:
        """Start with no frame.

        Args:
            hold_s: How long a face is taken to be there after it was lost, seconds.
            ahead_s: The same before it is first seen; frames are held back for as long, in memory.
            bridge_s: How long somebody may be lost who is taken to have been on the way from one
                place to the other; longer than `ahead_s`, frames wait for as long, without their
                images.
            swaps: A face that is found may be one that was lost under another id.
        """
        self._swaps = swaps
        self._hold_s, self._ahead_s = hold_s, ahead_s
        self._wait_s, self._keep_s = max(ahead_s, bridge_s), max(hold_s, bridge_s)
        self._seen: dict[int, _Seen] = {}
        self._held: deque[tuple[Placed[T], _Held]] = deque()
        self._before_s = 0.0  # time of the frame before

    def push(
        self, item: T, time_s: float, image: Image, faces: Iterable[tuple[int, Floats]]
    ) -> list[Placed[T]]:
        """Take the next frame, and give those that are ready, in order.

        Args:
            item: Comes back with the places.
            time_s: Of the frame.
            image: (H, W, 3) uint8; kept for a moment, and never written to.
            faces: Those found in it: id, and (4,) float32, the box, pixels of `image`.
        """
        faces = tuple(faces)
        self._seen = {
            face: seen
            for face, seen in self._seen.items()
            if 0 <= time_s - seen.time_s <= self._keep_s
        }
        lost = {face: seen for face, seen in self._seen.items() if seen.time_s < self._before_s}
        recent = [seen for seen in lost.values() if time_s - seen.time_s <= self._hold_s]
        recent = recent if self._swaps else []
        for number, box in faces:
            before = self._seen.get(number)
            seen = self._found(time_s, image, box, before)
            if before is None or number in lost:
                self._look_back(seen)
                self._bridge(seen, recent if before is None else [before])
            self._seen[number] = seen
        boxes, missed = self._boxes(time_s, image)
        self._held.append((Placed(item, time_s, boxes, missed or not faces), _Held(image)))
        self._before_s = time_s
        for placed, held in self._held:
            if time_s - placed.time_s < self._ahead_s:
                break
            held.image = None
        ready = []
        while self._held and time_s - self._held[0][0].time_s >= self._wait_s:
            ready.append(self._held.popleft()[0])
        return ready

    def _found(self, now_s: float, image: Image, box: Floats, before: _Seen | None) -> _Seen:
        speed = np.zeros(4, np.float32)
        if before is not None and now_s > before.time_s:
            speed = ((box - before.found) / (now_s - before.time_s)).astype(np.float32)
        return _Seen(now_s, box, speed, _Followed(image, box))

    def _look_back(self, seen: _Seen) -> None:
        """Cover a new face in the frames that wait, from the newest to the oldest."""
        followed = copy(seen.followed)
        for placed, held in reversed(self._held):
            if held.image is None:
                break
            placed.boxes += [seen.found, followed.place(held.image)]

    def _bridge(self, seen: _Seen, lost: Iterable[_Seen]) -> None:
        """Cover the way from where a face was lost to where one is found, in the frames between."""
        for other in lost:
            sizes = [float((s.found[2:] - s.found[:2]).max()) for s in (seen, other)]
            if max(sizes) > _UNLIKE * min(sizes):
                continue
            for placed, _ in self._held:
                share = (placed.time_s - other.time_s) / (seen.time_s - other.time_s)
                if 0 < share < 1:
                    way = other.found + share * (seen.found - other.found)
                    placed.boxes.append(way.astype(np.float32))

    def _boxes(self, now_s: float, image: Image) -> tuple[list[Floats], bool]:
        """Give the places to cover in the newest frame: of faces in it, and of those just lost.

        Returns:
            The places, and whether one of the lost is nowhere to be seen.
        """
        boxes, missed = [], False
        for seen in self._seen.values():
            if now_s - seen.time_s > self._hold_s:
                continue
            boxes.append(seen.found)
            if seen.time_s < now_s:
                boxes.append(seen.followed.place(image))
                if seen.followed.missed:
                    missed = True
                    boxes.append(seen.found + (now_s - seen.time_s) * seen.speed)
        return boxes, missed

    def flush(self) -> list[Placed[T]]:
        """Give the frames that were held back, in order."""
        rest = [placed for placed, _ in self._held]
        self._held.clear()
        return rest


class FaceBlur:
    """Covers a video's faces, also in the second before they are found and after they are lost.

    Frames are held back for as long (`Whereabouts`).
    """

    def __init__(
        self,
        hold_s: float = HOLD_S,
        ahead_s: float = AHEAD_S,
        *,
        whole: bool = False,
        keep: Collection[int] = (),
        config: CoverConfig = _BLUR,
    ) -> None:
        """Start with no frame.

        Args:
            hold_s: How long a face stays covered after it was lost, seconds.
            ahead_s: How long before it is first seen a face is covered, seconds; frames are held
                back for as long, in memory.
            whole: Cover the whole of a frame that may hold a face nobody found: one without any
                face, and one in which a face that was lost is nowhere to be seen.
            keep: Ids of faces that stay bare.
            config: What faces are covered with.
        """
        self._where = Whereabouts[Analysis](hold_s, ahead_s)
        self._whole, self._keep, self._config = whole, frozenset(keep), config

    def push(self, analysis: Analysis) -> list[Analysis]:
        """Take the next frame, and give those that are ready, covered, in order."""
        frame = analysis.frame
        faces = faces_besides(analysis, self._keep)
        ready = self._where.push(analysis, frame.time_s, frame.image, faces)
        return [self._covered(placed) for placed in ready]

    def flush(self) -> list[Analysis]:
        """Give the frames that were held back, covered, in order."""
        return [self._covered(placed) for placed in self._where.flush()]

    def _covered(self, placed: Placed[Analysis]) -> Analysis:
        boxes = placed.boxes
        if self._whole and placed.unsure:
            boxes = [np.array([0, 0, *_size(placed.item.frame.image)], np.float32)]
        return covered(placed.item, boxes, self._config)


def faces_besides(analysis: Analysis, keep: Collection[int]) -> list[tuple[int, Floats]]:
    """List id and box of a frame's faces that are to be covered: all but those of some ids."""
    return [(track.id, track.box) for track in analysis.tracks if track.id not in keep]


def covered(analysis: Analysis, boxes: Sequence[Floats], config: CoverConfig = _BLUR) -> Analysis:
    """Give an analysis whose frame is covered in these places."""
    image = blur_faces(analysis.frame.image, boxes, config)
    return replace(analysis, frame=replace(analysis.frame, picture=image))
