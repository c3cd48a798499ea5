"""`fer-report RUN...`: judge trained systems and write what they do, with figures."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from engine.command import Parser, add_data_options, libraries, run_command
from engine.errors import ConfigError, SinkError
from training import LIBRARIES

log = logging.getLogger(__name__)

PROGRAM: Final = "fer-report"
PAGE, COMPARISON = "report.md", "comparison.md"


def parser() -> Parser:
    """Describe the command line."""
    parse = Parser(prog=PROGRAM, version=libraries(*LIBRARIES), description=__doc__)
    add = parse.add_argument
    add("runs", type=Path, nargs="+", metavar="RUN", help="run folder")
    add("--split", choices=("valid", "test"), default="test", help="which judges (test)")
    add(
        "--out",
        type=Path,
        default=Path("runs/reports"),
        metavar="DIR",
        help="gets a folder for each run (runs/reports)",
    )
    add("--overwrite", action="store_true", help="replace reports that exist")
    add_data_options(parse)
    return parse


def report(options: argparse.Namespace) -> None:
    """Write each run's report and, of several, the table that compares them.

    Raises:
        ConfigError: Two runs have the same name.
        SinkError: A report is there already, or cannot be written.
        FerError: A run or its data cannot be opened.
    """
    folders = folders_of(options.runs, options.out)
    pages = [folder / PAGE for folder in folders]
    if len(folders) > 1:
        pages.append(options.out / COMPARISON)
    for page in pages:
        if page.exists() and not options.overwrite:
            raise SinkError(f"{page}: exists already; use --overwrite or another --out")
    # Heavy: torch, timm and matplotlib.
    from engine.files import write_text
    from training.evaluation.runs import evaluate_run
    from training.report.comparison import comparison_table, rows_of
    from training.report.page import write_report

    recipes, figures = [], []
    for run, folder in zip(options.runs, folders, strict=True):
        evaluation = evaluate_run(run, options.split, root=options.data, cache=options.cache)
        figures.append(write_report(evaluation, folder))
        recipes.append(evaluation.saved.recipe)
        log.info("wrote %s", folder / PAGE)
    if len(folders) > 1:
        rows = rows_of(recipes, figures)
        content = json.dumps([row.as_dict() for row in rows], indent=2) + "\n"
        write_text((options.out / COMPARISON).with_suffix(".json"), content)
        write_text(options.out / COMPARISON, "\n".join(comparison_table(rows)) + "\n")
        log.info("wrote %s", options.out / COMPARISON)


def folders_of(runs: Sequence[Path], out: Path) -> list[Path]:
    """Give each run's report folder.

    Raises:
        ConfigError: Two runs have the same name.
    """
    names = [run.resolve().name for run in runs]
    for name in names:
        if names.count(name) > 1:
            same = " and ".join(str(run) for run in runs if run.resolve().name == name)
            raise ConfigError(f"{same}: two runs named {name}; rename one, or report one by one")
    return [out / name for name in names]


def main(argv: Sequence[str] | None = None) -> int:
    """Write reports from the command line; return the exit code."""
    return run_command(PROGRAM, _report, argv, extra="train", info="%(message)s")


def _report(argv: Sequence[str]) -> None:
    report(parser().parse_args(argv))


if __name__ == "__main__":
    raise SystemExit(main())
