"""JSON over UDP: one object in one datagram for each frame. Described in `docs/outputs/udp.md`."""

import json
from typing import Any, Final

from app.outputs.datagrams import Datagrams
from app.session.folder import Marker
from engine.record import records_of
from engine.types import Analysis

PORT: Final = 9001
VERSION: Final = 1


def frame_object(analysis: Analysis) -> dict[str, Any]:
    """Give what one frame shows as plain values, rounded as in the records."""
    frame = analysis.frame
    width, height = frame.size
    faces = [
        {
            "id": record.face_id,
            "label": record.expression,
            "reliability": record.reliability,
            "valence": record.valence,
            "arousal": record.arousal,
            "score": record.score,
            "box": [record.x, record.y, record.width, record.height],
            "probabilities": record.probabilities,
            "affect_source": record.affect_source,
            **record.measures,
        }
        for record, _ in records_of(analysis, landmarks=False)
    ]
    return {
        "type": "frame",
        "version": VERSION,
        "frame": frame.index,
        "time_s": round(frame.time_s, 6),
        "width": width,
        "height": height,
        "faces": faces,
    }


def marker_object(marker: Marker) -> dict[str, Any]:
    """Give a marker as plain values."""
    return {
        "type": "marker",
        "version": VERSION,
        "time_s": round(marker.time_s, 3),
        "key": marker.key,
        "text": marker.text,
        **({"phase": marker.phase} if marker.phase else {}),
    }


class UdpOutput(Datagrams):
    """Sends every frame and every marker; never waits. Used by one thread."""

    name = "UDP"

    def send(self, analysis: Analysis) -> None:
        """Send what one frame shows."""
        self.post(_encoded(frame_object(analysis)))

    def mark(self, marker: Marker) -> None:
        """Send a marker."""
        self.post(_encoded(marker_object(marker)))


def _encoded(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
