"""Pictures one by one, each for itself, or as the frames of a film."""

import logging
import os
import re
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from engine.errors import ConfigError, SourceError
from engine.types import Frame, Image
from engine.video.source import GuardedSource, SourceConfig, SourceInfo
from engine.video.stills import ENDINGS, FAULTS, Still, read_still
from engine.wording import counted

log = logging.getLogger(__name__)

FPS: Final = Fraction(25)
_NAMED: Final = 3  # files that a warning names
_UNREAD: Final = "unread"


class Pictures(GuardedSource):
    """One picture file, or those of a folder in natural order (2 before 10).

    Each is a picture of its own, in its own size, and its frame says which file it is. As a
    sequence they are video of 25 frames a second: the first readable picture settles the size,
    larger ones are fitted into it, smaller ones keep theirs, on black. What cannot be read is
    left out and named in `warnings`; the times of the others stay.
    """

    def __init__(self, path: Path, config: SourceConfig) -> None:
        """List the pictures and read the first.

        Raises:
            SourceError: There is no picture, or none that can be read.
            ConfigError: Only a part of a folder is wanted, but its pictures have no times.
        """
        super().__init__()
        self._path, self._config = path, config
        self._name = path.name or str(path)
        self._is_folder = path.is_dir()
        self._files = pictures_in(path) if self._is_folder else [path]
        self._first, self._last = self._part()
        self._position = 0
        self._count = 0
        self._faults: defaultdict[str, list[str]] = defaultdict(list)
        self._ahead: tuple[int, Still] | None = None
        first = self._readable()  # of all, so that where reading starts does not settle the size
        if first is None:
            raise SourceError(f"{self._name}: {self._nothing_read()}")
        self.info = self._facts(first[1].image)
        if first[0] < self._first:
            self._position = self._first
        else:
            self._ahead = first
        count = self.info.frame_count
        log.info("%s: %d pictures, %dx%d", self._name, count, self.info.width, self.info.height)

    def _part(self) -> tuple[int, int]:
        """Say which files are wanted: from which one on, and before which one to stop."""
        config, count = self._config, len(self._files)
        if self._is_folder and not config.sequence and (config.start_s or config.duration_s):
            raise ConfigError(
                f"{self._name}: pictures of a folder have no times, which --start and --duration "
                "need; --sequence makes a film of them"
            )
        first = _position(config.start_s)
        if first >= count:
            raise SourceError(
                f"{self._name}: ends before the wanted start at {config.start_s:g} s; "
                f"{counted(count, 'picture lasts', 'pictures last')} {count / float(FPS):g} s"
            )
        return first, min(count, _position(config.end_s)) if config.duration_s else count

    def _facts(self, image: Image) -> SourceInfo:
        config, film = self._config, self._config.sequence
        height, width = image.shape[:2]
        count = max(self._last - self._first, 0)
        return SourceInfo(
            name=self._name,
            path=self._path,
            width=width,
            height=height,
            fps=FPS,
            time_base=1 / FPS,
            frame_count=count,
            duration_s=count / float(FPS) if film else None,
            live=False,
            has_audio=False,
            start_s=config.start_s,
            end_s=config.end_s if film and config.duration_s else None,
            pictures=() if film else tuple(self._files),
        )

    def _next(self) -> Frame | None:
        read = self._readable()
        if read is None:
            self._warn()
            return None
        position, still = read
        self._count += 1
        if self._config.sequence:
            image = _fit(still.image, self.info.width, self.info.height)
            return Frame(self._count - 1, float(position / FPS), image)
        return Frame(self._count - 1, 0.0, still.image, file=shown_name(self._files[position]))

    def _readable(self) -> tuple[int, Still] | None:
        """Give the next picture that can be read, and its place among the files."""
        ahead, self._ahead = self._ahead, None
        while ahead is None and self._position < self._last:
            position, file = self._position, self._files[self._position]
            self._position += 1
            try:
                still = read_still(file, self._config.max_megapixels)
            except SourceError as error:
                if not self._is_folder:
                    raise
                log.debug("%s", error)
                if position >= self._first:
                    why = str(error).removeprefix(f"{file.name}: ")
                    self._faults[_UNREAD].append(f"{file.name} ({why})")
                continue
            if still.fault and position >= self._first:
                self._faults[still.fault].append(file.name)
            ahead = position, still
        return ahead

    def _warn(self) -> None:
        """Say once what was missing, if anything was."""
        faults, self._faults = self._faults, defaultdict(list)
        for fault, files in faults.items():
            if not self._is_folder:
                self.warnings.append(f"{self._name}: is {FAULTS[fault]}")
                continue
            if fault == _UNREAD:
                one, several = "picture cannot be read and is", "pictures cannot be read and are"
                what = f"{counted(len(files), one, several)} left out"
            else:
                what = f"{counted(len(files), 'picture is', 'pictures are')} {FAULTS[fault]}"
            self.warnings.append(f"{self._name}: {what}: {_first_of(files)}")

    def _nothing_read(self) -> str:
        """Say that no picture could be read, and why."""
        count, faults = len(self._files), self._faults[_UNREAD]
        can = f"none of its {count:,} pictures can" if count > 1 else "its only picture cannot"
        return f"{can} be read" + (f": {_first_of(faults)}" if faults else "")

    def _free(self) -> None:
        """Nothing stays open between pictures."""
        self._ahead = None


def _first_of(files: Sequence[str]) -> str:
    return ", ".join(files[:_NAMED]) + (", ..." if len(files) > _NAMED else "")


def pictures_in(folder: Path) -> list[Path]:
    """List the pictures of a folder, in natural order.

    Raises:
        SourceError: There is none.
    """
    try:
        found = sorted((p for p in folder.iterdir() if _is_picture(p)), key=_natural)
    except OSError as error:
        raise SourceError(f"{folder}: cannot be opened: {error.strerror or error}") from error
    if not found:
        kinds = ", ".join(sorted(ENDINGS))
        name = folder.name or folder
        raise SourceError(f"{name}: no pictures in this folder; looked for {kinds}")
    return found


def shown_name(file: Path) -> str:
    """Give a file's name as text that can be written anywhere; Linux allows names that are none."""
    return os.fsencode(file.name).decode("utf-8", "replace")


def _fit(image: Image, width: int, height: int) -> Image:
    """Scale down to fit, aspect kept, centred on black."""
    rows, columns = image.shape[:2]
    if (columns, rows) == (width, height):
        return image
    scale = min(width / columns, height / rows, 1.0)
    size = max(round(columns * scale), 1), max(round(rows * scale), 1)
    canvas = np.zeros((height, width, 3), np.uint8)
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    canvas[y : y + size[1], x : x + size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    canvas.flags.writeable = False
    return canvas


def _position(time_s: float) -> int:
    """The first picture at or after a time."""
    return int(np.ceil(time_s * float(FPS) - 1e-6))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key that reads runs of digits as numbers."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]
