"""A progress bar on the terminal, and nothing where there is none."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")


def tracked(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Go through `items`, showing how far on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        return iter(items)
    console = Console(stderr=True)
    return iter(track(items, what, total=total, console=console, transient=True))
