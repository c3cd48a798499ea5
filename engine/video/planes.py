"""Decoded pictures kept in their planes: luma, and two of colour that are often smaller.

What networks see is cut out of the planes, and converted by FFmpeg as whole pictures are, so that
crops have the very bytes that they would have if all of the picture was converted first.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, NamedTuple, cast

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from engine.types import Gray, Image

Plane = NDArray[np.unsignedinteger[Any]]  # uint8 or uint16

UNSPECIFIED: Final = 2  # of AVCOL_SPC_, AVCOL_PRI_ and AVCOL_TRC_
# AVCOL_SPC_: BT.709, FCC, SMPTE 240M, BT.2020; the parts of red and blue in luma.
_WEIGHTS: Final = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
_BT601: Final = (0.299, 0.114)
_SPC_BT709: Final = 1
# Pixels. FFmpeg works in blocks of columns, and blends colours of neighbours where it has more than
# 8 bits or half as many columns: regions are converted from a multiple on, and this much around.
_BLOCK: Final = 32
_AROUND: Final = 8
_SMALL: Final = 640 * 480  # pixels; so many are converted, once, sooner than two regions are
_BAND: Final = 64  # rows that are converted at once where only their gray is kept


class Layout(NamedTuple):
    """How a pixel format lays its planes out.

    Attributes:
        across: Columns of luma to one of colour, a power of 2: this many are one.
        down: Rows of luma to one of colour.
        bits: Of a sample.
    """

    across: int
    down: int
    bits: int


# Planar, little-endian, with colour and without opacity. Others are converted: an overlay has
# colours, which gray video has no room for.
LAYOUTS: Final[Mapping[str, Layout]] = {
    f"yuv{name}p{suffix}": Layout(across, down, bits)
    for name, across, down in (("420", 2, 2), ("422", 2, 1), ("444", 1, 1))
    for suffix, bits in (("", 8), ("10le", 10), ("12le", 12))
}
_FULL_RANGE: Final = {f"yuvj{name}p": f"yuv{name}p" for name in ("420", "422", "444")}


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a stored picture is turned to stand upright: transposed first, then mirrored."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    def apply(self, image: NDArray[Any]) -> NDArray[Any]:
        """Turn a stored picture upright, (H, W) or (H, W, C); (W, H) where it is transposed."""
        if self.transpose:
            image = cv2.transpose(image)
        return self._mirrored(image)

    def undo(self, image: NDArray[Any]) -> NDArray[Any]:
        """Turn an upright picture as it is stored."""
        image = self._mirrored(image)
        return cv2.transpose(image) if self.transpose else image

    def _mirrored(self, image: NDArray[Any]) -> NDArray[Any]:
        if self.mirror_x or self.mirror_y:
            code = -1 if self.mirror_x and self.mirror_y else int(self.mirror_x)
            return cv2.flip(image, code)
        return image

    def stored(
        self, rect: tuple[int, int, int, int], width: int, height: int
    ) -> tuple[int, int, int, int]:
        """Say where a region of the upright picture lies in the stored one.

        Args:
            rect: x0 y0 x1 y1, whole pixels, x1 and y1 outside.
            width: Of the upright picture.
            height: Of the upright picture.
        """
        x0, y0, x1, y1 = rect
        if self.mirror_x:
            x0, x1 = width - x1, width - x0
        if self.mirror_y:
            y0, y1 = height - y1, height - y0
        return (y0, x0, y1, x1) if self.transpose else (x0, y0, x1, y1)


UPRIGHT: Final = Orientation()


@dataclass(frozen=True, slots=True)
class Colour:
    """How samples stand for colours; numbers are FFmpeg's AVCOL_ ones.

    Attributes:
        matrix: Of luma and colour differences.
        limited: Luma goes from 16 to 235 of 255 as in television, not from 0 to 255.
        primaries: Of red, green and blue.
        transfer: From light to samples.
        stated_range: As the source said it, perhaps not at all.
    """

    matrix: int = UNSPECIFIED
    limited: bool = True
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    stated_range: int = 0

    def from_bgr(self, width: int, height: int) -> NDArray[np.float64]:
        """Give the (3, 3) matrix from BGR, 0 to 255, to luma and colour differences around 0."""
        red, blue = _weights(self.matrix, width, height)
        luma = np.array([blue, 1 - red - blue, red])
        rows = [luma, (np.array([1, 0, 0]) - luma) / (2 * (1 - blue))]
        rows.append((np.array([0, 0, 1]) - luma) / (2 * (1 - red)))
        scale = np.array([219, 224, 224]) / 255 if self.limited else np.ones(3)
        result: NDArray[np.float64] = np.stack(rows) * scale[:, None]
        return result

    @property
    def black(self) -> int:
        """Luma of black, of 255."""
        return 16 if self.limited else 0


_UNKNOWN: Final = Colour()


def _weights(matrix: int, width: int, height: int) -> tuple[float, float]:
    """Say how much of red and of blue there is in luma."""
    if matrix == UNSPECIFIED and colorspace(width, height) == Colorspace.ITU709:
        return _WEIGHTS[_SPC_BT709]
    return _WEIGHTS.get(matrix, _BT601)


def colorspace(width: int, height: int) -> Colorspace:
    """The matrix of video of this size where nothing says it: BT.709 for HD, else BT.601.

    Source: the rule that mpv and most other players follow.
    """
    return Colorspace.ITU709 if width >= 1280 or height > 576 else Colorspace.ITU601


@dataclass(frozen=True, slots=True)
class Form:
    """What the pictures of one film have in common.

    Attributes:
        name: Of the pixel format, one of `LAYOUTS`.
        width: As stored, pixels.
        height: As stored, pixels.
        colour: What its samples mean.
        orientation: How it is turned to stand upright.
        matrix: The nine numbers of the file's display matrix; empty without one.
        shape: Width over height of a pixel.
        mastering: Of HDR: x265's words for the display it was graded on; empty if nothing says.
        light: Of HDR: brightest pixel and brightest frame, x265's words; empty if nothing says.
    """

    name: str
    width: int
    height: int
    colour: Colour = _UNKNOWN
    orientation: Orientation = UPRIGHT
    matrix: tuple[int, ...] = ()
    shape: Fraction = Fraction(1)
    mastering: str = ""
    light: str = ""

    @property
    def layout(self) -> Layout:
        """How its planes are laid out."""
        return LAYOUTS[self.name]

    def fits(self, frame: VideoFrame) -> bool:
        """Say whether a frame is of this size and format."""
        named = _FULL_RANGE.get(frame.format.name, frame.format.name)
        return (named, frame.width, frame.height) == (self.name, self.width, self.height)


def colour_of(frame: VideoFrame) -> Colour:
    """Say what a frame's samples mean."""
    stated = int(frame.color_range)
    if frame.format.name in _FULL_RANGE:
        stated = int(ColorRange.JPEG)
    return Colour(
        matrix=int(frame.colorspace),
        limited=stated != ColorRange.JPEG,
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        stated_range=stated,
    )


