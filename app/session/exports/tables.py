"""The corrected rows: CSV and Parquet with the columns of `fer-video`, JSON with everything.

All have one more column, ``corrected``: 1 where a person set the label.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from app.session.records import SOURCE, TEXT, WHOLE
from app.session.review import Review
from engine.origin import text_of
from engine.record import (
    CONTRACT,
    CONTRACT_COLUMN,
    FILE,
    LANDMARK_COLUMNS,
    ORIGIN,
    arrow_schema,
    columns,
    import_arrow,
    plain,
)

CORRECTED: Final = "corrected"
FORMAT: Final = 1  # of the JSON


def _names(review: Review) -> list[str]:
    return [*columns(**_form(review)), CORRECTED]


def _form(review: Review) -> dict[str, Any]:
    table = review.table
    return {"landmarks": LANDMARK_COLUMNS[0] in table.numbers, "vocabulary": table.vocabulary}


def _columns(review: Review) -> dict[str, list[Any]]:
    """Give every column as plain values of its type."""
    table = review.table
    values: dict[str, list[Any]] = {}
    for name in _names(review):
        if name == TEXT:
            values[name] = table.words
        elif name == FILE:  # a review is of a film
            values[name] = [""] * len(table)
        elif name == CONTRACT_COLUMN:
            values[name] = [CONTRACT] * len(table)
        elif name == SOURCE:
            values[name] = list(table.sources) or [""] * len(table)
        elif name == CORRECTED:
            values[name] = review.edits.result.corrected.astype(int).tolist()
        else:
            kind = int if name in WHOLE else float
            numbers = table.numbers[name].tolist()
            values[name] = [kind(value) if value == value else None for value in numbers]
    return values


def write_csv(review: Review, path: Path, target: Path) -> None:
    """Write the rows as CSV.

    Args:
        review: With its corrections.
        path: Where to write.
        target: Where it will lie.
    """
    values = _columns(review)
    with path.open("w", encoding="utf-8", newline="") as text:
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(values)
        rows.writerows([plain(v) for v in row] for row in zip(*values.values(), strict=True))


def write_parquet(review: Review, path: Path, target: Path) -> None:
    """Write the rows as Parquet, with the types that `fer-video` uses.

    Args:
        review: With its corrections.
        path: Where to write.
        target: Where it will lie.

    Raises:
        ConfigError: The library is missing.
    """
    arrow = import_arrow(f"{target}: Parquet")
    values = _columns(review)
    schema = arrow_schema(**_form(review))
    schema = schema.append(arrow.field(CORRECTED, arrow.int64()))
    if review.origin:
        schema = schema.with_metadata({ORIGIN: text_of(review.origin)})
    arrow.parquet.write_table(arrow.table(values, schema=schema), path)


def write_json(review: Review, path: Path, target: Path) -> None:
    """Write everything as one JSON object: session, markers, faces with spans, rows.

    Args:
        review: With its corrections.
        path: Where to write.
        target: Where it will lie.
    """
    head = {
        "format": FORMAT,
        "name": review.name,
        "session": review.about,
        "provenance": review.origin or None,
        "duration_s": round(review.duration_s, 3),
        "edits": [str(edit) for edit in review.edits.done],
        "markers": [
            {
                "time_s": marker.time_s,
                "key": marker.key,
                "text": marker.text,
                **({} if marker.end_s is None else {"end_s": marker.end_s}),
            }
            for marker in review.markers
        ],
        "faces": list(_faces(review)),
    }
    values = _columns(review)
    with path.open("w", encoding="utf-8") as text:
        text.write(
            json.dumps(head, indent=2, ensure_ascii=False, allow_nan=False)[:-2] + ',\n  "rows": ['
        )
        for number, row in enumerate(zip(*values.values(), strict=True)):
            named = dict(zip(values, row, strict=True))
            line = json.dumps(named, separators=(",", ":"), allow_nan=False)
            text.write(f"{',' if number else ''}\n    {line}")
        text.write("\n  ]\n}\n")


def _faces(review: Review) -> Iterator[dict[str, Any]]:
    for track in review.tracks():
        face = track.face
        yield {
            "id": face.id,
            **review.named.about().get(str(face.id), {}),
            "first_s": round(face.first_s, 3),
            "last_s": round(face.last_s, 3),
            "seen_s": round(face.seen_s, 3),
            "frames": face.frames,
            "corrected_frames": track.corrected,
            "shares": {label: round(share, 4) for label, share in face.shares.items()},
            "valence": None if face.valence is None else round(face.valence, 4),
            "arousal": None if face.arousal is None else round(face.arousal, 4),
            "spans": [
                {
                    "start_s": round(span.start_s, 3),
                    "end_s": round(span.end_s, 3),
                    "label": span.label,
                    "corrected": span.corrected,
                }
                for span in review.spans(face.id)
            ],
        }
