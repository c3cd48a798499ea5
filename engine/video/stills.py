"""One picture from a file: upright, of any size, and as much of it as there is.

FFmpeg decodes pictures, but for two kinds that it does not put together: HEIC and AVIF, which
phones write as a grid of tiles (FFmpeg gives the first tile), and animated WebP. Those are read
through Pillow (docs/decisions/0016), which also gives the part of a picture that is cut short.
"""

import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import av.error
import cv2
import numpy as np
from av.container import InputContainer

from engine.documents import open_ordinary
from engine.errors import SourceError
from engine.native import hushed
from engine.types import Image
from engine.video.container import (
    PICTURE_MEGAPIXELS,
    STILL_BRANDS,
    Limit,
    is_of_pictures,
    open_input,
    reason,
    video_stream,
)
from engine.video.conversion import Converter, on_black

if TYPE_CHECKING:
    import PIL.Image

# What is taken for a picture in a folder, and can be read.
ENDINGS: Final = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpeg", ".jpg", ".png", ".ppm"}
    | {".tga", ".tif", ".tiff", ".webp"}
)
Fault = Literal["", "cut short", "animated"]
FAULTS: Final = {  # what to say of them, after "is" or "are"
    "cut short": "cut short or damaged; what is there was read",
    "animated": "animated; only the first picture was read",
}
Kind = Literal["picture", "animated webp", "film"]

_MAGIC: Final = {  # and how such files end
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG": ".png",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
    b"P6": ".ppm",
    b"\0\0\0\x0cjP  ": ".jp2",
}
_HEAD: Final = 4096  # bytes
# What Pillow raises where a file is not as it should be.
_BROKEN: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    struct.error,
)
_SETTING: Final = threading.Lock()  # held while Pillow's settings differ from its own


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A picture that was read.

    Attributes:
        image: (H, W, 3) uint8, BGR, upright, read-only.
        fault: What is missing: it is ``cut short`` (or damaged), or ``animated``, of which this
            is the first picture; empty if nothing is.
    """

    image: Image
    fault: Fault = ""


def ending_of(head: bytes) -> str:
    """Say by its first bytes how a picture's file would end; empty if it is none."""
    if _is_heif(head):
        return ".avif" if head[8:12] == b"avif" else ".heic"
    if head[:4] == b"RIFF":
        return ".webp" if head[8:12] == b"WEBP" else ""
    return next((ending for magic, ending in _MAGIC.items() if head.startswith(magic)), "")


def holds_one_picture(container: InputContainer) -> bool:
    """Say whether what was opened is one picture, and neither a film nor several in a row.

    Those of a film have one size.

    Raises:
        FFmpegError: It cannot be read.
        IndexError: It has no video.
    """
    if not is_of_pictures(container):
        return False
    packets = list(islice((packet for packet in container.demux(video=0) if packet.size), 2))
    if len(packets) < 2:
        return True
    # Phones put a smaller one behind a picture, of how bright it is or to be shown in lists.
    sizes = [(frame.width, frame.height) for packet in packets for frame in packet.decode()]
    return len(sizes) == 2 and sizes[0] != sizes[1]


def kind_of(path: Path, max_megapixels: float | None = None) -> Kind:
    """Say what a file holds, by its content: one picture, an animated WebP, or a film.

    A picture that cannot be read is a picture if its ending says so.

    Args:
        path: The file.
        max_megapixels: What a picture may have; None is what `engine.video.container.Limit` says.
    """
    head = _head(path)
    if _is_heif(head):
        return "picture"
    if _is_animated_webp(head):
        return "animated webp" if _frames_by_pillow(path, max_megapixels) > 1 else "picture"
    named = path.suffix.lower() in ENDINGS
    if not (named or ending_of(head)):
        return "film"
    try:
        with open_input(path.name, f"file:{path}", max_megapixels=max_megapixels) as container:
            return "picture" if holds_one_picture(container) else "film"
    except (SourceError, av.error.FFmpegError, OSError, ValueError, IndexError):
        return "picture" if named else "film"


def read_still(path: Path, max_megapixels: float | None = None) -> Still:
    """Read one picture file, of an animation the first picture.

    Args:
        path: The file.
        max_megapixels: What it may have; None is what `engine.video.container.Limit` says.

    Raises:
        SourceError: It cannot be read, or is too large.
    """
    head, most = _head(path), max_megapixels
    if _is_heif(head):
        return Still(_by_pillow(path, head, most))
    if _is_animated_webp(head):
        image = _by_pillow(path, head, most)
        return Still(image, "animated" if _frames_by_pillow(path, most) > 1 else "")
    try:
        still = _by_ffmpeg(path, most, strict=True)
    except SourceError:
        return Still(_damaged(path, head, most), "cut short")
    gif = head.startswith(b"GIF8")  # FFmpeg does not say that it is cut short
    if gif and not still.fault and not _is_whole(path, most):
        return Still(still.image, "cut short")
    return still


def _damaged(path: Path, head: bytes, most: float | None) -> Image:
    """Read what there is of a picture."""
    try:
        return _by_ffmpeg(path, most, strict=False).image
    except SourceError as error:
        try:
            image = _by_pillow(path, head, most, partly=True)
        except SourceError:
            raise error from None
        if image.min() == image.max():  # nothing of it came
            raise
        return image


