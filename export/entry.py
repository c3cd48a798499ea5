"""What the shell starts of this folder: signals are heard first, then the rest is imported."""

from engine.shortage import imports
from engine.signals import ended, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def export(argv: "Sequence[str] | None" = None) -> int:
    """Run `fer-export`; return the exit code."""
    watch()
    with imports():
        from export.cli import main

    return ended(main(argv))


def bench(argv: "Sequence[str] | None" = None) -> int:
    """Run `fer-bench`; return the exit code."""
    watch()
    with imports():
        from export.bench.cli import main

    return ended(main(argv))
