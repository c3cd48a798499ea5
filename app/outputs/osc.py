"""Open Sound Control: a bundle of messages for each frame, over UDP.

Source of the encoding: The Open Sound Control 1.0 Specification, Wright (2002): strings end in a
zero byte and everything is padded to four bytes, numbers are big-endian. What is sent is described
in `docs/outputs/osc.md`.
"""

import math
import struct
from typing import Final

from app.outputs.datagrams import Datagrams
from app.session.folder import Marker
from engine.labels import EXPRESSIONS
from engine.types import Analysis, Prediction, Track

PORT: Final = 9000
_AT_ONCE: Final = struct.pack(">Q", 1)  # the time tag that means now

Argument = int | float | str


def message(address: str, *arguments: Argument) -> bytes:
    """Encode one message; whole numbers as ``i``, others as ``f``, text as ``s``.

    Args:
        address: Such as ``/fer/face``.
        *arguments: Whole numbers must fit 32 bits.
    """
    tags, content = ",", b""
    for argument in arguments:
        if isinstance(argument, str):
            tags, content = tags + "s", content + _text(argument)
        elif isinstance(argument, int):
            tags, content = tags + "i", content + struct.pack(">i", argument)
        else:
            tags, content = tags + "f", content + struct.pack(">f", argument)
    return _text(address) + _text(tags) + content


def bundle(*messages: bytes) -> bytes:
    """Encode messages that belong together."""
    parts = (struct.pack(">i", len(content)) + content for content in messages)
    return _text("#bundle") + _AT_ONCE + b"".join(parts)


def _text(text: str) -> bytes:
    content = text.replace("\0", "").encode("utf-8", "replace")
    return content + b"\0" * (4 - len(content) % 4)


def frame_bundle(analysis: Analysis) -> bytes:
    """Encode what one frame shows."""
    frame = analysis.frame
    width, height = frame.size
    messages = [
        message("/fer/frame", frame.index, frame.time_s, len(analysis.tracks), width, height)
    ]
    for track, prediction in zip(analysis.tracks, analysis.predictions, strict=True):
        messages.append(_face(track, prediction))
        if prediction.labels != EXPRESSIONS:
            messages.append(message("/fer/classes", track.id, *prediction.labels))
        shares = prediction.probabilities.tolist()
        messages.append(message("/fer/probabilities", track.id, *shares))
    return bundle(*messages)


def _number(value: float | None) -> float:
    """Give what stands for a number that no network gives: every message keeps its form."""
    return math.nan if value is None else float(value)


def _face(track: Track, prediction: Prediction) -> bytes:
    x0, y0, x1, y1 = track.box.tolist()
    return message(
        "/fer/face",
        track.id,
        prediction.expression,
        prediction.share if prediction.labels else math.nan,
        _number(prediction.reliability),
        _number(prediction.valence),
        _number(prediction.arousal),
        x0,
        y0,
        x1 - x0,
        y1 - y0,
    )


class OscOutput(Datagrams):
    """Sends every frame and every marker; never waits. Used by one thread."""

    name = "OSC"

    def send(self, analysis: Analysis) -> None:
        """Send what one frame shows."""
        self.post(frame_bundle(analysis))

    def mark(self, marker: Marker) -> None:
        """Send a marker."""
        address = "/".join(filter(None, ("/fer/marker", marker.phase)))
        self.post(message(address, marker.time_s, marker.key, marker.text))
