"""What a run says of itself while it goes on: ``log.csv``, TensorBoard and a progress bar."""

import csv
import io
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, distributed
from torch.utils.tensorboard import SummaryWriter

from engine.errors import ModelError
from engine.files import write_text

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Window:
    """Sums of figures since the last evaluation, and how many passes reported each."""

    steps: int = 0
    sums: dict[str, tuple[float, int]] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def add(self, rows: Sequence[Mapping[str, Tensor]]) -> None:
        """Take the figures of a step's passes."""
        self.steps += 1
        for row in rows:
            for name, value in row.items():
                self._put(name, float(value), 1)

    def means(self, world: int) -> dict[str, float]:
        """Average over the passes of `world` processes, each of which must ask for it."""
        parts: list[Any] = [self.sums] * world
        if world > 1:
            distributed.all_gather_object(parts, self.sums)
        whole = Window()
        for part in parts:
            for name, (total, count) in part.items():
                whole._put(name, total, count)
        return {name: total / count for name, (total, count) in whole.sums.items()}

    def _put(self, name: str, total: float, count: int) -> None:
        before, counted = self.sums.get(name, (0.0, 0))
        self.sums[name] = before + total, counted + count


class Journal:
    """Rows of figures; on resuming, rows after the resumed step are dropped."""

    def __init__(self, folder: Path, start: int, steps: int) -> None:
        self._path = folder / "log.csv"
        self._rows = self._kept(start)
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
        """Append a row; its first column is the step, and a new name is a new column.

        Raises:
            SinkError: The log cannot be written; the one before is whole.
        """
        self._rows.append(row)
        names = dict.fromkeys(name for row in self._rows for name in row)
        text = io.StringIO()
        writer = csv.DictWriter(text, list(names), lineterminator="\n")  # no cell is an empty one
        writer.writeheader()
        writer.writerows(self._rows)
        write_text(self._path, text.getvalue())
        for name, value in row.items():
            self._board.add_scalar(name, value, int(row["step"]))
        self._board.flush()
        log.info(" ".join(f"{name}={value:.5g}" for name, value in row.items()))

    def _kept(self, start: int) -> list[Mapping[str, object]]:
        """Read the rows up to `start`, the resumed step."""
        if not self._path.exists():
            return []
        try:
            with self._path.open(newline="", encoding="utf-8") as file:
                rows = [dict(row) for row in csv.DictReader(file, strict=True)]
            kept: list[Mapping[str, object]] = [row for row in rows if int(row["step"]) <= start]
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            why = f"{type(error).__name__} {error}"
            raise ModelError(f"{self._path}: cannot be read, remove it: {why}") from error
        if any(None in row for row in kept):
            raise ModelError(f"{self._path}: a row has cells without a column; remove it")
        return kept
