"""What the shell starts of this folder: signals are heard first, then the rest is imported."""

from engine.shortage import imports
from engine.signals import ended, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def video(argv: "Sequence[str] | None" = None) -> int:
    """Run `fer-video`; return the exit code."""
    watch()
    with imports():
        from app.command.cli import main

    return ended(main(argv))


def app(argv: "Sequence[str] | None" = None) -> int:
    """Run `fer-app`; return the exit code."""
    watch()
    with imports():
        from app.window.desktop import main

    return ended(main(argv))
