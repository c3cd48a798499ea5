"""`fer-report RUN...`: judge trained systems and write what they do, with figures."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.errors import ConfigError, FerError, SinkError
from training.atomic import write_text

log = logging.getLogger(__name__)

PAGE, COMPARISON = "report.md", "comparison.md"


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parse = argparse.ArgumentParser(prog="fer-report", description=__doc__)
    parse.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run folder")
    parse.add_argument("--split", choices=["valid", "test"], default="test")
    parse.add_argument(
        "--out", type=Path, default=Path("runs/reports"), help="a folder for each run goes in here"
    )
    parse.add_argument("--root", type=Path, default=Path("../shared/data"), help="datasets")
    parse.add_argument("--cache", type=Path, default=Path("cache"), help="decoded data")
    parse.add_argument("--overwrite", action="store_true", help="replace reports that exist")
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
    from training.evaluation.judged import judge
    from training.report.comparison import comparison_table, rows_of
    from training.report.page import write_report

    recipes, figures = [], []
    for run, folder in zip(options.runs, folders, strict=True):
        judged = judge(run, options.split, root=options.root, cache=options.cache)
        figures.append(write_report(judged, folder))
        recipes.append(judged.saved.recipe)
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
    options = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        report(options)
    except FerError as error:
        sys.stderr.write(f"fer-report: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
