"""Annotated video out: MP4, MKV or MOV, with the source's times, sound and tags."""

import errno
import logging
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final, cast

import av
import av.error
import cv2
import numpy as np
from av.codec.codec import UnknownCodecError
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream
from pydantic import Field

from engine.config import Natural, checked
from engine.errors import SinkError
from engine.files import open_target
from engine.native import hushed
from engine.standard import StandardOutput, is_standard
from engine.types import Image, check_image
from engine.video.audio import Audio, AudioTrack
from engine.video.chapters import Chapter, write_chapters
from engine.video.container import reason
from engine.video.encoders import ENCODERS, Codec, Preset, check_crf, codec_for, options_of
from engine.video.extras import Extras
from engine.video.made_sound import MadeSound
from engine.video.planes import Copied, Form, colorspace
from engine.video.sound import SoundBlock
from engine.video.source import SourceInfo

log = logging.getLogger(__name__)

# The header goes to the front, so that a player starts before the file is there. QuickTime's own
# tags are free-form keys; in MP4 those would hide the common ones (title, date) from players.
MUXER_OPTIONS: Final[Mapping[str, dict[str, str]]] = {
    ".mp4": {"movflags": "+faststart"},
    ".mov": {"movflags": "+faststart+use_metadata_tags"},
    ".mkv": {},
}
# What a kill leaves can be played up to its last half second: fragments, or clusters, on the disk
# as they come. FFmpeg turns the MP4 into an ordinary one when it is closed.
GROWING_OPTIONS: Final[Mapping[str, dict[str, str]]] = {
    ".mp4": {"movflags": "+hybrid_fragmented", "frag_duration": "500000", "flush_packets": "1"},
    ".mov": {
        "movflags": "+hybrid_fragmented+use_metadata_tags",
        "frag_duration": "500000",
        "flush_packets": "1",
    },
    ".mkv": {"cluster_time_limit": "500", "flush_packets": "1"},
}
DEFAULT_FPS: Final = Fraction(25)
LONG_TAG: Final = "synopsis"  # of an MP4: players hardly show it
OWN_TAGS: Final = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})
NEAR_END_S: Final = 0.5  # closer than this to the source's end counts as having reached it


@checked("sink")
class SinkConfig:
    """How video is written.

    Attributes:
        audio: What becomes of the source's sound: ``copy`` takes it as it is where the container
            can and else encodes it to AAC, ``aac`` always does, ``none`` leaves it out.
        overwrite: Replace a file that exists.
        codec: H.264, HEVC or AV1; None is H.264, and HEVC for pictures of more than 8 bits.
        crf: Constant rate factor, 0 to 51, of AV1 to 63; None is one that looks like the source.
        preset: Trade of time for size.
        threads: Encoder threads; 0 leaves it to the encoder.
        growing: Write under the file's own name, so that what a kill leaves can be played; each
            frame is encoded at once, for some more bytes.
        sound: A track for `write_sound` is added, AAC.
        pictures: The source's cover and attached pictures go along; they may show faces.
        tags: That the film gets besides its source's.
    """

    audio: Audio = "copy"
    overwrite: bool = False
    codec: Codec | None = None
    crf: Annotated[int, Field(ge=0, le=63)] | None = None
    preset: Preset = "veryfast"
    threads: Natural = 0
    growing: bool = False
    sound: bool = False
    pictures: bool = True
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_crf(self.codec, self.crf)


_DEFAULTS: Final = SinkConfig()


