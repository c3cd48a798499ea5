"""From FFmpeg's decoded frames to upright BGR pictures with square pixels."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, cast

import av.error
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import SideData, Type
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter

from engine.types import Image, Picture
from engine.video.planes import (
    UNSPECIFIED,
    UPRIGHT,
    Form,
    Orientation,
    Planes,
    colorspace,
    colour_of,
    layout_name,
    pixels_of,
)

log = logging.getLogger(__name__)

MATRIX: Final = Type.DISPLAYMATRIX
_MASTERING: Final = Type.MASTERING_DISPLAY_METADATA
_LIGHT: Final = Type.CONTENT_LIGHT_LEVEL
_LEFT_OUT: Final = tuple(set(range(64)) - {6, 11, 14})  # all but these; FFmpeg 8 has 33 kinds
# FFmpeg's scaler has numbers of its own for what is AVCOL_SPC_ elsewhere.
_SCALERS: Final = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
# A sample aspect ratio outside is a broken header, and one closer to 1 than this is rounding.
SHAPES: Final = (Fraction(1, 4), Fraction(4))
SHAPE_NOISE: Final = Fraction(1, 100)


@dataclass(frozen=True, slots=True)
class Beside:
    """What a file says beside its frames.

    Attributes:
        orientation: How they are turned to stand upright.
        matrix: The nine numbers that say so; empty where nothing does.
        mastering: Of HDR, the display it was graded on, in x265's words; empty if nothing says.
        light: Of HDR, brightest pixel and frame, in x265's words; empty if nothing says.
    """

    orientation: Orientation = UPRIGHT
    matrix: tuple[int, ...] = ()
    mastering: str = ""
    light: str = ""

    @classmethod
    def of(cls, frame: VideoFrame) -> "Beside":
        """Read it; turns are rounded to quarters; cameras and phones write these.

        Source: libavutil/display.h, x' = a x + c y and y' = b x + d y;
        libavutil/mastering_display_metadata.h.
        """
        parts = {part.type: bytes(part) for part in _side_data(frame)}
        matrix = np.frombuffer(parts.get(MATRIX, b""), np.int32)[:9].tolist()
        return cls(
            _orientation(matrix) if matrix else UPRIGHT,
            tuple(matrix),
            _mastering(parts.get(_MASTERING, b"")),
            _light(parts.get(_LIGHT, b"")),
        )


def _orientation(matrix: list[int]) -> Orientation:
    a, b, _, c, d = matrix[:5]
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transpose=True, mirror_x=c < 0, mirror_y=b < 0)
    return Orientation(mirror_x=a < 0, mirror_y=d < 0)


def _mastering(data: bytes) -> str:
    """Read ten fractions and whether they are set: red, green, blue, white, least, most light."""
    if len(data) < 88:
        return ""
    numbers = np.frombuffer(data[:88], np.int32).tolist()
    pairs = [Fraction(a, b or 1) for a, b in zip(numbers[:20:2], numbers[1:20:2], strict=True)]
    if not (numbers[20] and numbers[21]):
        return ""
    red, green, blue, white = (
        "({},{})".format(*(round(part * 50_000) for part in pairs[at : at + 2]))
        for at in (0, 2, 4, 6)
    )
    least, most = (round(part * 10_000) for part in pairs[8:10])
    return f"G{green}B{blue}R{red}WP{white}L({most},{least})"


def _light(data: bytes) -> str:
    if len(data) < 8:
        return ""
    return ",".join(str(part) for part in np.frombuffer(data[:8], np.uint32).tolist())


def _side_data(frame: VideoFrame) -> "list[SideData]":
    """List what FFmpeg says beside a frame, as far as PyAV knows it.

    A frame that was asked for its side data is kept alive by them until the next collection, and
    with it the decoder's pictures: a shrunk copy is asked. PyAV 18 lists nothing where there is
    any kind that it does not know, EXIF for one, and crashes on the colour profile of a PNG: the
    copy has but what is read here.
    """
    small = _shrunk(frame)
    # PyAV's stubs call this a TypedDict with string keys; it is a list of buffers.
    return [] if small is None else cast("list[SideData]", list(small.side_data))


def _shrunk(frame: VideoFrame) -> VideoFrame | None:
    """Copy a frame at 16 pixels a side, with nothing beside it but what is read here."""
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
    comes out on black. From any thread.

    Attributes:
        width: Of the pictures, pixels.
        height: Of the pictures, pixels.
        orientation: How the stream's pictures are turned.
        form: What the frames are whose planes are kept; None where those cannot be.
    """

    def __init__(self, first: VideoFrame, shape: Fraction | None = None) -> None:
        self._reformatter, self._lock = VideoReformatter(), threading.Lock()
        beside = Beside.of(first)
        self.orientation = beside.orientation
        self._width, self._height = _square(first.width, first.height, shape)
        turned = self.orientation.transpose
        self.width = self._height if turned else self._width
        self.height = self._width if turned else self._height
        square = (self._width, self._height) == (first.width, first.height)
        name = layout_name(first)
        self.form: Form | None = None
        if name is not None:
            self.form = Form(
                name,
                first.width,
                first.height,
                colour_of(first),
                beside.orientation,
                beside.matrix,
                Fraction(1) if square or not shape else shape,
                beside.mastering,
                beside.light,
            )

    def picture(self, frame: VideoFrame) -> Picture:
        """Keep a frame's planes; those of another size or format are converted to the first's."""
        if self.form is None:
            return self(frame)
        return Planes(self._fitting(frame, self.form), self.form, (self.width, self.height), self)

    def _fitting(self, frame: VideoFrame, form: Form) -> VideoFrame:
        if form.fits(frame) and layout_name(frame) is not None:
            return frame
        colour = form.colour
        with self._lock:
            return self._reformatter.reformat(
                frame,
                width=form.width,
                height=form.height,
                format=form.name,
                dst_colorspace=_SCALERS.get(colour.matrix),
                dst_color_range=colour.stated_range or None,
                threads=1,
            )

    def __call__(self, frame: VideoFrame) -> Image:
        """The picture, upright and read-only."""
        with self._lock:
            image = self._converted(frame)
        image = self.orientation.apply(image)
        image.flags.writeable = False
        return image

    def _converted(self, frame: VideoFrame) -> Image:
        """Make a frame BGR, of the size of square pixels."""
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
        if see_through:
            return np.ascontiguousarray(on_black(cast("Image", plain.to_ndarray())))
        return np.ascontiguousarray(pixels_of(plain))


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
