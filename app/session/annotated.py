"""The video of a recording: blurred if asked for, drawn over, fitted to one size, encoded.

And a clean copy beside it: of the same pictures, blurred as they are, before anything is drawn.
"""

from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
from pydantic import Field

from app.session.folder import Marker
from app.session.naming import NAMELESS, NamedFaces
from app.session.sound import Sound, SoundCut
from engine.config import checked
from engine.drawing.overlay import Overlay, OverlayConfig
from engine.faces.blur import FaceBlur
from engine.types import Analysis, Image
from engine.video.chapters import Chapter
from engine.video.encoders import Preset
from engine.video.opening import SourceInfo
from engine.video.sink import DEFAULT_FPS, SinkConfig, VideoSink

TIME_BASE: Final = Fraction(1, 90_000)


@checked("video")
class VideoConfig:
    """How the video of a recording looks.

    Attributes:
        annotate: Draw boxes, labels and the timeline.
        clean: Then write a second video without them.
        blur: Make faces unrecognisable.
        blur_whole: Then blur all of a frame that may hold a face nobody found.
        overlay: What is drawn.
        crf: x264's constant rate factor.
        preset: x264's trade of time for size; a live recording shares the cores with the analysis.
    """

    annotate: bool = True
    clean: bool = False
    blur: bool = False
    blur_whole: bool = False
    overlay: OverlayConfig = field(default_factory=OverlayConfig)
    crf: Annotated[int, Field(ge=0, le=51)] = 23
    preset: Preset = "superfast"

    @property
    def two(self) -> bool:
        """True if there is a clean copy beside the annotated video."""
        return self.annotate and self.clean


