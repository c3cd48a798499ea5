"""`fer-data check DATASET PATH`: what is there, what is missing, what is there twice."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from engine.command import Parser, libraries, run_command

PROGRAM: Final = "fer-data"


def parser() -> Parser:
    """Describe the command line."""
    parse = Parser(prog=PROGRAM, version=libraries(), description="Look into datasets.")
    commands = parse.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="count faces; find missing and duplicate pictures")
    check.add_argument("dataset", metavar="DATASET", help="its name; a wrong one lists them all")
    check.add_argument("path", type=Path, metavar="PATH", help="the dataset's folder or zip")
    check.add_argument(
        "--missing-max",
        type=float,
        default=argparse.SUPPRESS,
        metavar="SHARE",
        help="largest share of faces without a readable picture, 0 to 1",
    )
    return parse


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code is 0, or the error's."""
    return run_command(PROGRAM, _check, argv)


def _check(argv: Sequence[str]) -> None:
    options = vars(parser().parse_args(argv))
    from rich.console import Console

    from training.data.check import check
    from training.data.pictures import PictureConfig

    given = {name: value for name, value in options.items() if name == "missing_max"}
    check(options["dataset"], options["path"], PictureConfig(**given), Console())


if __name__ == "__main__":
    raise SystemExit(main())
