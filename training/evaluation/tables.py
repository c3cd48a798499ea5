"""Figures by name, ready for JSON, and the Markdown tables that people read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it needs torch, a table does not
    from training.evaluation.metrics import ExpressionMetrics


def expression_figures(metrics: "ExpressionMetrics", classes: Sequence[str]) -> dict[str, Any]:
    """Name the figures of a model card; `classes` in the order of the metrics' columns."""
    single = ("images", "accuracy", "balanced_accuracy", "macro_f1", "ece", "nll", "brier")
    return {
        **{name: getattr(metrics, name) for name in single},
        "per_class": {
            name: {
                "recall": metrics.recall[index],
                "precision": metrics.precision[index],
                "images": sum(metrics.confusion[index]),
            }
            for index, name in enumerate(classes)
        },
        "confusion": [list(row) for row in metrics.confusion],
    }


def markdown(figures: Mapping[str, Any]) -> str:
    """Write figures as the model card shows them: single values, then the confusion matrix."""
    rows = [(name, shown(value)) for name, value in figures.items() if is_single(value)]
    by_crop = figures.get("accuracy_by_crop", {})
    rows += [(f"accuracy, crop {name}", f"{value:.4f}") for name, value in by_crop.items()]
    lines = table(("figure", "value"), rows)
    if "confusion" in figures:
        lines += ["", *confusion_table(figures)]
    return "\n".join(lines)


def confusion_table(figures: Mapping[str, Any]) -> list[str]:
    """Write the confusion matrix, with each true class's recall at the end of its row."""
    each = figures["per_class"]
    rows = [
        (name, *map(str, counts), f"{each[name]['recall']:.3f}")
        for name, counts in zip(each, figures["confusion"], strict=True)
    ]
    return table(("true / said", *each, "recall"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a Markdown table line by line."""
    return [_line(head), "| --- " * len(head) + "|", *map(_line, rows)]


def is_single(value: object) -> bool:
    """Tell whether something is one number or one word."""
    return isinstance(value, int | float | str)


def shown(value: float | str) -> str:
    """Write a number with four decimals at most."""
    return str(round(value, 4) if isinstance(value, float) else value)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
