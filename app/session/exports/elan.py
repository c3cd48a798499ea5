"""ELAN annotation files: a tier of labels for each face, and tiers of the markers.

Source: EAF 3.0, http://www.mpi.nl/tools/elan/EAFv3.0.xsd: HEADER, TIME_ORDER, TIERs,
LINGUISTIC_TYPEs, LANGUAGE, CONTROLLED_VOCABULARY, in this order; times are whole milliseconds.
"""

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from app.session.checks import one_line
from app.session.folder import Marker
from app.session.review import Review
from engine.labels import EXPRESSIONS
from engine.origin import text_of
from engine.record import ORIGIN

SCHEMA: Final = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
MIME_TYPES: Final = {".mp4": "video/mp4", ".mov": "video/quicktime", ".mkv": "video/x-matroska"}
LABELS: Final = "expressions"  # the controlled vocabulary, and the type of the faces' tiers
MARKERS: Final = "markers"
ENGLISH: Final = ("eng", "http://cdb.iso.org/lg/CDB-00138502-001", "English (eng)")
MARKER_MS: Final = 100  # ELAN knows stretches only

Annotation = tuple[int, int, str]  # start and end, milliseconds, and what it says


def write_elan(review: Review, path: Path, target: Path) -> None:
    """Write the spans of every face, and the markers.

    Args:
        review: With its corrections.
        path: Where to write.
        target: Where it will lie: the video is named relative to it.
    """
    lasting = {f"lasting {MARKERS} {n}": row for n, row in enumerate(_lasting(review.markers), 1)}
    titles = review.named.titles(review.faces, (MARKERS, *lasting))
    root = _root()
    head = _header(root, review.video, target)
    order = ET.SubElement(root, "TIME_ORDER")
    writer = _Tiers(root, order, review.labels)
    for face, title in titles.items():
        writer.add(title, LABELS, _spans(review, face))
    writer.add(MARKERS, MARKERS, _markers([m for m in review.markers if m.end_s is None]))
    for title, annotations in lasting.items():
        writer.add(title, MARKERS, annotations)
    last = ET.SubElement(head, "PROPERTY", NAME="lastUsedAnnotationId")
    last.text = str(writer.annotations)
    if review.origin:
        ET.SubElement(head, "PROPERTY", NAME=ORIGIN).text = one_line(text_of(review.origin))
    _types(root, review.labels or EXPRESSIONS)  # somebody may name what no network did
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)


def _ms(time_s: float) -> int:
    return max(0, round(1000 * time_s))


def _spans(review: Review, face: int) -> list[Annotation]:
    """Give a face's spans; none is empty, and none overlaps the next."""
    found: list[Annotation] = []
    for span in review.shown(face):
        start = max(_ms(span.start_s), found[-1][1] if found else 0)
        if span.label and (end := _ms(span.end_s)) > start:
            found.append((start, end, span.label))
    return found


def _words(marker: Marker) -> str:
    return f"{marker.text} ({marker.key})" if marker.key else marker.text


def _lasting(markers: Iterable[Marker]) -> list[list[Annotation]]:
    """Give the markers that last, in as many rows as they overlap: a tier holds one at a time."""
    rows: list[list[Annotation]] = []
    for marker in markers:
        if marker.end_s is None:
            continue
        start = _ms(marker.time_s)
        row = next((row for row in rows if row[-1][1] <= start), None)
        if row is None:
            rows.append(row := [])
        row.append((start, max(_ms(marker.end_s), start + 1), _words(marker)))
    return rows


def _markers(markers: Iterable[Marker]) -> list[Annotation]:
    """Give moments as short stretches; one that comes sooner ends the one before."""
    found: list[Annotation] = []
    for marker in markers:
        start, text = _ms(marker.time_s), _words(marker)
        if found and start <= found[-1][0]:
            first, end, before = found.pop()
            found.append((first, end, f"{before}; {text}"))
            continue
        if found:
            first, end, before = found.pop()
            found.append((first, min(end, start), before))
        found.append((start, start + MARKER_MS, text))
    return found


