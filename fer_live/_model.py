"""Pictures: a model that stays loaded, and a function that loads one for the occasion."""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar, Unpack, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.analyze import AnalyzerConfig, left_out, open_finder, open_reader
from engine.errors import SourceError
from engine.networks.processor import cores
from engine.types import Frame, Image
from engine.video.opening import SourceConfig
from engine.video.stills import ENDINGS, FAULTS, read_still
from fer_live._faces import faces_of
from fer_live._options import PictureOptions, Switches, check_known, path_of
from fer_live._words import in_python, spoken
from fer_live.types import Faces

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8] | str | os.PathLike[str]
One = TypeVar("One", bound=Picture)
T = TypeVar("T")

BATCH: Final = 16  # pictures whose faces are read in one network call, and held until then


class Model:
    """Networks that stay loaded, for pictures; a picture knows nothing of the one before.

    Threads may share one: its networks live on a thread of their own, and calls wait for their
    turn, so more threads make it no faster. A process that was forked needs its own. Use it as a
    context manager, or call `close`:

        >>> with Model(device="cpu") as model:
        ...     for faces in model.analyze([first, second]):
        ...         print(faces)
    """

    def __init__(self, name: str = "poster-rt", **options: Unpack[PictureOptions]) -> None:
        """Load the networks.

        Args:
            name: ``poster-rt``, the path of an ONNX file or bundle, or several with commas.
            options: `device`, `precision`, `detector`, `detector_model`, `min_face_px`,
                `max_faces`, `upright`, `threads`, `max_network_mib`, as
                `engine.analyze.AnalyzerConfig` has them.

        Raises:
            ConfigError: An option is unknown or its value is not allowed.
            ModelError: Unknown model, missing or damaged file, or a device that is not there.
        """
        self.name = name
        check_known(Model, options)
        config = AnalyzerConfig(**options, model=name, smooth=0.0)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fer-model")
        self._closing, self._closed = threading.Lock(), False
        try:
            with spoken():
                self._networks = self._there(partial(_Networks, config))
        except BaseException:
            self._thread.shutdown()
            raise

    def __repr__(self) -> str:
        return f"Model({self.name!r}{', closed' if self._closed else ''})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the networks, after the calls that wait; further calls do nothing."""
        with self._closing:
            if self._closed:
                return
            freed = self._thread.submit(self._networks.close)
            self._closed = True
        self._thread.shutdown()
        freed.result()

    @overload
    def analyze(
        self, pictures: Picture, *, rgb: bool = False, max_megapixels: float | None = None
    ) -> Faces: ...

    @overload
    def analyze(
        self,
        pictures: list[One] | tuple[One, ...],
        *,
        rgb: bool = False,
        max_megapixels: float | None = None,
    ) -> list[Faces]: ...

    def analyze(
        self,
        pictures: Picture | list[One] | tuple[One, ...],
        *,
        rgb: bool = False,
        max_megapixels: float | None = None,
    ) -> Faces | list[Faces]:
        """Find and read the faces of one picture, or of several in batches.

        Args:
            pictures: One or a list of them: (H, W, 3) uint8, BGR unless `rgb`, (H, W) uint8 for
                gray, or the path of a picture file.
            rgb: Arrays that go in, and crops that come out, are RGB.
            max_megapixels: Largest picture that is read from a file; None for 150.

        Returns:
            The faces of the picture, the most prominent first, empty where there is none; for a
            list, a list of as many.

        Raises:
            ConfigError: A path is empty, or the value of another argument is not allowed.
            SourceError: Something is no picture, or too large.
            ModelError: Inference failed.
            ValueError: The model is closed.
        """
        Switches(rgb=rgb)
        most = SourceConfig(max_megapixels=max_megapixels).max_megapixels
        with spoken():
            if not isinstance(pictures, list | tuple):
                return self._analyze([(pictures, "picture")], rgb, most)[0]
            named = [(picture, f"picture {at}") for at, picture in enumerate(pictures)]
            return self._analyze(named, rgb, most)

    def _analyze(
        self, named: Sequence[tuple[object, str]], rgb: bool, most: float | None
    ) -> list[Faces]:
        read = (_read(picture, name, rgb, most) for picture, name in named)
        results = list[Faces]()
        while batch := list(islice(read, BATCH)):
            results += self._there(partial(self._networks.analyze, batch, rgb=rgb))
        return results

    def _there(self, work: Callable[[], T]) -> T:
        """Do something on the networks' thread."""
        with self._closing:
            if self._closed:
                raise ValueError(f"model {self.name}: is closed; make a new one")
            done = self._thread.submit(work)
        return done.result()


