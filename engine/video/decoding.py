"""Frames of a video file, a picture file or a network stream."""

import logging
import math
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Final

from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from engine.errors import SourceError
from engine.types import Frame, Picture
from engine.video.container import Readable, index_is_last, is_of_pictures, track_tags
from engine.video.conversion import Converter
from engine.video.decoder import Decoder
from engine.video.source import GuardedSource, SourceConfig, SourceInfo
from engine.wording import counted

log = logging.getLogger(__name__)

DEFAULT_FPS: Final = Fraction(25)
JUMP_BACK_S: Final = 1.0  # a clock that falls back further was set anew, not merely jittery
SEEK_BACK_S: Final = (1.0, 10.0)  # distances before the wanted time that seeking tries
TICK_S: Final = 1e-6
# Through these comes a file, which has an end even where nobody knows its length, unless its
# format is one without: a playlist that lacks its end tag (with it there is a length), or what
# cameras send. Through other addresses (RTSP, RTMP, SRT, UDP) comes what happens now.
FILES_COME_BY: Final = frozenset({"ftp", "http", "https", "pipe", "sftp"})
ENDLESS: Final = frozenset({"dash", "hls", "mpjpeg"})
HDR: Final = {16: "PQ", 18: "HLG"}  # AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67


class Clock:
    """Seconds since the first frame, strictly increasing, from whatever the file says.

    A frame without a time follows one step after the one before. A time that does not advance
    is moved by half a step, so that it catches up again; where the file's clock was set back
    (joined recordings), all that follows is moved.
    """

    def __init__(self, step_s: float, last_s: float = -math.inf) -> None:
        self._step_s = step_s
        self._last_s = last_s
        self._shift_s = 0.0

    def stamp(self, time_s: float | None) -> float:
        """The time of the next frame whose file says `time_s`, or nothing."""
        if math.isinf(self._last_s):
            now = 0.0 if time_s is None else time_s
        elif time_s is None:
            now = self._last_s + self._step_s
        else:
            now = time_s + self._shift_s
            if now <= self._last_s - JUMP_BACK_S:
                self._shift_s += self._last_s + self._step_s - now
                now = self._last_s + self._step_s
            elif now <= self._last_s:
                now = self._last_s + self._step_s / 2
        self._last_s = now
        return now