def _root() -> ET.Element:
    ET.register_namespace("xsi", INSTANCE)
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    root = ET.Element("ANNOTATION_DOCUMENT", AUTHOR="fer-live", DATE=now, FORMAT="3.0")
    root.set("VERSION", "3.0")
    root.set(f"{{{INSTANCE}}}noNamespaceSchemaLocation", SCHEMA)
    return root


def _header(root: ET.Element, video: Path | None, target: Path) -> ET.Element:
    head = ET.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    if video is not None:
        media = {
            "MEDIA_URL": one_line(f"file:///{video.absolute().as_posix().lstrip('/')}"),  # as ELAN
            "MIME_TYPE": MIME_TYPES.get(video.suffix.lower(), "unknown"),
        }
        try:
            beside = os.path.relpath(video.absolute(), target.absolute().parent)
        except ValueError:  # another drive, on Windows
            beside = ""
        if beside:
            media["RELATIVE_MEDIA_URL"] = one_line(f"./{Path(beside).as_posix()}")
        ET.SubElement(head, "MEDIA_DESCRIPTOR", media)
    return head


class _Tiers:
    """Adds tiers, and the time slots that they refer to."""

    def __init__(self, root: ET.Element, order: ET.Element, labels: Sequence[str]) -> None:
        self._root, self._order = root, order
        self._entries = _entries(labels)
        self._slots = 0
        self.annotations = 0

    def add(self, name: str, kind: str, annotations: Iterable[Annotation]) -> None:
        tier = ET.SubElement(self._root, "TIER", TIER_ID=name, LINGUISTIC_TYPE_REF=kind)
        if kind == LABELS:
            tier.set("PARTICIPANT", name)
        for start, end, text in annotations:
            self.annotations += 1
            holder = ET.SubElement(tier, "ANNOTATION")
            aligned = ET.SubElement(
                holder,
                "ALIGNABLE_ANNOTATION",
                ANNOTATION_ID=f"a{self.annotations}",
                TIME_SLOT_REF1=self._slot(start),
                TIME_SLOT_REF2=self._slot(end),
            )
            if kind == LABELS:
                aligned.set("CVE_REF", self._entries[text])
            ET.SubElement(aligned, "ANNOTATION_VALUE").text = text

    def _slot(self, ms: int) -> str:
        self._slots += 1
        name = f"ts{self._slots}"
        ET.SubElement(self._order, "TIME_SLOT", TIME_SLOT_ID=name, TIME_VALUE=str(ms))
        return name


def _entries(labels: Sequence[str]) -> dict[str, str]:
    """Give the vocabulary's ids by label; an id has no blanks and no signs."""
    own = [label for label in labels if label not in EXPRESSIONS]
    return {
        label: f"cve_class_{own.index(label) + 1}" if label in own else f"cve_{label}"
        for label in labels
    }


def _types(root: ET.Element, labels: Sequence[str]) -> None:
    """Add the types of the tiers, and the labels that a face's tier may hold."""
    for kind in (LABELS, MARKERS):
        made = ET.SubElement(root, "LINGUISTIC_TYPE", LINGUISTIC_TYPE_ID=kind)
        made.set("TIME_ALIGNABLE", "true")
        made.set("GRAPHIC_REFERENCES", "false")
        if kind == LABELS:
            made.set("CONTROLLED_VOCABULARY_REF", LABELS)
    code, definition, label = ENGLISH
    ET.SubElement(root, "LANGUAGE", LANG_ID=code, LANG_DEF=definition, LANG_LABEL=label)
    words = ET.SubElement(root, "CONTROLLED_VOCABULARY", CV_ID=LABELS)
    ET.SubElement(words, "DESCRIPTION", LANG_REF=code).text = "what a face shows"
    for expression, name in _entries(labels).items():
        entry = ET.SubElement(words, "CV_ENTRY_ML", CVE_ID=name)
        ET.SubElement(entry, "CVE_VALUE", LANG_REF=code).text = expression
