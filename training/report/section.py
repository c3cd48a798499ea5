"""A part of a report: text, pictures and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A drawing with what stands below it.

    Attributes:
        caption: One sentence.
        figure: The drawing.
    """

    caption: str
    figure: Figure


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """One part of a run's report.

    Attributes:
        title: Its heading.
        lines: Markdown.
        pictures: By file name without ending.
        values: Figures for ``metrics.json`` that are not among the run's own, by name.
    """

    title: str
    lines: Sequence[str] = ()
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