class VideoSink:
    """Writes one video file; it has its name only once it is complete.

    Odd widths and heights grow by one pixel that repeats the last column or row, since 4:2:0
    video has even sides. It takes BGR, or copies of the planes of a film: those are encoded as they
    are, in their own depth and with their own tags, where the encoder can. Used by one thread at a
    time.

    Attributes:
        warnings: One line for each thing that was changed or left out, once it is closed.
    """

    def __init__(
        self,
        path: Path,
        info: SourceInfo,
        config: SinkConfig = _DEFAULTS,
        *,
        form: Form | None = None,
    ) -> None:
        """Check the target and open the file; its header says that it can be written.

        Args:
            path: The target; its ending chooses the container; ``-`` is MKV on standard output.
            info: The source: size, times, tags and the file the sound is copied from.
            config: How to encode.
            form: What is written are copies of planes of this form; None for BGR.

        Raises:
            ConfigError: The ending is unknown, or standard output is a terminal.
            SinkError: The target cannot be written, is the source, or cannot hold its sound.
        """
        if not is_standard(path) and info.is_at(path):
            raise SinkError(f"{path}: is the input itself; choose another name")
        self._file = (
            StandardOutput()
            if is_standard(path)
            else open_target(
                path, endings=MUXER_OPTIONS, overwrite=config.overwrite, growing=config.growing
            )
        )
        self._info, self._config, self._form = info, config, form
        self._codec = codec_for(form, config.codec)
        self._audio: AudioTrack | None = None
        self._extras: Extras | None = None
        self._made: MadeSound | None = None
        self._chapters: Sequence[Chapter] = ()
        self.warnings: list[str] = []
        self._container: OutputContainer | None = None
        self._last_pts: int | None = None
        self._holds_video = False
        self._last_s = 0.0
        self._reformatter = VideoReformatter()
        try:
            self._open()
        except BaseException:
            self.discard()
            raise

    def _open(self) -> None:
        info = self._info
        try:
            self._container = self._open_container()
            self._stream = self._add_video(self._container)
            if self._config.sound:
                self._made = MadeSound(self._container)
            self._add_others(self._container)
            tags = {key: text for key, text in info.metadata.items() if key.lower() not in OWN_TAGS}
            self._container.metadata.update(tags | self._own_tags())
            if not self._config.growing:
                with hushed():
                    self._container.start_encoding()
            # Else with the first packet: FFmpeg 8 crashes where it closes fragments without any.
        except UnknownCodecError as error:
            raise SinkError(
                f"{ENCODERS[self._codec].name}: missing from FFmpeg; install PyAV's wheel"
            ) from error
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from error

    def _own_tags(self) -> dict[str, str]:
        """Give this film's own tags; an MP4 has fixed names, of which one is for long texts."""
        own = self._config.tags
        named = self._file.path.suffix.lower() == ".mp4"
        return {LONG_TAG: "\n".join(own.values())} if named and own else own

    def _open_container(self) -> OutputContainer:
        if isinstance(self._file, StandardOutput):
            # A pipe takes no corrections: MKV needs none, and is sent as it comes.
            options = GROWING_OPTIONS[".mkv"]
            return av.open(self._file.video(), "w", "matroska", container_options=options)
        muxer = GROWING_OPTIONS if self._config.growing else MUXER_OPTIONS
        path = self._file.path
        options = muxer[path.suffix.lower()]
        return av.open(f"file:{path}", mode="w", container_options=options)

    def _add_others(self, container: OutputContainer) -> None:
        """Add what the source has besides the pictures, where it is a file."""
        info = self._info
        sound = self._config.audio != "none" and info.has_audio
        if info.path is None:
            left_out = [*(["sound"] if sound else []), *info.extras]
            if left_out:
                self.warnings.append(f"{info.name}: {', '.join(left_out)} of a stream: not copied")
            return
        if sound:
            self._audio = AudioTrack(info, container, self._config.audio)
        if info.extras:
            self._extras = Extras(info, container, self._zero_s, pictures=self._config.pictures)

    @property
    def _zero_s(self) -> float:
        """The source's time that becomes 0."""
        return self._audio.zero_s if self._audio else self._info.start_s

    def _add_video(self, container: OutputContainer) -> VideoStream:
        info, config, form = self._info, self._config, self._form
        width, height = (info.width, info.height) if form is None else (form.width, form.height)
        width, height = width + width % 2, height + height % 2
        rate = (info.fps or DEFAULT_FPS).limit_denominator(100_000)
        encoder = ENCODERS[self._codec]
        options = options_of(self._codec, config.preset, config.crf, form)
        if config.growing:  # nothing waits in the encoder, and one can seek to every second
            options |= {**encoder.low_delay, "g": str(max(1, round(rate)))}
        stream = cast(
            "VideoStream",
            container.add_stream(
                encoder.name,
                rate=rate,
                options=options,
                width=width,
                height=height,
                pix_fmt="yuv420p" if form is None else encoder.format_for(form),
                time_base=info.time_base,
            ),
        )
        stream.metadata.update(info.track)
        context = stream.codec_context
        context.thread_count = config.threads
        if encoder.tag and container.format.name != "matroska":
            context.codec_tag = encoder.tag
        if form is None:
            self._tag(context, width, height)
        else:
            self._tag_as(form, stream)
        return stream

    def _tag(self, context: VideoCodecContext, width: int, height: int) -> None:
        """Say what colours converted pictures have."""
        self._colorspace = colorspace(width, height)
        hd = self._colorspace == Colorspace.ITU709
        context.color_range = ColorRange.MPEG
        context.colorspace = 1 if hd else 6  # AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M
        context.color_primaries = ColorPrimaries.BT709 if hd else ColorPrimaries.SMPTE170M
        context.color_trc = ColorTrc.BT709 if hd else ColorTrc.SMPTE170M

    def _tag_as(self, form: Form, stream: VideoStream) -> None:
        """Say of planes what the source said of them, turns and the shape of pixels included."""
        context, colour = stream.codec_context, form.colour
        context.color_range = colour.stated_range
        context.colorspace, context.color_trc = colour.matrix, colour.transfer
        context.color_primaries = colour.primaries
        if form.shape != 1:
            context.sample_aspect_ratio = form.shape
        if form.matrix:
            stream.set_display_matrix(form.matrix)

    def write(self, time_s: float, picture: Image | Copied) -> None:
        """Encode one frame, and copy the sound up to it.

        Args:
            time_s: The frame's time as the source told it.
            picture: (H, W, 3) uint8, BGR, of the source's size; or a copy of planes of the form
                that was named at the start, which is freed.

        Raises:
            SinkError: The disk is full or the file otherwise refuses.
            ValueError: It has another size than the source, or is none of what was named.
        """
        if isinstance(picture, Copied):
            if self._form is None:
                raise ValueError("picture: expected BGR, got planes")
            self._write(time_s, picture.frame)
            picture.free()
            return
        if self._form is not None:
            raise ValueError("picture: expected planes, got BGR")
        self._write(time_s, self._frame(self._checked(picture)))

    def _checked(self, image: Image) -> Image:
        check_image("image", image)
        if image.shape[:2] != (self._info.height, self._info.width):
            wanted = f"({self._info.height}, {self._info.width}, 3)"
            raise ValueError(f"image: expected {wanted}, got {image.shape}")
        return image

    def _write(self, time_s: float, frame: VideoFrame) -> None:
        if self._container is None:
            raise ValueError("write: the sink is closed")
        wanted = self._stream.codec_context.pix_fmt
        if frame.format.name != wanted:  # once, where the encoder has not the source's own
            frame = self._reformatter.reformat(frame, format=wanted, threads=1)
        frame.pts = self._pts(time_s)
        frame.time_base = self._info.time_base
        self._last_pts, self._last_s = frame.pts, time_s
        try:
            self._encode(self._container, frame)
            if self._made is not None:
                self._made.keep_up(time_s)
            for other in (self._audio, self._extras):
                if other is not None:
                    other.write(time_s)
        except (av.error.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def write_sound(self, block: SoundBlock) -> None:
        """Encode sound, in order of time; a gap becomes silence, and what overlaps is left out.

        Args:
            block: Its time is that of the frames.

        Raises:
            SinkError: The disk is full or the file otherwise refuses.
        """
        if self._made is None or self._container is None:
            raise ValueError("write_sound: this sink has no track for it")
        try:
            self._made.write(block)
        except (av.error.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def set_chapters(self, chapters: Sequence[Chapter]) -> None:
        """Say which chapters the file has, in place of the source's; it gets them when it closes.

        Args:
            chapters: In order of time, which is that of the frames.
        """
        self._chapters = chapters

    def _encode(self, container: OutputContainer, frame: VideoFrame | None) -> None:
        """Write what the encoder gives for a frame, or at the end."""
        with hushed():  # x264 prints where memory ends
            packets = self._stream.encode(frame)
        container.mux(packets)
        self._holds_video |= bool(packets)

    def _frame(self, image: Image) -> VideoFrame:
        height, width = image.shape[:2]
        if height % 2 or width % 2:
            edge = cv2.BORDER_REPLICATE
            image = cv2.copyMakeBorder(  # type: ignore[assignment]  # cv2 types any array
                image, 0, height % 2, 0, width % 2, edge
            )
        picture = VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="bgr24")
        return self._reformatter.reformat(
            picture,
            format="yuv420p",
            dst_colorspace=self._colorspace,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )

    def _pts(self, time_s: float) -> int:
        tick = self._info.time_base
        # The two are rounded apart, so that cutting shifts every frame by the same ticks.
        pts = round(time_s / tick) - round(self._zero_s / tick)
        return pts if self._last_pts is None else max(pts, self._last_pts + 1)

    def close(self) -> None:
        """Finish the file and put it in its place; without any frame, leave nothing behind.

        Raises:
            SinkError: The rest cannot be written; nothing is left behind.
        """
        if self._container is None:
            return
        if self._last_pts is None:
            self.discard()
            return
        try:
            self._encode(self._container, None)
            if self._made is not None:
                self._made.finish()
            if self._audio is not None:
                self._audio.finish(self._others_end_s())
            if self._extras is not None:
                self._extras.write(self._others_end_s())
            if self._chapters:
                listed = self._config.growing and self._container.format.name != "matroska"
                write_chapters(self._container, self._chapters, listed=listed)
            self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            self.discard()
            raise self._failed(error) from error
        self._release()
        self._file.commit() if self._holds_video else self._file.discard()

    def _others_end_s(self) -> float:
        """Where sound and the rest stop: with the last frame, or at the end if all was written."""
        info = self._info
        end_s = self._last_s + 1 / float(info.fps or DEFAULT_FPS)
        reached = info.duration_s is not None and (
            end_s >= info.start_s + info.duration_s - NEAR_END_S
        )
        limit_s = math.inf if info.end_s is None else info.end_s
        return min(math.inf if reached else end_s, limit_s)

    def discard(self) -> None:
        """Give up: remove the temporary file and leave the target as it was."""
        if self._container is not None:
            try:
                self._container.close()
            except (av.error.FFmpegError, OSError) as error:
                log.debug("%s: %s", self._file.path.name, error)
        self._release()
        self._file.discard()

    def _release(self) -> None:
        self._container, self._made = None, None
        for other in (self._audio, self._extras):
            if other is not None:
                self.warnings += other.warnings
                other.close()
        self._audio = self._extras = None

    def _failed(self, error: Exception) -> SinkError:
        if isinstance(self._file, StandardOutput):
            return self._file.failed(error)
        number = getattr(error, "errno", None) or 0
        if isinstance(error, av.error.ExternalError):
            why = "the encoder gave up; memory may be short"
        else:
            why = os.strerror(number) if number in errno.errorcode else reason(error)
        return SinkError(f"{self._file.target}: cannot be written: {why}")
