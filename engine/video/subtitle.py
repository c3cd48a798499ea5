"""A subtitle of drawings (ASS): as a track of a file that is written, or as a file of its own."""

import io
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.subtitles.stream import SubtitleStream

from engine.files import open_target

ENDING: Final = ".ass"
TITLE: Final = "fer-live: faces and expressions"
# The oldest name of the type, which every player knows.
FONT_TYPE: Final = "application/x-truetype-font"
_TICK: Final = Fraction(1, 1000)  # of Matroska's times
_CODED: Final = 80  # characters a line of a font that is written as text


class Line(NamedTuple):
    """What is shown for a while.

    Attributes:
        start_s: From when, seconds.
        end_s: Till when.
        layer: What has a higher one is over it.
        style: One of those of the head.
        text: Drawing or words, with ASS's tags.
    """

    start_s: float
    end_s: float
    layer: int
    style: str
    text: str


class Font(NamedTuple):
    """A font that lines are set in."""

    name: str
    content: bytes


class SubtitleTrack:
    """A subtitle in a file that is being written."""

    def __init__(self, output: OutputContainer, head: str, fonts: Sequence[Font]) -> None:
        """Add the track and its fonts to `output`, in place.

        Args:
            output: Matroska; its header is not written yet.
            head: All of an ASS file that comes before its lines.
            fonts: Those that the head names.
        """
        self._output, self._count = output, 0
        with av.open(io.BytesIO(head.encode()), format="ass") as template:
            stream = template.streams.subtitles[0]
            self._stream: SubtitleStream = output.add_stream_from_template(stream)
        self._stream.metadata["title"] = TITLE
        self._stream.disposition = Disposition.default
        for font in fonts:
            target = output.add_attachment(font.name, FONT_TYPE, font.content)
            target.metadata.update({"filename": font.name, "mimetype": FONT_TYPE})

    def write(self, lines: Iterable[Line]) -> None:
        """Write lines in order of their beginning; times are the output's."""
        for line in lines:
            begin, end = _ticks(line.start_s, 1000), _ticks(line.end_s, 1000)
            if end <= begin:
                continue
            # Players tell lines apart by their numbers.
            text = f"{self._count},{line.layer},{line.style},,0,0,0,,{line.text}"
            packet: Packet[Any] = Packet(text.encode())
            packet.time_base = _TICK
            packet.pts = packet.dts = begin
            packet.duration = end - begin
            packet.stream = self._stream
            self._output.mux_one(packet)
            self._count += 1


class SubtitleFile:
    """A subtitle as a file beside its film; it has its name only once it is complete.

    Attributes:
        warnings: None; as other outputs have them.
    """

    def __init__(
        self, path: Path, head: str, fonts: Sequence[Font], *, zero_s: float, overwrite: bool
    ) -> None:
        """Check the target and write the head.

        Args:
            path: The target.
            head: All of an ASS file that comes before its lines.
            fonts: Those that the head names; they go into the file.
            zero_s: The lines' time at which players begin to count.
            overwrite: Replace a file that exists.

        Raises:
            ConfigError: The ending is another.
            SinkError: The target cannot be written.
        """
        self._file = open_target(path, endings=(ENDING,), overwrite=overwrite, growing=False)
        self._zero_s = zero_s
        self.warnings: list[str] = []
        try:
            self._text = self._file.path.open("w", encoding="utf-8", newline="\n")
            styles, events = head.split("[Events]")
            coded = "\n".join(f"fontname: {f.name}\n{uuencoded(f.content)}\n" for f in fonts)
            self._text.write(f"{styles}[Fonts]\n{coded}\n[Events]{events}")
        except OSError as error:
            self._file.discard()
            raise self._file.failed(error) from error

    def write(self, lines: Iterable[Line]) -> None:
        """Write lines in order of their beginning.

        Raises:
            SinkError: The disk is full or the file otherwise refuses.
        """
        try:
            for line in lines:
                begin, end = (
                    _ticks(time_s - self._zero_s, 100) for time_s in (line.start_s, line.end_s)
                )
                if begin < end and end > 0:
                    times = f"{_clock(max(begin, 0))},{_clock(end)}"
                    self._text.write(
                        f"Dialogue: {line.layer},{times},{line.style},,0,0,0,,{line.text}\n"
                    )
        except OSError as error:
            raise self._file.failed(error) from error

    def close(self) -> None:
        """Put the file in its place.

        Raises:
            SinkError: The rest cannot be written; nothing is left behind.
        """
        try:
            self._text.close()
        except OSError as error:
            self._file.discard()
            raise self._file.failed(error) from error
        self._file.commit()

    def discard(self) -> None:
        """Give up: remove the temporary file and leave the target as it was."""
        with suppress(OSError):
            self._text.close()
        self._file.discard()


def uuencoded(content: bytes) -> str:
    """Write bytes as ASS files hold fonts: six bits a character, from ``!`` on."""
    signs = []
    for at in range(0, len(content), 3):
        part = content[at : at + 3]
        number = int.from_bytes(part.ljust(3, b"\0"), "big")
        signs += [chr(33 + (number >> shift & 63)) for shift in (18, 12, 6, 0)[: len(part) + 1]]
    text = "".join(signs)
    return "\n".join(text[at : at + _CODED] for at in range(0, len(text), _CODED))


def _ticks(time_s: float, rate: int) -> int:
    """Give a time in ticks: rounded to Matroska's, and never after it in the coarser ones of ASS.

    A frame that is shown at that time then has its lines.
    """
    ms = math.floor(1000 * time_s + 0.5)
    return ms if rate == 1000 else ms * rate // 1000


def _clock(ticks: int) -> str:
    seconds, rest = divmod(ticks, 100)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:02}"
