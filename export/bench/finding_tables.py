"""What was found, as Markdown."""

from collections.abc import Sequence
from typing import Final, Protocol

from export.bench.finding import STEPS, FindingScore

WANTED: Final = 0.98  # recall of every cell of the grid
SAID: Final = (
    "The finder as users run it, at its defaults, each picture by itself, unless it is a frame of "
    "the film. Everything shows people and places of the data packs that the detector's training "
    "leaves out, by person; the network that says whether a face is there may know some. A face "
    "is found where a box lies on it with an overlap (IoU) of 0.4 or more. Intervals are Wilson's, "
    "95 %; that of false finds is of pictures with at least one. Faces of the film were boxed by "
    "hand in every tenth frame; where nobody can say whether there is one, a find does not count. "
    "The steps of a face's size go from 0.04 of the picture's long side to 1.1 of its short one; "
    "under 20 pixels none is looked for."
)
NONE: Final = "-"
HEAD: Final = (
    "pictures",
    "faces",
    "recall",
    "between",
    "pictures for false finds",
    "false finds in 100",
    "spoilt in 100, between",
)


class Table(Protocol):
    """Writes a table."""

    def __call__(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        """Give it as Markdown."""
        ...


def found_in_words(scores: Sequence[FindingScore], table: Table) -> list[str]:
    """Give the tables for a reader.

    Args:
        scores: Of all parts.
        table: Writes one.
    """
    return [
        "## Finding",
        SAID,
        "### The sample film",
        _listed([score for score in scores if score.part == "film"], table),
        "### Conditions",
        _listed([score for score in scores if score.part == "condition"], table),
        "### Sizes",
        *_grid_in_words([score for score in scores if score.part == "grid"], table),
    ]


def _listed(scores: Sequence[FindingScore], table: Table) -> str:
    rows = [
        (
            score.name,
            str(score.faces),
            f"{score.recall:.3f}",
            _interval(score.recall_interval),
            str(score.pictures) if score.pictures else NONE,
            f"{score.false_per_100:.1f}" if score.pictures else NONE,
            _interval(score.spoilt_interval, 100) if score.pictures else NONE,
        )
        for score in scores
    ]
    return table(HEAD, rows)


def _grid_in_words(scores: Sequence[FindingScore], table: Table) -> list[str]:
    parts = []
    by_shape: dict[str, dict[str, list[FindingScore]]] = {}
    for score in scores:
        shape, long_side, _ = score.name.split()
        by_shape.setdefault(shape, {}).setdefault(long_side, []).append(score)
    for shape, sizes in by_shape.items():
        rows = [
            [long_side, *[""] * (STEPS - len(row)), *(_cell(score) for score in row)]
            for long_side, row in sizes.items()
        ]
        head = [f"{shape}, long side", *(f"step {k + 1}" for k in range(STEPS))]
        parts.append(table(head, rows))
    low = [score for score in scores if score.recall < WANTED]
    named = "; ".join(
        f"{score.name} {score.recall:.3f} ({_interval(score.recall_interval)})" for score in low
    )
    parts.append(
        f"{len(scores) - len(low)} of {len(scores)} cells have a recall of {WANTED} or more, with "
        f"{min((score.faces for score in scores), default=0)} people or more each."
        + (f" Below it: {named}." if low else "")
    )
    return parts


def _cell(score: FindingScore) -> str:
    return f"{score.name.split()[2]} px: {score.recall:.2f}"


def _interval(interval: tuple[float, float], times: int = 1) -> str:
    digits = 1 if times > 1 else 3
    return " to ".join(f"{times * end:.{digits}f}" for end in interval)
