"""From FFmpeg's decoded frames to upright BGR pictures with square pixels."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, cast

import av.error
import cv2
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import SideData, Type
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter

from engine.types import Image

log = logging.getLogger(__name__)

MATRIX: Final = Type.DISPLAYMATRIX
_LEFT_OUT: Final = tuple(set(range(64)) - {6})  # all but the matrix; FFmpeg 8 has 33 kinds
UNSPECIFIED: Final = 2  # AVCOL_SPC_UNSPECIFIED
# A sample aspect ratio outside is a broken header, and one closer to 1 than this is rounding.
SHAPES: Final = (Fraction(1, 4), Fraction(4))
SHAPE_NOISE: Final = Fraction(1, 100)


def colorspace(width: int, height: int) -> Colorspace:
    """The matrix of video of this size where nothing says it: BT.709 for HD, else BT.601.

    Source: the rule that mpv and most other players follow.
    """
    return Colorspace.ITU709 if width >= 1280 or height > 576 else Colorspace.ITU601


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a stored picture is turned to stand upright: transposed first, then mirrored."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> "Orientation":
        """Read the display matrix, rounded to quarter turns; cameras and phones write these.

        Source: libavutil/display.h, x' = a x + c y and y' = b x + d y.
        """
        matrix = next((part for part in _side_data(frame) if part.type is MATRIX), None)
        if matrix is None:
            return cls()
        a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(transpose=True, mirror_x=c < 0, mirror_y=b < 0)
        return cls(mirror_x=a < 0, mirror_y=d < 0)

    def apply(self, image: Image) -> Image:
        """Turn `image`, (H, W, 3) or (W, H, 3) afterwards."""
        if self.transpose:
            image = cv2.transpose(image)  # type: ignore[assignment]  # cv2 types any array
        if self.mirror_x or self.mirror_y:
            code = -1 if self.mirror_x and self.mirror_y else int(self.mirror_x)
            image = cv2.flip(image, code)  # type: ignore[assignment]  # cv2 types any array
        return image


def _side_data(frame: VideoFrame) -> "list[SideData]":
    """List what FFmpeg says beside a frame, as far as PyAV knows it.

    A frame that was asked for its side data is kept alive by them until the next collection, and
    with it the decoder's pictures: a shrunk copy is asked. PyAV 18 lists nothing where there is
    any kind that it does not know, EXIF for one, and crashes on the colour profile of a PNG: the
    copy has the matrix alone.
    """
    small = _shrunk(frame)
    # PyAV's stubs call this a TypedDict with string keys; it is a list of buffers.
    return [] if small is None else cast("list[SideData]", list(small.side_data))


def _shrunk(frame: VideoFrame) -> VideoFrame | None:
    """Copy a frame at 16 pixels a side, with nothing beside it but its matrix."""
    graph = Graph()
    form = f"{frame.width}x{frame.height}:pix_fmt={frame.format.name}"
    nodes = [graph.add("buffer", f"video_size={form}:time_base=1/25:pixel_aspect=1/1")]
    nodes += [graph.add("sidedata", f"mode=delete:type={kind}") for kind in _LEFT_OUT]
    nodes += [graph.add("scale", "16:16:flags=neighbor"), graph.add("buffersink")]
    try:
        graph.link_nodes(*nodes).configure()
        graph.vpush(frame)
        return graph.vpull()
    except av.error.FFmpegError as error:  # a format that cannot be scaled
        log.debug("no side data: %s", error)
        return None


class Converter:
    """Turns the frames of one stream into pictures of one size: (height, width, 3).

    The first frame settles size and orientation; later ones of another size are scaled to it.
    Pixels that are not square are made so by enlarging the shorter side. What is transparent
    comes out on black.

    Attributes:
        width: Of a picture, upright.
        height: Of a picture, upright.
        orientation: How the stream's pictures are turned.
    """

    def __init__(self, first: VideoFrame, shape: Fraction | None = None) -> None:
        self._reformatter = VideoReformatter()
        self.orientation = Orientation.of(first)
        self._width, self._height = _square(first.width, first.height, shape)
        turned = self.orientation.transpose
        self.width = self._height if turned else self._width
        self.height = self._width if turned else self._height

    def __call__(self, frame: VideoFrame) -> Image:
        """The picture, upright and read-only."""
        see_through = frame.format.name == "pal8" or any(
            part.is_alpha for part in frame.format.components
        )
        guess = None
        if frame.colorspace == UNSPECIFIED and not frame.format.is_rgb:
            guess = colorspace(frame.width, frame.height)
        # One thread: a frame takes 1 ms at 1080p, and the cores are busy with the models.
        plain = self._reformatter.reformat(
            frame,
            width=self._width,
            height=self._height,
            format="bgra" if see_through else "bgr24",
            src_colorspace=guess,
            threads=1,
        )
        image = cast("Image", plain.to_ndarray())
        image = np.ascontiguousarray(on_black(image) if see_through else image)
        image = self.orientation.apply(image)
        image.flags.writeable = False
        return image


def _square(width: int, height: int, shape: Fraction | None) -> tuple[int, int]:
    if not shape or abs(shape - 1) < SHAPE_NOISE or not SHAPES[0] <= shape <= SHAPES[1]:
        return width, height
    if shape > 1:
        return round(width * shape), height
    return width, round(height / shape)


def on_black(image: Image) -> Image:
    """Lay (H, W, 4) uint8, BGRA, on black: (H, W, 3)."""
    colours, alpha = image[:, :, :3], image[:, :, 3:]
    if alpha.min() == 255:
        return colours
    blended = (colours.astype(np.uint16) * alpha + 127) // 255
    return blended.astype(np.uint8)


class Deinterlacer:
    """Weaves half-pictures into whole ones, one frame out for each frame in.

    Frames that are not flagged as interlaced pass unchanged. One frame stays inside until
    the next one, or `flush`, pushes it out.
    """

    def __init__(self, first: VideoFrame) -> None:
        if first.time_base is None:
            raise ValueError("first: expected a frame with a time base")
        self._graph = Graph()
        source = self._graph.add(
            "buffer",
            video_size=f"{first.width}x{first.height}",
            pix_fmt=first.format.name,
            time_base=str(first.time_base),
            pixel_aspect="1/1",
            colorspace=str(first.colorspace),
            range=str(first.color_range),
        )
        filters = [source, self._graph.add("bwdif", "mode=send_frame:deint=interlaced")]
        filters.append(self._graph.add("buffersink"))
        self._graph.link_nodes(*filters).configure()

    def push(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """Hand a frame in, None at the end, and take out what is ready."""
        self._graph.vpush(frame)
        while True:
            try:
                yield self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
