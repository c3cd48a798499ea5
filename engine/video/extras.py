"""What a file holds besides pictures and sound: subtitles, chapters, cover pictures, data, fonts.

It is copied into the output where that can hold it, and named where not.
"""

import io
import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Discard, Disposition, Stream

from engine.video.chapters import Chapter, read_chapters, write_chapters
from engine.video.container import open_input, packets_of, reason, track_tags, video_stream
from engine.video.source import SourceInfo
from engine.wording import counted

log = logging.getLogger(__name__)

SEEK_BACK_S: Final = 30.0  # before a cut, for the line that is shown when it begins
LOOK_S: Final = 60.0  # how far into the file a stream is tried by its first packet
# Matroska keeps cover pictures as attached files, by these types.
PICTURE_TYPES: Final[Mapping[str, str]] = {"mjpeg": "image/jpeg", "png": "image/png"}
_FONTS: Final = ("font", "opentype", "truetype")  # in the types of attached files
# What a container refuses of one packet, the rest of the file being sound.
REFUSED: Final = (av.error.InvalidDataError, av.error.ArgumentError)


def extras_of(container: InputContainer, video: Stream) -> tuple[str, ...]:
    """Name what a container holds besides its sound and the video that is read.

    Args:
        container: As it was opened; streams that were discarded since are not seen.
        video: The stream that is read.
    """
    names = [_name(stream) for stream in _streams(container, video)]
    return (*names, *(["chapters"] if container.chapters() else []))


def _streams(container: InputContainer, video: Stream) -> Iterator[Stream]:
    for stream in container.streams:
        # FFmpeg discards by itself the track that QuickTime keeps chapters in; what depends is a
        # part of another, such as a tile of a picture.
        part = stream.discard == Discard.all or Disposition.dependent in stream.disposition
        if stream is not video and stream.type != "audio" and not part:
            yield stream


def _name(stream: Stream) -> str:
    kind = {"subtitle": "subtitles", "video": "another video"}.get(stream.type, stream.type)
    if stream.type == "video" and Disposition.attached_pic in stream.disposition:
        kind = "a cover picture"
    name = getattr(stream, "name", None)
    return f"{kind} ({name})" if name else kind


def _may_show(stream: Stream) -> bool:
    """Say whether a stream may be a picture: what is attached and no font may be anything."""
    if isinstance(stream, AttachmentStream):
        kind = f"{stream.mimetype} {stream.metadata.get('mimetype', '')}".lower()
        return not any(word in kind for word in _FONTS)
    return stream.type == "video"


