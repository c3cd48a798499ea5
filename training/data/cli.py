"""`fer-data check DATASET PATH` and `fer-data enlarge DATASET PATH`: see `parser`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from engine.command import Parser, count, libraries, run_command

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
    larger = commands.add_parser("enlarge", help="super-resolve a dataset's pictures beforehand")
    larger.add_argument("dataset", metavar="DATASET", help="its name; a wrong one lists them all")
    larger.add_argument("path", type=Path, metavar="PATH", help="the dataset's folder or zip")
    larger.add_argument(
        "--weights", type=Path, required=True, metavar="FILE", help="of SRLite, safetensors"
    )
    larger.add_argument(
        "--side", type=count, default=48, metavar="PX", help="of pictures before, pixels (48)"
    )
    larger.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder")
    return parse


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code is 0, or the error's."""
    return run_command(PROGRAM, _run, argv)


def _run(argv: Sequence[str]) -> None:
    options = vars(parser().parse_args(argv))
    if options["command"] == "enlarge":
        from training.data.enlarging import enlarge

        enlarge(
            options["dataset"],
            options["path"],
            options["weights"],
            options["side"],
            options["out"],
        )
        return
    from rich.console import Console

    from training.data.check import check
    from training.data.pictures import PictureConfig

    given = {name: value for name, value in options.items() if name == "missing_max"}
    check(options["dataset"], options["path"], PictureConfig(**given), Console())


if __name__ == "__main__":
    raise SystemExit(main())
