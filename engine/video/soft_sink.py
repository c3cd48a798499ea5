"""A film as it is, with a subtitle of drawings that players can switch off: MKV."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import av.error
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from engine.errors import ConfigError
from engine.standard import is_standard
from engine.video.copied import VideoTrack
from engine.video.sink import DEFAULT_FPS, SinkConfig, VideoSink
from engine.video.source import SourceInfo
from engine.video.subtitle import Font, Line, SubtitleTrack

ENDING: Final = ".mkv"
EARLY_S: Final = 1e-3  # a copy that begins so much before the wanted start is no news
Draw = Callable[[bool], Iterable[Line]]
Finish = Callable[[float], Iterable[Line]]


class SoftSink(VideoSink):
    """Writes one MKV: pictures and sound packet by packet, and lines.

    Pictures begin at the last key picture at or before the wanted start, since what follows one
    cannot be decoded without it. Lines have the times of the frames that they belong to.
    """

    def __init__(
        self,
        path: Path,
        info: SourceInfo,
        config: SinkConfig,
        *,
        head: str,
        fonts: Sequence[Font],
    ) -> None:
        """Check the target and open the file.

        Args:
            path: The target, .mkv; ``-`` is standard output.
            info: The source, a film in a file.
            config: What becomes of the sound, and of a file that exists.
            head: All of an ASS file that comes before its lines.
            fonts: Those that the head names.

        Raises:
            ConfigError: The ending is another, or standard output is a terminal.
            SinkError: The target cannot be written, or cannot hold pictures or sound.
        """
        if not is_standard(path) and path.suffix.lower() != ENDING:
            raise ConfigError(f"{path}: --overlay soft writes {ENDING}, or .ass beside the film")
        self._head, self._fonts = head, fonts
        self._video: VideoTrack | None = None
        self._ends: Finish | None = None
        super().__init__(path, info, config)

    def _add_video(self, container: OutputContainer) -> VideoStream:
        wanted_s = self._info.start_s
        self._video = VideoTrack(self._info, container)
        start_s = self._video.start_s
        if abs(start_s - wanted_s) > EARLY_S:
            self.warnings.append(
                f"{self._info.name}: copied from {start_s:.3f} s on, where a key picture is, "
                f"instead of {wanted_s:g} s; use --overlay burnt for an exact cut"
            )
            self._info = replace(self._info, start_s=start_s)
        if self._video.turned:
            self.warnings.append(
                f"{self._info.name}: its pictures are turned to be shown, which some players do "
                f"not read from {ENDING} (mpv up to 0.37); for these, write .ass beside the film"
            )
        self._subtitle = SubtitleTrack(container, self._head, self._fonts)
        return self._video.target

    def add(self, time_s: float, draw: Draw, finish: Finish) -> None:
        """Copy pictures and sound up to one frame, and write the lines that are complete.

        Args:
            time_s: The frame's time as the source told it.
            draw: Gives those lines; it is told whether players may begin to decode at this frame.
            finish: Gives the rest of the lines, told when the film ends.

        Raises:
            SinkError: The disk is full or the file otherwise refuses.
        """
        if self._container is None or self._video is None:
            raise ValueError("add: the sink is closed")
        last_s = self._last_s if self._last_pts is not None else float("-inf")
        self._last_pts, self._last_s, self._ends = self._pts(time_s), time_s, finish
        try:
            self._video.write(time_s, self._zero_s)
            self._holds_video = True
            anew = any(last_s < key_s <= time_s for key_s in self._video.keys_s)
            self._put(draw(anew))
            for other in (self._audio, self._extras):
                if other is not None:
                    other.write(time_s)
        except (av.error.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def _put(self, lines: Iterable[Line]) -> None:
        self._subtitle.write(
            line._replace(start_s=self._out_s(line.start_s), end_s=self._out_s(line.end_s))
            for line in lines
        )

    def _out_s(self, time_s: float) -> float:
        tick = self._info.time_base
        return float((round(time_s / tick) - round(self._zero_s / tick)) * tick)

    def _encode(self, container: OutputContainer, frame: VideoFrame | None) -> None:
        """Write the rest: there is no encoder."""
        if self._video is None or self._ends is None:
            return
        end_s = self._others_end_s()
        self._video.finish(end_s, self._zero_s)
        self._put(self._ends(min(end_s, self._last_s + 1 / float(self._info.fps or DEFAULT_FPS))))

    def _release(self) -> None:
        super()._release()
        if self._video is not None:
            self._video.close()
        self._video = self._ends = None
