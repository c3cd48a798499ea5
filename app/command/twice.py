"""A film that is read twice: looked at first, then covered, drawn on and written.

What the first reading found waits in a temporary file without a name, so that memory does not grow
with the film. The second reading has to show the same pictures: a place is of one picture only.
"""

import pickle
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final, Self

import cv2
import numpy as np

from app.command.doubted import AROUND_S, Doubted
from engine.errors import SinkError, SourceError
from engine.faces.blur import CoverConfig, FaceBlur, Placed, Whereabouts, covered, faces_besides
from engine.pipeline import Draw
from engine.types import Analysis, Floats, Found, Frame, Image, Prediction, Track

BRIDGE_S: Final = 3.0  # whoever comes back within this keeps the id (`TrackerConfig.hidden_s`)
FOLLOWED_PX: Final = 960  # long side of the pictures in which faces are looked for again
MARKED: Final = 8  # every so many rows of a picture tell it from another


@dataclass(frozen=True, slots=True, eq=False)
class _Noted:
    """What the first reading makes of a frame; without the picture.

    Attributes:
        index: Of the frame.
        time_s: The same.
        mark: `mark_of` its picture.
        tracks: Faces in it.
        predictions: One per track.
        left_out: As `Analysis` has it.
    """

    index: int
    time_s: float
    mark: int
    tracks: tuple[Track, ...]
    predictions: tuple[Prediction, ...]
    left_out: int

    @classmethod
    def of(cls, analysis: Analysis) -> Self:
        """Note what there is to say of a frame."""
        frame, mark = analysis.frame, mark_of(analysis.frame.image)
        faces = (analysis.tracks, analysis.predictions, analysis.left_out)
        return cls(frame.index, frame.time_s, mark, *faces)

    def is_of(self, frame: Frame) -> bool:
        """Say whether a frame is the one that was looked at."""
        same_time = (frame.index, frame.time_s) == (self.index, self.time_s)
        return same_time and mark_of(frame.image) == self.mark


def mark_of(image: Image) -> int:
    """Give a number that tells a picture from others: by rows that touch every block of it."""
    return zlib.crc32(np.ascontiguousarray(image[::MARKED]).data, image.shape[1])


class Notes:
    """What is found in a film, and where to cover it. Used by one thread at a time."""

    def __init__(
        self, beside: Path | None, keep: Collection[int] = (), doubted: Doubted | None = None
    ) -> None:
        """Begin.

        Args:
            beside: Folder for the temporary file, which grows by some kilobytes for each face of a
                frame; None takes the system's own.
            keep: Ids of faces that stay bare.
            doubted: Looks for more that may be faces; closed by whoever made it.

        Raises:
            SinkError: There is no room.
        """
        self._keep, self._doubted = frozenset(keep), doubted
        self._where = Whereabouts[_Noted](bridge_s=BRIDGE_S)
        self._perhaps = Whereabouts[None](AROUND_S, AROUND_S, BRIDGE_S, swaps=False)
        self._scale = 1.0  # of the pictures in which faces are looked for again
        with _room():
            self._file: IO[bytes] = TemporaryFile(  # noqa: SIM115 - it is open until `close`
                prefix="fer-video.", dir=beside
            )
        self._waiting = 0  # frames that were noted and not recalled yet

    def add(self, analysis: Analysis) -> None:
        """Note the next frame.

        Raises:
            SinkError: There is no room.
        """
        image, time_s = analysis.frame.image, analysis.frame.time_s
        self._scale = min(1.0, FOLLOWED_PX / max(image.shape[:2]))
        if self._scale < 1:
            small = cv2.resize(image, None, fx=self._scale, fy=self._scale)
            image = np.asarray(small, np.uint8)
        faces = [(face, self._scale * box) for face, box in faces_besides(analysis, self._keep)]
        others = [] if self._doubted is None else self._doubted.find(analysis)
        more = [(number, self._scale * box) for number, box in others]
        ready = self._where.push(_Noted.of(analysis), time_s, image, faces)
        self._write(ready, self._perhaps.push(None, time_s, image, more))

    def _write(self, ready: Iterable[Placed[_Noted]], perhaps: Iterable[Placed[None]]) -> None:
        for placed, more in zip(ready, perhaps, strict=True):
            boxes = [(box / self._scale).astype(np.float32) for box in placed.boxes + more.boxes]
            with _room():
                pickle.dump((placed.item, boxes), self._file, pickle.HIGHEST_PROTOCOL)
            self._waiting += 1

    def finish(self) -> None:
        """Note the rest; from here on it is recalled.

        Raises:
            SinkError: There is no room.
        """
        self._write(self._where.flush(), self._perhaps.flush())
        with _room():
            self._file.seek(0)

    @property
    def done(self) -> bool:
        """Whether everything was recalled."""
        return not self._waiting

    def recall(self) -> tuple[_Noted, list[Floats]] | None:
        """Give the next frame's notes, and where to cover it; None at the end."""
        if self.done:
            return None
        self._waiting -= 1
        noted, boxes = pickle.load(self._file)
        return noted, boxes

    def close(self) -> None:
        """Forget everything."""
        self._file.close()


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = error.strerror or error
        raise SinkError(
            f"what was found cannot be kept in a temporary file until the film is covered: {said}"
        ) from error


class Recalled:
    """Stands for finder and reader in the second reading: covers frames by what was noted."""

    def __init__(self, name: str, notes: Notes, config: CoverConfig) -> None:
        """Take what the first reading noted.

        Args:
            name: What messages call the film.
            notes: Of it, finished.
            config: What faces are covered with.
        """
        self._name, self._notes, self._config = name, notes, config

    def find(self, frame: Frame) -> Found:
        """Pass a frame on."""
        return Found(frame, (), (), {})

    def read(self, several: Sequence[Found]) -> list[Analysis]:
        """Cover frames.

        Raises:
            SourceError: One is not what the first reading saw.
        """
        return [self._covered(found.frame) for found in several]

    def _covered(self, frame: Frame) -> Analysis:
        recalled = self._notes.recall()
        if recalled is None or not recalled[0].is_of(frame):
            raise SourceError(
                f"{self._name}: shows another picture at {frame.time_s:.3f} s than when it was "
                "looked at first; faces in it would be bare, so no film is written. Is another "
                "program writing it?"
            )
        noted, boxes = recalled
        analysis = Analysis(frame, noted.tracks, noted.predictions, {}, noted.left_out)
        return covered(analysis, boxes, self._config)

    def close(self) -> None:
        """Do nothing: the notes belong to whoever made them."""


def held_back(
    results: Iterable[tuple[Analysis, Image]], blur: FaceBlur, draw: Draw | None
) -> Iterator[tuple[Analysis, Image]]:
    """Cover faces of what cannot be read twice: frames wait for those that are found later.

    Raises:
        SourceError: The source was lost, after what came before.
    """

    def drawn(ready: Iterable[Analysis]) -> Iterator[tuple[Analysis, Image]]:
        for analysis in ready:
            begun = time.monotonic()
            image = (draw or image_of)(analysis)
            times_ms = {**analysis.times_ms, "draw": 1000.0 * (time.monotonic() - begun)}
            yield replace(analysis, times_ms=times_ms), image

    lost = None
    try:
        for analysis, _ in results:
            yield from drawn(blur.push(analysis))
    except SourceError as error:
        lost = error
    yield from drawn(blur.flush())
    if lost is not None:
        raise lost


def image_of(analysis: Analysis) -> Image:
    """Draw nothing."""
    return analysis.frame.image
