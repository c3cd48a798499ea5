"""One run's report: a folder with ``report.md``, ``metrics.json`` and figures."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from engine.files import write_text
from training.evaluation.runs import Evaluation
from training.evaluation.tables import is_single, shown, table
from training.report.curves import curve_section
from training.report.drawing import write_figure
from training.report.embeddings import embedding_section
from training.report.expressions import calibration_section, per_class_section
from training.report.norms import norm_section
from training.report.reliability import reliability_section
from training.report.resized import resizer_section
from training.report.section import Section

PAGE: Final = "report.md"
METRICS: Final = "metrics.json"

MakeSection = Callable[[Evaluation, dict[str, Any]], Section | None]
SECTIONS: Final[tuple[MakeSection, ...]] = (
    per_class_section,
    calibration_section,
    embedding_section,
    reliability_section,
    norm_section,
    resizer_section,
    curve_section,
)


def write_report(evaluation: Evaluation, folder: Path) -> dict[str, Any]:
    """Write a run's report into a folder, over one that is there; give its figures.

    Raises:
        SinkError: A file cannot be written.
    """
    figures = evaluation.figures()
    sections = [part for make in SECTIONS if (part := make(evaluation, figures)) is not None]
    for section in sections:
        for name, picture in section.pictures.items():
            write_figure(picture.figure, folder / f"{name}.png")
    more = {section.title: dict(section.values) for section in sections if section.values}
    write_text(folder / METRICS, json.dumps({**figures, **more}, indent=2) + "\n")
    write_text(folder / PAGE, page_of(figures, sections))
    return figures


def page_of(figures: dict[str, Any], sections: Sequence[Section]) -> str:
    """Write the report as Markdown."""
    title = f"# {figures['run']}: {figures['system']} on {figures['dataset']}, {figures['split']}"
    single = [(name, shown(value)) for name, value in figures.items() if is_single(value)]
    lines = [title, "", *table(("figure", "value"), single)]
    for section in sections:
        lines += ["", f"## {section.title}"]
        lines += ["", *section.lines] if section.lines else []
        for name, picture in section.pictures.items():
            lines += ["", f"![{picture.caption}]({name}.png)", "", f"*{picture.caption}*"]
    return "\n".join(lines) + "\n"
