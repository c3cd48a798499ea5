"""What the shell starts of this folder: signals are heard first, then the rest is imported."""

from engine.shortage import imports
from engine.signals import ended, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def data(argv: "Sequence[str] | None" = None) -> int:
    """Run `fer-data`; return the exit code."""
    watch()
    with imports():
        from training.data.cli import main

    return ended(main(argv))


def train(argv: "Sequence[str] | None" = None) -> int:
    """Run `fer-train`; return the exit code."""
    watch()
    with imports():
        from training.train import main

    return ended(main(argv))


def evaluate(argv: "Sequence[str] | None" = None) -> int:
    """Run `fer-eval`; return the exit code."""
    watch()
    with imports():
        from training.evaluation.cli import main

    return ended(main(argv))


def report(argv: "Sequence[str] | None" = None) -> int:
    """Run `fer-report`; return the exit code."""
    watch()
    with imports():
        from training.report.cli import main

    return ended(main(argv))


def grid(argv: "Sequence[str] | None" = None) -> int:
    """Run `fer-grid`; return the exit code."""
    watch()
    with imports():
        from training.grid import main

    return ended(main(argv))
