"""What a run says of itself while it goes on: ``log.csv``, TensorBoard and a progress bar."""

import csv
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

log = logging.getLogger(__name__)


class Journal:
    """Rows of figures; on resuming, rows after the resumed step are dropped."""

    def __init__(self, folder: Path, start: int, steps: int) -> None:
        self._path = folder / "log.csv"
        self._keep(start)
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=start + 1)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(
            *columns,
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("training", total=steps, completed=start)

    def __enter__(self) -> "Journal":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._bar.stop()
        self._board.close()

    def advance(self, step: int, loss: float) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=step, description=f"loss {loss:.4g}")

    def write(self, row: Mapping[str, float]) -> None:
        """Append a row; its first column is the step."""
        fresh = not self._path.exists()
        with self._path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        for name, value in row.items():
            self._board.add_scalar(name, value, int(row["step"]))
        self._board.flush()
        log.info(" ".join(f"{name}={value:.5g}" for name, value in row.items()))

    def _keep(self, start: int) -> None:
        if not self._path.exists():
            return
        with self._path.open(newline="") as file:
            reader = csv.DictReader(file)
            rows = [row for row in reader if int(row["step"]) <= start]
            names = reader.fieldnames or []
        partial = self._path.with_suffix(".partial")
        with partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
        partial.replace(self._path)