class Video(GuardedSource):
    """A file or stream that FFmpeg reads; one picture is a video of one frame."""

    def __init__(
        self,
        name: str,
        url: str,
        path: Path | None,
        config: SourceConfig,
        file: Readable | None = None,
    ) -> None:
        """Open it and decode its first frame.

        Args:
            name: What messages call it.
            url: What `engine.video.container.open_input` opens.
            path: The file behind it; None for a network stream.
            config: Which part to read.
            file: What is read in the place of an address.

        Raises:
            SourceError: It cannot be opened, holds no video, or no frame can be decoded.
        """
        super().__init__()
        self._name, self._url, self._path, self._config = name, url, path, config
        self._file = file  # which cannot be opened anew
        self._count = 0  # frames handed out
        self._judged = False
        self._faulty = 0  # frames handed out that were decoded with errors
        self._began_s: float | None = None  # on the monotonic clock, of time 0; where it is paced
        self._timed: Iterator[tuple[float, VideoFrame]] = iter(())
        self._decoder = self._opened()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _opened(self) -> Decoder:
        most = self._config.max_megapixels
        steady = self._config.steady
        return Decoder(self._name, self._url, self._path, most, self._file, steady=steady)

    def is_picture(self) -> bool:
        """Say whether it is one picture, after looking for a second frame, which is not lost."""
        if not is_of_pictures(self._decoder.container):
            return False
        ahead = list(islice(self._timed, 2))
        self._timed = chain(ahead, self._timed)
        # Phones put a smaller one behind a picture, of how bright it is or to be shown in lists.
        return len({(frame.width, frame.height) for _, frame in ahead}) == len(ahead)

    def _start(self) -> None:
        frames = self._decoder.frames()
        first = next(frames, None)
        if first is None:
            said = self._decoder.limit.no_picture(
                self._decoder.stream, self._decoder.failure or self._decoder.fault
            )
            if self._index_is_out_of_reach():
                said = (
                    "its index is at its end, which cannot be read from a server that sends whole "
                    "files only (no ranges); download it first"
                )
            elif self._file is not None:
                said += "; an MP4 whose index is at its end cannot be piped, but read by < FILE"
            raise SourceError(f"{self._name}: {said}")
        self._convert = Converter(first, self._decoder.stream.sample_aspect_ratio)
        self._decoder.limit.check(self._name, self._convert.width, self._convert.height)
        self._origin_s = _time_s(first) or 0.0
        self.info = self._facts()
        if hdr := HDR.get(first.color_trc):
            self.warnings.append(
                f"{self._name}: HDR video ({hdr}) is read as if it were ordinary video: "
                "expressions are read less well, and what is shown of it looks grey"
            )
        log.info("%s: %dx%d, fps %s", self._name, self.info.width, self.info.height, self.info.fps)
        start_s = self._config.start_s
        if start_s > 0 and not self.info.live:
            if self.info.duration_s == 0:
                raise SourceError(f"{self._name}: ends before the wanted start at {start_s:g} s")
            frames = self._from(start_s) if self._file is None else chain((first,), frames)
        else:
            frames = chain((first,), frames)
        self._timed = _clocked(
            frames, self._origin_s, Clock(1 / float(self.info.fps or DEFAULT_FPS))
        )

    def _index_is_out_of_reach(self) -> bool:
        """Whether this is an MP4 over HTTP that can be understood from its end on only."""
        if not (self._url.startswith("http") and self._decoder.refused):
            return False
        try:
            return index_is_last(self._name, self._url)
        except SourceError:  # the first error is the one to be told
            return False

    def _facts(self) -> SourceInfo:
        stream, container = self._decoder.stream, self._decoder.container
        fps = stream.average_rate or stream.guessed_rate or None
        length_s, config = self._length_s(), self._config
        duration_s = None
        if length_s is not None:
            duration_s = max(min(length_s, config.end_s) - config.start_s, 0.0)
        count = None
        if length_s and duration_s == length_s and stream.frames:
            count = stream.frames
        elif duration_s is not None and fps:
            count = round(duration_s * float(fps))
        return SourceInfo(
            name=self._name,
            path=self._path,
            width=self._convert.width,
            height=self._convert.height,
            fps=fps,
            time_base=stream.time_base or 1 / (fps or DEFAULT_FPS),
            frame_count=count,
            duration_s=duration_s,
            live=self._config.live or self._endless(length_s),
            has_audio=len(container.streams.audio) > 0,
            extras=self._decoder.extras,
            start_s=config.start_s,
            metadata=dict(container.metadata),
            track=_track(stream),
            origin_s=self._origin_s,
            end_s=None if math.isinf(config.end_s) else config.end_s,
            form=None if self._config.steady else self._convert.form,
        )

    def _length_s(self) -> float | None:
        """Seconds from the first frame to the end of the last, None if unknown."""
        stream, container = self._decoder.stream, self._decoder.container
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        if container.duration:
            return max(self._decoder.stated_end_s - self._origin_s, 0.0)
        if container.format.name.endswith("_pipe"):  # FFmpeg's name for single pictures
            return float(1 / (stream.average_rate or DEFAULT_FPS))
        return None

    def _endless(self, length_s: float | None) -> bool:
        """Whether what comes is made now, and goes on whether it is read or not."""
        if self._path is not None or length_s is not None:
            return False
        scheme = self._url.partition(":")[0]
        return scheme not in FILES_COME_BY or self._decoder.container.format.name in ENDLESS

    def _next(self) -> Frame | None:
        for time_s, frame in self._timed:
            if time_s < self._config.start_s - TICK_S:
                continue
            if time_s >= self._config.end_s - TICK_S:
                self._timed = iter(())
                return None
            if self._config.live:
                self._pace(time_s)
            result = Frame(self._count, time_s, self._picture(frame))
            self._count += 1
            self._faulty += frame.is_corrupt
            return result
        self._timed = iter(())
        if not self._judged:
            self._judged = True
            self._judge_end()
        return None

    def _picture(self, frame: VideoFrame) -> Picture:
        """Keep a frame's planes, or convert it at once where it must be the same each time.

        In the place of what is missing decoders leave what was in memory before: which memory that
        is depends on when frames are let go of.
        """
        return self._convert(frame) if self._config.steady else self._convert.picture(frame)

    def _pace(self, time_s: float) -> None:
        """Wait until a frame's time has come: as if it were filmed now, however fast it is read."""
        now_s = time.monotonic()
        if self._began_s is None:
            self._began_s = now_s - time_s
        self._closing.wait(max(self._began_s + time_s - now_s, 0.0))

    def _free(self) -> None:
        self._timed = iter(())
        self._decoder.close()

    def _from(self, start_s: float) -> Iterator[VideoFrame]:
        """Frames from some place at or before `start_s` on.

        Seeking may land too late (sparse or wrong index), which the first frame's time shows;
        then it is tried from further back, and last by reading everything.
        """
        for back_s in SEEK_BACK_S:
            if not self._decoder.seek(self._origin_s + max(start_s - back_s, 0.0)):
                break
            frames = self._decoder.frames()
            first = next(frames, None)
            time_s = _time_s(first) if first else None
            if first and time_s is not None and time_s - self._origin_s <= start_s + TICK_S:
                return chain((first,), frames)
        self._decoder.close()
        self._decoder = self._opened()
        return self._decoder.frames()

    def _judge_end(self) -> None:
        """Say once what was missing, if anything was."""
        decoder = self._decoder
        lost = decoder.failure if self._path is None else None
        if lost and (self.info.live or (self.info.duration_s is None and not decoder.hung_up)):
            raise SourceError(f"{self._name}: connection lost: {lost}")
        if decoder.cut_off:
            why = f": {lost}" if lost else f", frame {self._count} cannot be decoded"
            self.warnings.append(f"{self._name}: ends early{why}; kept what came before")
        elif lacking := decoder.damaged + decoder.vanished:
            sizes = f" (pictures {decoder.limit})" if decoder.too_large else ""
            self.warnings.append(
                f"{self._name}: damaged, {lacking} of {counted(decoder.packets, 'packet')} "
                f"cannot be decoded{sizes}; kept the rest"
            )
        if self._faulty:
            self.warnings.append(
                f"{self._name}: damaged, {self._faulty} of {counted(self._count, 'frame')} came "
                "with errors, which those after them may show too; kept all"
            )


def _track(stream: VideoStream) -> dict[str, str]:
    """Give the tags of the pictures' track that are true of an annotated copy too."""
    tags = track_tags(stream)
    return {key: tags[key] for key in ("language", "title") if tags.get(key)}


def _clocked(
    frames: Iterator[VideoFrame], origin_s: float, clock: Clock
) -> Iterator[tuple[float, VideoFrame]]:
    for frame in frames:
        time_s = _time_s(frame)
        yield clock.stamp(None if time_s is None else time_s - origin_s), frame


def _time_s(frame: VideoFrame) -> float | None:
    """The frame's time on the container's clock; AVI has decoding times only."""
    ticks = frame.dts if frame.pts is None else frame.pts
    if ticks is None or frame.time_base is None:
        return None
    return float(ticks * frame.time_base)