class AnnotatedVideo:
    """Writes growing files, one after the other; each is opened with its first frame.

    Blurring and the timeline go on from file to file, and all have the first one's size. Used by
    one thread.

    Attributes:
        frames: Frames written.
        starts: By file name, the time of its first frame, seconds of the recording.
    """

    def __init__(
        self,
        path: Path,
        info: SourceInfo,
        config: VideoConfig,
        sound: Sound | None = None,
        clean: Path | None = None,
    ) -> None:
        """Take what is to be written; nothing is opened yet.

        Args:
            path: Of the video; must not exist.
            info: The source: its rate.
            config: What is drawn.
            sound: What is heard; None for a silent video.
            clean: Of a copy on which nothing is drawn; None for none.
        """
        self._sound = sound
        self._path, self._info, self._config = path, info, config
        self._clean = clean
        self._turns: deque[tuple[float, Path, Path | None]] = deque()
        self._blur = FaceBlur(whole=config.blur_whole) if config.blur else None
        self._overlay: Overlay | None = None
        self._named = NAMELESS
        self._drawn_size: tuple[int, int] | None = None
        self._sinks: list[VideoSink] = []  # of the video, and of its clean copy
        self._size = (0, 0)
        self._last_s = 0.0  # of what is written; later frames only show where faces were
        self._markers: list[Marker] = []
        self._only_seen: set[float] = set()  # times of frames that are not recorded
        self.frames = 0
        self.starts: dict[str, float] = {}

    def turn(self, time_s: float, path: Path, clean: Path | None = None) -> None:
        """Write to another file from the frame at a time on.

        Args:
            time_s: Of the recording, later than any turn before.
            path: Must not exist.
            clean: Of the copy, where there is one.
        """
        self._turns.append((time_s, path, clean))

    def write(self, analysis: Analysis) -> None:
        """Draw and encode one frame; its time is the recording's.

        Where faces are blurred, frames are held back for a moment (`engine/faces/blur.py`).

        Raises:
            SinkError: The file cannot be written.
        """
        self._last_s = analysis.frame.time_s
        self._take(analysis)

    def cut(self, cut: SoundCut) -> None:
        """Take note that the source was begun or moved."""
        if self._sound is not None:
            self._sound.cut(cut)

    def mark(self, marker: Marker) -> None:
        """Take note of a marker: where the file can hold them, it begins a chapter."""
        self._markers.append(marker)

    def name_faces(self, named: NamedFaces) -> None:
        """Draw faces with these names and colours from the next frame on."""
        self._named = named
        if self._overlay is not None:
            self._overlay.name_faces(named.names, named.colours)

    def _hear(self, until_s: float) -> None:
        """Encode what sounds before a time of the recording."""
        if self._sound is None or not self._sinks:
            return
        start_s = self.starts[self._path.name]
        for block in self._sound.blocks(until_s):
            heard = block.between(start_s, block.end_s)
            if heard.samples.shape[1]:
                for sink in self._sinks:
                    sink.write_sound(heard.moved(-start_s))

    def look_ahead(self, analysis: Analysis) -> None:
        """Look at a frame after the last one written, for faces that were there before.

        Raises:
            SinkError: The file cannot be written.
        """
        if self._blur is not None:
            self._only_seen.add(analysis.frame.time_s)
            self._take(analysis)

    def _take(self, analysis: Analysis) -> None:
        ready = [analysis] if self._blur is None else self._blur.push(analysis)
        for each in ready:
            self._encode(each)

    def _encode(self, analysis: Analysis) -> None:
        time_s = analysis.frame.time_s
        if time_s > self._last_s or time_s in self._only_seen:
            return
        images = (self._draw(analysis), analysis.frame.image)
        while self._turns and time_s >= self._turns[0][0]:
            self._hear(self._turns[0][0])
            self._finish(self._turns[0][0])
            _, self._path, self._clean = self._turns.popleft()
        if not self._sinks:
            if not self.frames:
                self._size = images[0].shape[:2]
            for path in filter(None, (self._path, self._clean)):
                self._sinks.append(self._open(path))
            # A player counts from a file's first frame; the recording's own counts from 0.
            self.starts[self._path.name] = time_s if self.starts else 0.0
        self._hear(time_s)
        for sink, image in zip(self._sinks, images, strict=False):
            sink.write(time_s - self.starts[self._path.name], fitted(image, self._size))
        self.frames += 1

    def _draw(self, analysis: Analysis) -> Image:
        image = analysis.frame.image
        if not self._config.annotate:
            return image
        size = (image.shape[0], image.shape[1])
        if self._overlay is None or size != self._drawn_size:
            self._overlay = Overlay(size[1], size[0], self._config.overlay)
            self._overlay.name_faces(self._named.names, self._named.colours)
            self._drawn_size = size
        return self._overlay.draw(analysis)

    def _open(self, path: Path) -> VideoSink:
        height, width = self._size
        info = replace(
            self._info,
            path=None,
            width=width,
            height=height,
            time_base=TIME_BASE,
            has_audio=False,
            start_s=0.0,
            metadata={},
        )
        config = SinkConfig(
            audio="none",
            crf=self._config.crf,
            preset=self._config.preset,
            growing=True,
            sound=self._sound is not None,
        )
        return VideoSink(path, info, config)

    def close(self) -> None:
        """Finish the file; further calls do nothing.

        Raises:
            SinkError: The rest cannot be written.
        """
        if self._blur is not None:
            for each in self._blur.flush():
                self._encode(each)
        end_s = self._last_s + float(1 / (self._info.fps or DEFAULT_FPS))
        self._hear(end_s)
        # One that was set after the last picture belongs to it.
        self._markers = [replace(m, time_s=min(m.time_s, self._last_s)) for m in self._markers]
        self._finish(end_s)
        if self._sound is not None:
            self._sound.close()

    def _finish(self, end_s: float) -> None:
        sinks, self._sinks = self._sinks, []
        with ExitStack() as closing:  # all of them, whatever one says
            for sink in sinks:
                closing.callback(sink.close)
                sink.set_chapters(chapters_of(self._markers, self.starts[self._path.name], end_s))


def chapters_of(markers: Iterable[Marker], start_s: float, end_s: float) -> list[Chapter]:
    """Give the chapters of a file: each begins at a marker and lasts until the next one.

    Args:
        markers: Of the whole recording, as they are told of while it is recorded.
        start_s: Where the file begins, seconds of the recording.
        end_s: Where it ends.
    """
    titles: dict[float, str] = {}
    for marker in sorted(markers, key=lambda marker: marker.time_s):
        if start_s <= marker.time_s < end_s:
            title = f"{marker.text} (end)" if marker.phase == "end" else marker.text
            time_s = round(marker.time_s - start_s, 3)
            titles[time_s] = f"{titles[time_s]}; {title}" if time_s in titles else title
    edges = pairwise((*titles, round(end_s - start_s, 3)))
    return [Chapter(begin_s, until_s, {"title": titles[begin_s]}) for begin_s, until_s in edges]


def fitted(image: Image, size: tuple[int, int]) -> Image:
    """Shrink or enlarge a picture into (height, width), with black bars where its form differs.

    Returns:
        (height, width, 3) uint8, BGR; `image` itself if it has that size.
    """
    height, width = size
    if image.shape[:2] == size:
        return image
    scale = min(height / image.shape[0], width / image.shape[1])
    inner = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
    whole = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner[1]) // 2, (width - inner[0]) // 2
    whole[top : top + inner[1], left : left + inner[0]] = small
    return whole