def analyze(
    picture: Picture,
    *,
    rgb: bool = False,
    model: str = "poster-rt",
    max_megapixels: float | None = None,
    **options: Unpack[PictureOptions],
) -> Faces:
    """Find and read the faces of one picture.

    This loads the networks each time, some 0.2 s; for many pictures, keep a `Model`.

    Args:
        picture: (H, W, 3) uint8, BGR unless `rgb`, (H, W) uint8 for gray, or the path of a file.
        rgb: An array that goes in, and crops that come out, are RGB.
        model: ``poster-rt``, the path of an ONNX file or bundle, or several with commas.
        max_megapixels: Largest picture that is read from a file; None for 150.
        options: As those of `Model`.

    Returns:
        The faces, the most prominent first; empty where there is none.

    Raises:
        ConfigError: An option is unknown or its value is not allowed.
        SourceError: The picture is missing, is none, or is too large.
        ModelError: Unknown model, missing or damaged file, or a device that is not there.
    """
    check_known(analyze, options)
    with Model(model, **options) as loaded:
        return loaded.analyze(picture, rgb=rgb, max_megapixels=max_megapixels)


class _Networks:
    """What finds and reads faces in pictures. Belongs to the thread that made it."""

    def __init__(self, config: AnalyzerConfig) -> None:
        config = replace(config, threads=config.threads or cores())  # they run in turn
        self._config = config
        with ExitStack() as opened:
            self._finder = opened.enter_context(closing(open_finder(config)))
            self._reader = opened.enter_context(closing(open_reader(config)))
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Free the networks."""
        self._opened.close()

    def analyze(self, images: Sequence[Image], *, rgb: bool) -> list[Faces]:
        """Find the faces picture by picture, and read them all in one call."""
        found = [self._finder.find(Frame(0, 0.0, image, file="")) for image in images]
        for warning in left_out(self._config, max(one.left_out for one in found)):
            log.warning("%s", in_python(warning))
        return [faces_of(analysis, rgb=rgb) for analysis in self._reader.read(found)]


def _read(picture: object, name: str, rgb: bool, most: float | None) -> Image:
    """Give what a caller gave as (H, W, 3) uint8, BGR."""
    if isinstance(picture, str | os.PathLike):
        return _read_file(path_of(name, picture), most)
    if picture is None:
        raise SourceError(
            f"{name}: is None, what cv2.imread gives for a file it cannot read; give the path"
        )
    if not isinstance(picture, np.ndarray):
        kind = type(picture)
        raise SourceError(
            f"{name}: expected an array or a path, got {kind.__module__}.{kind.__qualname__}; "
            "an image of PIL is numpy.asarray(image.convert('RGB')), with rgb=True"
        )
    gray = picture.ndim == 2
    if picture.dtype != np.uint8 or picture.size == 0 or not (gray or _has_colours(picture)):
        raise SourceError(
            f"{name}: expected (H, W, 3) or (H, W) uint8, got {picture.shape} {picture.dtype}; "
            f"{_remedy(picture)}"
        )
    if gray:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), np.uint8)
    if rgb:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), np.uint8)
    return np.ascontiguousarray(picture)


def _read_file(path: Path, most: float | None) -> Image:
    if path.is_file() and path.suffix.lower() not in ENDINGS:
        raise SourceError(
            f"{path}: not a picture by its ending; pictures are {', '.join(sorted(ENDINGS))}; "
            "a video is for fer_live.stream or fer_live.table"
        )
    if path.is_dir():
        raise SourceError(
            f"{path}: is a folder; name its pictures one by one, or give it to fer_live.stream"
        )
    still = read_still(path, most)
    if still.fault:
        log.warning("%s: is %s", path, FAULTS[still.fault])
    return still.image


def _has_colours(picture: NDArray[np.generic]) -> bool:
    return picture.ndim == 3 and picture.shape[2] == 3


def _remedy(picture: NDArray[np.generic]) -> str:
    """Say what makes a picture of an array that is none."""
    if picture.ndim == 4:
        return "give several pictures as a list"
    if picture.ndim == 3 and picture.shape[2] == 4:
        return "leave the opacity out: image[:, :, :3]"
    if picture.ndim == 3 and picture.shape[0] == 3 and picture.dtype == np.uint8:
        return "put the colours last: image.transpose(1, 2, 0)"
    if picture.dtype.kind == "f":
        return "scale it to 0 to 255 and use astype('uint8')"
    return "bring it into this form"
