"""A progress bar with speed and time left, on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(total: int | None, *, shown: bool) -> Iterator[Callable[[], object]]:
    """Give a function to call after each frame.

    Args:
        total: Frames expected; None if unknown.
        shown: False gives a function that does nothing.
    """
    if not shown:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeftColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]}"),
        TimeLeftColumn(compact=True),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, refresh_per_second=5) as progress:
        task = progress.add_task("", total=total, fps="")

        def advance() -> None:
            speed = progress.tasks[0].speed
            progress.update(task, advance=1, fps=f"{speed:.1f} fps" if speed else "")

        yield advance