def _head(path: Path) -> bytes:
    try:
        with open_ordinary(path) as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise SourceError(f"{path.name}: cannot be opened: {error.strerror or error}") from error
    if not head:  # others, who get the path, would read what `open_ordinary` does not
        raise SourceError(f"{path.name}: not a video or picture that FFmpeg reads")
    return head


def _is_heif(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in STILL_BRANDS


def _is_animated_webp(head: bytes) -> bool:
    return (
        head[:4] == b"RIFF"
        and head[8:16] == b"WEBPVP8X"
        and head[20:21] > b""
        and bool(head[20] & 2)
    )


def _by_ffmpeg(path: Path, most: float | None, *, strict: bool) -> Still:
    with open_input(path.name, f"file:{path}", max_megapixels=most) as container:
        stream = video_stream(path.name, container, most)
        limit = Limit.of(container, most)
        if strict:
            stream.codec_context.options = {"max_pixels": limit.option, "err_detect": "explode"}
        try:
            frames = container.decode(stream)
            frame = next(frames, None)
            if frame is None:
                raise SourceError(f"{path.name}: {limit.no_picture(stream, None)}")
            convert = Converter(frame, stream.sample_aspect_ratio)
            limit.check(path.name, convert.width, convert.height)
            image = convert(frame)
            animated = next(frames, None) is not None
        except av.error.FFmpegError as error:
            raise SourceError(f"{path.name}: {limit.no_picture(stream, reason(error))}") from error
    return Still(image, "animated" if animated else "")


def _by_pillow(path: Path, head: bytes, most: float | None, *, partly: bool = False) -> Image:
    if not _is_pillows(head):
        import pillow_heif

        with translated(path):
            file = pillow_heif.open_heif(path)
            Limit(most or PICTURE_MEGAPIXELS).check(path.name, *file.size)
            return pixels(file.to_pillow())
    limit = Limit(most or PICTURE_MEGAPIXELS)
    with open_by_pillow(path, limit, partly=partly) as image, translated(path):
        return pixels(image)


def _is_pillows(head: bytes) -> bool:
    """Tell AVIF from HEIC, which needs pillow-heif; ``mif1`` may be either."""
    brands = head[8 : int.from_bytes(head[:4], "big")]
    return not _is_heif(head) or b"avif" in (brands[at : at + 4] for at in range(0, len(brands), 4))


def open_by_pillow(path: Path, limit: Limit, *, partly: bool = False) -> "PIL.Image.Image":
    """Open a picture with Pillow.

    Args:
        path: The file.
        limit: How large it may be.
        partly: Take a file that is cut short as far as it goes.

    Raises:
        SourceError: It cannot be read, or is too large.
    """
    import PIL.Image
    import PIL.ImageFile

    with translated(path), _quietly():
        pillows = PIL.Image.MAX_IMAGE_PIXELS
        PIL.Image.MAX_IMAGE_PIXELS = limit.pixels  # twice of which is an error at once
        try:
            image = PIL.Image.open(path)
        except PIL.Image.DecompressionBombError as error:
            raise SourceError(f"{path.name}: {limit}") from error
        finally:
            PIL.Image.MAX_IMAGE_PIXELS = pillows
        try:
            limit.check(path.name, *image.size)
            PIL.ImageFile.LOAD_TRUNCATED_IMAGES = partly
            if partly:
                image.load()
        except BaseException:
            image.close()
            raise
        finally:
            PIL.ImageFile.LOAD_TRUNCATED_IMAGES = False
        return image


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep Pillow's warnings, of large pictures and odd EXIF data, from the user's terminal."""
    with _SETTING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Make what Pillow raises while it decodes a file an error of the source.

    Raises:
        SourceError: It cannot be read.
    """
    from PIL.Image import DecompressionBombError

    try:
        with hushed():  # libtiff and its like print as well
            yield
    except SourceError:
        raise
    except (*_BROKEN, DecompressionBombError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{path.name}: cannot be decoded: {why}") from error


def pixels(image: "PIL.Image.Image") -> Image:
    """Give the pixels of Pillow's picture upright, on black where it is transparent."""
    from PIL.ImageOps import exif_transpose

    with _quietly():
        image = exif_transpose(image)
    if image.mode.startswith("I;16"):  # Pillow would cut off what is brighter than 255
        eight = (np.asarray(image) >> 8).astype(np.uint8)
        made = np.asarray(cv2.cvtColor(eight, cv2.COLOR_GRAY2BGR), np.uint8)
    elif image.has_transparency_data:
        colours = cv2.cvtColor(np.asarray(image.convert("RGBA")), cv2.COLOR_RGBA2BGRA)
        made = np.ascontiguousarray(on_black(np.asarray(colours, np.uint8)))
    else:
        colours = cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR)
        made = np.asarray(colours, np.uint8)
    made.flags.writeable = False
    return made


def _frames_by_pillow(path: Path, most: float | None) -> int:
    try:
        with open_by_pillow(path, Limit(most or PICTURE_MEGAPIXELS)) as image:
            return getattr(image, "n_frames", 1)
    except SourceError:
        return 0


def _is_whole(path: Path, most: float | None) -> bool:
    try:
        with open_by_pillow(path, Limit(most or PICTURE_MEGAPIXELS)) as image, translated(path):
            image.load()
    except SourceError:
        return False
    return True
