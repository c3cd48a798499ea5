"""Annotated pictures out: a picture to a picture, a folder of pictures to a folder."""

import io
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import cv2

from engine.errors import ConfigError, SinkError
from engine.files import PartialFile, open_target
from engine.standard import is_standard
from engine.types import Image
from engine.video.pictures import shown_name
from engine.video.sink import MUXER_OPTIONS
from engine.video.source import SourceInfo

# By ending, what Pillow calls the format.
FORMATS: Final[Mapping[str, str]] = {
    ".avif": "AVIF",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".heic": "HEIF",
    ".heif": "HEIF",
    ".jfif": "JPEG",
    ".jp2": "JPEG2000",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".png": "PNG",
    ".ppm": "PPM",
    ".tga": "TGA",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
_ENDINGS: Final = (*FORMATS, *MUXER_OPTIONS)
_QUALITY: Final = 95  # of formats that lose something; the drawing's lines stay sharp
# By default a photo of 12 megapixels takes their encoders a minute, for a few bytes less.
_AVIF_SPEED: Final = 9
_HEIF_PRESET: Final = {"preset": "ultrafast"}


def takes_pictures(path: Path, info: SourceInfo) -> bool:
    """Say whether an output holds annotated pictures; else it is a video.

    Args:
        path: The output.
        info: The source.

    Raises:
        ConfigError: It can hold neither what the source is made of.
    """
    ending = ".mkv" if is_standard(path) else path.suffix.lower()
    if not info.pictures:
        return False
    if not _is_folder(info):
        return ending not in MUXER_OPTIONS
    kind = mimetypes.guess_type(f"x{ending}")[0] or ""
    if ending in MUXER_OPTIONS or kind.startswith("video/"):
        raise ConfigError(
            f"{path}: the pictures of a folder are no film; --sequence makes one of them, "
            "and without it --out names a folder"
        )
    if ending in FORMATS or kind.startswith("image/"):
        raise ConfigError(f"{path}: holds one picture; name a folder for those of {info.name}")
    return True


class PictureSink:
    """Writes annotated pictures, each under its name once it is complete.

    Those of a folder keep their names and formats. Used by one thread at a time.
    """

    def __init__(self, path: Path, info: SourceInfo, *, overwrite: bool) -> None:
        """Check all targets before any picture is written.

        Args:
            path: The target: a picture, or a folder, which is made; of a folder's pictures always
                a folder.
            info: The source, of pictures.
            overwrite: Replace files that exist.

        Raises:
            ConfigError: The ending is unknown.
            SinkError: A target exists, is the source, or cannot be written.
        """
        self._path, self._overwrite = path, overwrite
        self._made = _is_folder(info) and self._make_folder()
        inside = path.is_dir()
        self._targets = {
            shown_name(file): path / file.name if inside else path for file in info.pictures
        }
        try:
            for file in info.pictures:
                self._check(file, self._targets[shown_name(file)])
            # Whether one may write here at all is known now, not after the first analysis.
            self._open(next(iter(self._targets.values()))).discard()
        except BaseException:
            self.discard()
            raise

    def _make_folder(self) -> bool:
        path = self._path
        if path.is_dir():
            return False
        if path.exists():
            raise SinkError(f"{path}: is a file; name a folder for the pictures of one")
        try:
            path.mkdir()
        except FileNotFoundError as error:
            raise SinkError(
                f"{path}: folder {path.parent} does not exist; create it first"
            ) from error
        except OSError as error:
            raise SinkError(f"{path}: cannot be made: {error.strerror or error}") from error
        return True

    def _check(self, file: Path, target: Path) -> None:
        if target.exists():
            if target.samefile(file):
                raise SinkError(f"{target}: is the input itself; choose another name")
            if not self._overwrite:
                raise SinkError(f"{target}: exists already; use --overwrite or another name")

    def _open(self, target: Path) -> PartialFile:
        return open_target(target, endings=_ENDINGS, overwrite=self._overwrite, growing=False)

    def write(self, file: str, image: Image) -> None:
        """Write one picture.

        Args:
            file: Its name, as its frame says it.
            image: (H, W, 3) uint8, BGR.

        Raises:
            SinkError: The disk is full, or the format does not take a picture of this size.
        """
        target = self._targets[file]
        out = self._open(target)
        try:
            content = _encoded(image, FORMATS[target.suffix.lower()])
        except BaseException as error:
            out.discard()
            if isinstance(error, (OSError, ValueError, KeyError, RuntimeError)):
                raise out.failed(error) from error
            raise
        out.write(content)

    def close(self) -> None:
        """Do nothing: every picture is in its place."""

    def discard(self) -> None:
        """Give up; pictures that are in their places stay, a folder without any is removed."""
        if self._made and not any(self._path.iterdir()):
            self._path.rmdir()


def _is_folder(info: SourceInfo) -> bool:
    return info.path is not None and info.path.is_dir()


def _encoded(image: Image, form: str) -> bytes:
    """Give a picture as the bytes of a file."""
    import PIL.Image

    picture = PIL.Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    content = io.BytesIO()
    if form == "HEIF":
        import pillow_heif

        pillow_heif.from_pillow(picture).save(content, quality=_QUALITY, enc_params=_HEIF_PRESET)
    else:
        picture.save(content, form, quality=_QUALITY, speed=_AVIF_SPEED)
    return content.getvalue()
