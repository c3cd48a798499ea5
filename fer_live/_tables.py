"""Tables: the rows of a video, or of a file of records."""

import logging
import os
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Unpack

from app.session.records import SOURCE, TEXT, read_records
from engine.analyze import config_vocabulary
from engine.labels import Vocabulary
from engine.record import (
    CONTRACT,
    CONTRACT_COLUMN,
    FILE,
    LANDMARK_COLUMNS,
    ROW_GROUP,
    Row,
    arrow_schema,
    arrow_table,
    import_arrow,
    records_of,
    row_of,
)
from engine.types import Analysis
from fer_live._options import FilmOptions, Switches, configs_of, path_of
from fer_live._video import Source, analyses_of, name_of

if TYPE_CHECKING:
    import pyarrow

log = logging.getLogger(__name__)


def table(
    video: Source,
    *,
    landmarks: bool = False,
    **options: Unpack[FilmOptions],
) -> "pyarrow.Table":
    """Analyse a video, or pictures, into a table with a row for each face in each frame.

    Args:
        video: What `fer_live.stream` takes; of a live source give a `duration`.
        landmarks: Add the 68 landmarks, ``landmark_0_x`` to ``landmark_67_y``.
        options: As those of `fer_live.stream`.

    Returns:
        The columns, types and values of ``fer-video VIDEO --records FILE.parquet``; no rows where
        there are no faces. `to_pandas` makes a data frame of it.

    Raises:
        ConfigError: An option is unknown or its value is not allowed, or pyarrow is missing.
        SourceError: The video is missing or unreadable, or was lost on the way.
        ModelError: Unknown model, missing or damaged file, or a device that is not there.
    """
    arrow = import_arrow("fer_live.table")
    Switches(landmarks=landmarks)
    part, config = configs_of(table, options)
    vocabulary = config_vocabulary(config)
    parts = [arrow_schema(landmarks=landmarks, vocabulary=vocabulary).empty_table()]
    with closing(analyses_of(name_of(video), part, config)) as analyses:
        rows = _rows(analyses, landmarks, vocabulary)
        while group := list(islice(rows, ROW_GROUP)):
            parts.append(arrow_table(group, landmarks=landmarks, vocabulary=vocabulary))
    return arrow.concat_tables(parts)


def read(records: str | os.PathLike[str]) -> "pyarrow.Table":
    """Read a file of records into a table as `table` gives it, in order of time.

    Args:
        records: Written by `annotate`, `fer-video` or a recording of the window: .csv, .jsonl,
            .ndjson or .parquet. A last row that a kill cut off is left out, with a warning.

    Raises:
        ConfigError: It is no path, its ending is unknown, or pyarrow is missing.
        SourceError: The file is missing, or not one of records.
    """
    arrow = import_arrow("fer_live.read")
    found, warnings = read_records(path_of("records", records))
    for warning in warnings:
        log.warning("%s", warning)
    landmarks = LANDMARK_COLUMNS[0] in found.numbers
    schema = arrow_schema(landmarks=landmarks, vocabulary=found.vocabulary)
    columns = {
        **found.numbers,
        TEXT: found.words,
        FILE: found.files or [""] * len(found),
        CONTRACT_COLUMN: [CONTRACT] * len(found),
        SOURCE: found.sources or [""] * len(found),
    }
    # A picture's time is NaN, and what no network says; both become nothing.
    arrays = [
        arrow.array(columns[field.name], from_pandas=True).cast(field.type) for field in schema
    ]
    return arrow.table(arrays, schema=schema)


def _rows(analyses: Iterator[Analysis], landmarks: bool, vocabulary: Vocabulary) -> Iterator[Row]:
    for analysis in analyses:
        for record, points in records_of(analysis, landmarks=landmarks):
            yield row_of(record, points, vocabulary)
