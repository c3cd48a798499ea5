"""WebVTT: what every face shows as subtitles, and the markers.

Source: WebVTT, W3C Candidate Recommendation of 4 April 2019: cues in order of their start, a voice
tag for each face, settings for where a cue is shown.
"""

from pathlib import Path
from typing import Final

from app.session.review import Review
from app.session.timecode import timecode
from engine.origin import text_of
from engine.record import ORIGIN

LEAST_S: Final = 0.5  # nobody reads faster; see `Review.spans`
MARKER_S: Final = 2.0


def write_subtitles(review: Review, path: Path, target: Path) -> None:
    """Write a cue for every span of every face, and one at the top for every marker.

    Args:
        review: With its corrections.
        path: Where to write.
        target: Where it will lie.
    """
    cues: list[tuple[float, float, str, str]] = []
    for face, called in review.named.titles(review.faces).items():
        title = _escaped(called)
        voice = title[0].upper() + title[1:]
        for span in review.spans(face, least_s=LEAST_S):
            if not span.label:
                continue
            text = f"<v {voice}>{title}: {_escaped(span.label)}</v>"
            cues.append((span.start_s, span.end_s, "", text))
    for marker in review.markers:
        text = f"[{_escaped(marker.text)}]"
        end_s = marker.time_s + MARKER_S if marker.end_s is None else marker.end_s
        cues.append((marker.time_s, end_s, " line:0", text))
    cues.sort(key=lambda cue: cue[:2])
    said = []
    if review.origin:  # an arrow would end the note
        said.append(f"NOTE {ORIGIN} {text_of(review.origin)}".replace("-->", "--\\u003e"))
    blocks = ["WEBVTT", *said, *(_block(*cue) for cue in cues)]
    path.write_text("\n\n".join(blocks) + "\n", "utf-8")


def _block(start_s: float, end_s: float, settings: str, text: str) -> str:
    end_s = max(end_s, start_s + 0.001)  # a cue has to last
    start, end = (timecode(s, digits=3, hour_digits=2) for s in (start_s, end_s))
    return f"{start} --> {end}{settings}\n{text}"


def _escaped(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