class Extras:
    """Copies what a file holds besides pictures and sound, shifted with them in time."""

    def __init__(
        self, info: SourceInfo, output: OutputContainer, zero_s: float, *, pictures: bool = True
    ) -> None:
        """Open the source again and add to `output`, in place, what it can hold.

        Args:
            info: The source, a file.
            output: Where it goes; its header is not written yet.
            zero_s: The source's time that becomes 0 in the output.
            pictures: Take those along that are no film: covers, and what is attached and no font.

        Raises:
            SourceError: The source cannot be opened.
        """
        self._info, self._output, self._zero_s = info, output, zero_s
        self._input = open_input(info.name, f"file:{info.path}")
        self._targets: dict[int, Stream] = {}
        self._covers: list[Packet[Any]] = []
        self._left_out: list[str] = []
        self._withheld: list[str] = []
        self._damaged = 0
        try:
            self._video = video_stream(info.name, self._input).index
            for stream in _streams(self._input, self._input.streams[self._video]):
                if not pictures and _may_show(stream):
                    self._withheld.append(_name(stream))
                elif not self._add(stream):
                    self._left_out.append(_name(stream))
            self._add_chapters()
            for stream in self._input.streams:
                if stream.index not in self._targets:
                    stream.discard = Discard.all
        except BaseException:
            self.close()
            raise
        self._packets = self._wanted()
        self._held: Packet[Any] | None = None

    @property
    def warnings(self) -> list[str]:
        """One line for each thing that was left out."""
        name, said = self._info.name, []
        if self._left_out:
            what = ", ".join(dict.fromkeys(self._left_out))
            said.append(f"{name}: {what}: not for {self._output.format.name} files; left out")
        if self._withheld:
            what = ", ".join(dict.fromkeys(self._withheld))
            said.append(f"{name}: {what}: may show faces that are covered in the film; left out")
        if self._damaged:
            which = "beside picture and sound"
            packets = counted(self._damaged, f"packet {which} is", f"packets {which} are")
            said.append(f"{name}: {packets} left out")
        return said

    def _add(self, stream: Stream) -> bool:
        """Add a stream to the output, or a file where it keeps those; False if it cannot."""
        form = self._output.format.name
        picture = Disposition.attached_pic in stream.disposition
        if stream.type == "video" and not picture:
            return False
        if form == "matroska" and (picture or isinstance(stream, AttachmentStream)):
            return self._attach(stream)
        first = _first_packet(self._info, stream.index, self._video)
        if not _fits(stream, form, first):
            return False
        target = self._output.add_stream_from_template(stream)
        _describe(target, stream)
        if picture and first is not None:
            first.stream = target
            self._covers.append(first)
        else:
            self._targets[stream.index] = target
        return True

    def _attach(self, stream: Stream) -> bool:
        if isinstance(stream, AttachmentStream):
            content, kind = stream.data, stream.mimetype
        else:
            cover = _first_packet(self._info, stream.index, self._video)
            content = b"" if cover is None else bytes(cover)
            kind = PICTURE_TYPES.get(getattr(stream, "name", ""))
        if not content or not kind:
            return False
        ending = kind.rpartition("/")[2]
        name = stream.metadata.get("filename", f"cover.{ending}".replace("jpeg", "jpg"))
        target = self._output.add_attachment(name, kind, content)
        target.metadata.update(stream.metadata | {"filename": name, "mimetype": kind})
        return True

    def _add_chapters(self) -> None:
        """Add the chapters of the part that is read, cut and shifted with it."""
        info, kept = self._info, []
        end_s = math.inf if info.end_s is None else info.end_s
        for chapter in read_chapters(self._input):
            first_s, last_s = (
                min(max(edge_s - info.origin_s, info.start_s), end_s)
                for edge_s in (chapter.start_s, chapter.end_s)
            )
            if last_s > first_s:
                edges = (first_s - self._zero_s, last_s - self._zero_s)
                kept.append(Chapter(*edges, chapter.metadata))
        if kept:
            write_chapters(self._output, kept)

    def _wanted(self) -> "Iterator[Packet[Any]]":
        """Packets of the part that is read; their times as the file says."""
        if not self._targets:
            return
        start_s, origin_s = self._info.start_s, self._info.origin_s
        try:
            if start_s > SEEK_BACK_S:
                self._input.seek(round((origin_s + start_s - SEEK_BACK_S) * 1e6))
            wanted = map(self._input.streams.__getitem__, self._targets)
            for packet in packets_of(self._input, *wanted):
                if packet.size and self._span(packet)[1] > start_s:
                    yield packet
        except av.error.FFmpegError as error:
            # A cut-off file: the source itself says so, and what came before is kept.
            log.debug("%s: %s", self._info.name, reason(error))

    def _span(self, packet: "Packet[Any]") -> tuple[float, float]:
        """Give from when till when a packet counts, seconds of the source; some a moment only."""
        ticks = packet.dts if packet.pts is None else packet.pts
        begin_s = float((ticks or 0) * packet.time_base) - self._info.origin_s
        return begin_s, begin_s + float(max(packet.duration or 0, 1) * packet.time_base)

    def write(self, until_s: float) -> None:
        """Write what begins before `until_s`, seconds of the source.

        Raises:
            OSError: The output refuses more than one packet: the disk is full.
        """
        while self._covers:
            self._mux(self._covers.pop(0))
        while True:
            packet = self._held or next(self._packets, None)
            self._held = None
            if packet is None:
                return
            begin_s, end_s = self._span(packet)
            if begin_s >= until_s:
                self._held = packet
                return
            limit_s = math.inf if self._info.end_s is None else self._info.end_s
            begin_s, end_s = max(begin_s, self._info.start_s), min(end_s, limit_s)
            packet.pts = packet.dts = round((begin_s - self._zero_s) / packet.time_base)
            if packet.duration:
                packet.duration = round((end_s - begin_s) / packet.time_base)
            packet.stream = self._targets[packet.stream_index]
            self._mux(packet)

    def _mux(self, packet: "Packet[Any]") -> None:
        try:
            self._output.mux_one(packet)
        except REFUSED as error:
            log.debug("%s: %s", self._info.name, error)
            self._damaged += 1

    def close(self) -> None:
        """Let go of the source."""
        self._packets = iter(())  # the generator holds this object, which holds the generator
        self._input.close()


def _first_packet(info: SourceInfo, index: int, video: int) -> "Packet[Any] | None":
    """Give a copy of a stream's first packet, at time 0; None if it is not near the beginning."""
    with open_input(info.name, f"file:{info.path}") as source:
        both = [source.streams[each] for each in sorted({index, video})]
        for other in source.streams:
            if other not in both:
                other.discard = Discard.all
        with suppress(av.error.FFmpegError):  # the source itself says so
            for packet in packets_of(source, *both):
                if packet.stream_index == index and packet.size:
                    return _at_zero(packet)
                if float((packet.dts or 0) * packet.time_base) - info.origin_s > LOOK_S:
                    break
    return None


def _at_zero(packet: "Packet[Any]") -> "Packet[Any]":
    copy: Packet[Any] = Packet(bytes(packet))
    copy.pts = copy.dts = 0
    copy.time_base, copy.is_keyframe = packet.time_base, True
    if packet.duration:
        copy.duration = packet.duration
    return copy


def _fits(stream: Stream, form: str, first: "Packet[Any] | None") -> bool:
    """Try whether a container takes a stream with its first packet, and gives the same back."""
    content = io.BytesIO()
    try:
        with av.open(content, "w", format=form) as trial:
            target = trial.add_stream_from_template(stream)
            _describe(target, stream)
            trial.start_encoding()
            if first is not None:
                packet = _at_zero(first)
                packet.stream = target
                trial.mux_one(packet)
        content.seek(0)
        if first is not None:
            with av.open(content, format=form) as back:
                return [_name(found) for found in back.streams] == [_name(stream)]
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        log.debug("%s does not take %s: %s", form, _name(stream), error)
        return False
    return True


def _describe(target: Stream, stream: Stream) -> None:
    target.metadata.update(track_tags(stream))
    target.disposition = stream.disposition