def layout_name(frame: VideoFrame) -> str | None:
    """Name the layout of a frame whose planes can be kept; None for others."""
    name = _FULL_RANGE.get(frame.format.name, frame.format.name)
    if name not in LAYOUTS or any(plane.line_size <= 0 for plane in frame.planes):
        return None  # stored from the bottom up
    return name


def _memory(plane: VideoPlane) -> "memoryview[int]":
    return memoryview(cast("bytes", plane))  # PyAV's stubs do not say that it is a buffer


def planes_of(frame: VideoFrame, bits: int) -> list[Plane]:
    """Give a frame's planes as arrays (H, W) that share its memory."""
    kind = np.dtype(np.uint8 if bits == 8 else "<u2")
    arrays: list[Plane] = []
    for plane in frame.planes:
        samples = np.frombuffer(_memory(plane), kind)
        rows = samples.reshape(plane.height, plane.line_size // kind.itemsize)
        arrays.append(cast("Plane", rows[:, : plane.width]))
    return arrays


class Planes:
    """One decoded picture; nobody writes to it, as the decoder may still look at it.

    Attributes:
        form: What it has in common with the film's others.
        width: Of the upright picture with square pixels.
        height: Of the upright picture with square pixels.
        samples: The planes as they are stored, (H, W) uint8 or uint16, read-only.
    """

    def __init__(
        self, frame: VideoFrame, form: Form, size: tuple[int, int], convert: "Convert"
    ) -> None:
        """Keep a frame.

        Args:
            frame: Which fits the form.
            form: What it is.
            size: Width and height once it is upright, with square pixels.
            convert: Makes all of a frame BGR, upright and of that size; from any thread.
        """
        self.form, (self.width, self.height) = form, size
        self._frame, self._convert = frame, convert
        self._image: Image | None = None
        self._lock = threading.Lock()
        self.samples = planes_of(frame, form.layout.bits)
        for plane in self.samples:
            plane.flags.writeable = False

    @property
    def image(self) -> Image:
        """The whole, (H, W, 3) uint8, BGR, upright, read-only; converted once."""
        with self._lock:
            if self._image is None:
                self._image = self._convert(self._frame)
            return self._image

    @property
    def _is_square(self) -> bool:
        stored = self.form.width, self.form.height
        return sorted(stored) == sorted((self.width, self.height))

    def gray(self) -> Gray:
        """Give the whole in gray, (H, W) uint8: OpenCV's, of what `image` would be."""
        if not self._is_square or self.width * self.height <= _SMALL:
            return _gray_of(self.image)
        made = np.empty((self.form.height, self.form.width), np.uint8)
        for top in range(0, len(made), _BAND):  # of which all colours fit into a processor's cache
            bottom = min(top + _BAND, len(made))
            colours = self._stored_patch(0, top, self.form.width, bottom)
            cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY, dst=made[top:bottom])
        return np.asarray(self.form.orientation.apply(made), np.uint8)

    def luma(self, step: int) -> Gray:
        """Give every `step`-th sample of every `step`-th row of luma."""
        thin = np.ascontiguousarray(self.samples[0][::step, ::step])
        bits = self.form.layout.bits
        if bits > 8:
            thin = np.asarray(cv2.convertScaleAbs(thin, alpha=1 / (1 << bits - 8)), np.uint8)
        return np.asarray(self.form.orientation.apply(thin), np.uint8)

    def patch(self, x0: int, y0: int, x1: int, y1: int) -> Image:
        """Cut a region out, (y1 - y0, x1 - x0, 3) uint8, BGR; it must lie inside."""
        if not self._is_square or self.width * self.height <= _SMALL:
            return self.image[y0:y1, x0:x1]
        turned = self.form.orientation
        rect = turned.stored((x0, y0, x1, y1), self.width, self.height)
        return np.asarray(turned.apply(self._stored_patch(*rect)), np.uint8)

    def _stored_patch(self, x0: int, y0: int, x1: int, y1: int) -> Image:
        form, layout = self.form, self.form.layout
        left, top = max(x0 - _AROUND, 0) // _BLOCK * _BLOCK, max(y0 - _AROUND, 0) // 2 * 2
        right = min(-(-(x1 + _AROUND) // _BLOCK) * _BLOCK, form.width)
        bottom = min(-(-(y1 + _AROUND) // 2) * 2, form.height)
        part = VideoFrame(right - left, bottom - top, form.name)
        for index, (target, plane) in enumerate(
            zip(planes_of(part, layout.bits), self.samples, strict=True)
        ):
            across, down = (layout.across, layout.down) if index else (1, 1)
            rows, columns = target.shape
            at_x, at_y = left // across, top // down
            target[:] = plane[at_y : at_y + rows, at_x : at_x + columns]
        part.colorspace, part.color_range = self._frame.colorspace, form.colour.stated_range
        made = to_bgr(_REFORMATTERS.mine(), part, form.width, form.height)
        return made[y0 - top : y1 - top, x0 - left : x1 - left]


def _fresh(form: Form) -> VideoFrame:
    """Make a frame with even sides."""
    frame = VideoFrame(form.width + form.width % 2, form.height + form.height % 2, form.name)
    frame.colorspace, frame.color_range = form.colour.matrix, form.colour.stated_range
    return frame


class Copied:
    """A copy of a picture's planes, to be drawn on and encoded.

    Attributes:
        frame: All of it, with even sides.
        samples: The planes, (H, W) uint8 or uint16, without what was added to make sides even.
    """

    def __init__(self, picture: Planes, spare: "deque[VideoFrame] | None" = None) -> None:
        """Copy a picture.

        Args:
            picture: What is copied.
            spare: Frames of this form that are no longer needed, to take one of, and to put this
                one to once it is freed: new memory costs as much as the copy.
        """
        form = picture.form
        self._spare = spare
        self.frame = spare.pop() if spare else _fresh(form)
        self.frame.make_writable()  # new memory, should an encoder still look at it
        self._whole = planes_of(self.frame, form.layout.bits)
        self.samples = []
        for target, plane in zip(self._whole, picture.samples, strict=True):
            inner = target[: plane.shape[0], : plane.shape[1]]
            inner[:] = plane
            self.samples.append(inner)

    def free(self) -> None:
        """Say that it is encoded: its memory may be used again."""
        self.samples, self._whole = [], []
        if self._spare is not None:
            self._spare.append(self.frame)

    def finish(self) -> None:
        """Repeat the last column and row where sides were odd, in place."""
        for target, inner in zip(self._whole, self.samples, strict=True):
            height, width = inner.shape
            target[:height, width:] = target[:height, width - 1 : width]
            target[height:] = target[height - 1 : height]


Convert = Callable[[VideoFrame], Image]


class _Reformatters(threading.local):
    """FFmpeg's scaler of each thread: it keeps what it found out about sizes and formats."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def mine(self) -> VideoReformatter:
        return self._reformatter


_REFORMATTERS: Final = _Reformatters()


def to_bgr(reformatter: VideoReformatter, frame: VideoFrame, width: int, height: int) -> Image:
    """Make a frame BGR, as FFmpeg does it.

    Args:
        reformatter: Of this thread.
        frame: The frame, or a region of one.
        width: Of the picture it is of, as stored: where the matrix is unknown, size tells.
        height: Of the picture it is of, as stored.
    """
    guess = colorspace(width, height) if frame.colorspace == UNSPECIFIED else None
    return pixels_of(reformatter.reformat(frame, format="bgr24", src_colorspace=guess, threads=1))


def pixels_of(frame: VideoFrame) -> Image:
    """Give a BGR frame's pixels, (H, W, 3) uint8, which share its memory."""
    (plane,) = frame.planes
    rows = np.frombuffer(_memory(plane), np.uint8).reshape(plane.height, plane.line_size)
    size = (plane.height, plane.width, 3)
    return np.lib.stride_tricks.as_strided(rows, size, (plane.line_size, 3, 1))


def _gray_of(image: Image) -> Gray:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
