"""Saves a review in the form that the file's ending asks for.

    export(review, Path("session.eaf"), overwrite=False)

The file is written beside its target and renamed: a failed export leaves the last good one. No
target is a file of a recording.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from app.session.belongings import check_apart
from app.session.exports.elan import write_elan
from app.session.exports.plots import write_plot
from app.session.exports.subtitles import write_subtitles
from app.session.exports.tables import write_csv, write_json, write_parquet
from app.session.review import Review
from engine.files import PartialFile
from engine.origin import OriginFile
from engine.record import beside

Write = Callable[[Review, Path, Path], None]

# By ending: what it is called, and what writes it.
FORMS: Final[Mapping[str, tuple[str, Write]]] = {
    ".csv": ("Table, CSV", write_csv),
    ".parquet": ("Table, Parquet", write_parquet),
    ".json": ("Everything, JSON", write_json),
    ".png": ("Plot, PNG", write_plot),
    ".svg": ("Plot, SVG", write_plot),
    ".vtt": ("Subtitles, WebVTT", write_subtitles),
    ".eaf": ("ELAN tiers, EAF 3.0", write_elan),
}


def export(review: Review, path: Path, *, overwrite: bool) -> None:
    """Save a review. May take seconds: not for a window's thread.

    Args:
        review: With its corrections.
        path: The target; its ending is one of `FORMS`.
        overwrite: Replace a file that exists.

    Raises:
        ConfigError: The ending is unknown, or a library is missing.
        SinkError: The target cannot be written, or is a file of a recording.
    """
    check_apart(path, review.files)
    says = None
    if review.origin and path.suffix.lower() == ".csv":
        check_apart(beside(path), review.files)
        says = OriginFile(path, overwrite=overwrite)
        says.describe(review.origin)
    try:
        _export(review, path, overwrite=overwrite)
    except BaseException:
        if says is not None:
            says.discard()
        raise
    if says is not None:
        says.close()


def _export(review: Review, path: Path, *, overwrite: bool) -> None:
    file = PartialFile(path, endings=FORMS, overwrite=overwrite)
    try:
        FORMS[path.suffix.lower()][1](review, file.path, path)
    except OSError as error:
        file.discard()
        raise file.failed(error) from error
    except BaseException:
        file.discard()
        raise
    file.commit()
