"""`fer-eval MODEL ...`: judge a trained system, or an exported network as served.

Several run folders are judged as one: each has one vote.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from engine.command import Parser, add_data_options, libraries, run_command
from engine.errors import ConfigError, ModelError
from training import LIBRARIES

PROGRAM: Final = "fer-eval"
SERVED: Final = ("ferplus", "landmarks")  # what an exported network is judged on


def parser() -> Parser:
    """Describe the command line."""
    parse = Parser(prog=PROGRAM, version=libraries(*LIBRARIES), description=__doc__)
    add = parse.add_argument
    add(
        "model",
        type=Path,
        nargs="+",
        metavar="MODEL",
        help="run folder, a weights file in it, or an ONNX file with its manifest beside it; "
        "several runs vote",
    )
    add(
        "--dataset",
        default="",
        metavar="NAME",
        help="what judges; default what the run was trained on; for an ONNX file "
        f"{' or '.join(SERVED)}, default {SERVED[0]}",
    )
    add("--fold", default="", metavar="NAME", help="subject or character of --dataset that judges")
    add("--split", choices=("valid", "test"), default="test", help="which judges (test)")
    add(
        "--oracle",
        action="store_true",
        help="of a run that keeps its evaluations (loop.keep): what choosing among them on the "
        "judging split would give, beside what validation chose; to be told, never to be chosen by",
    )
    add("--json", action="store_true", help="print one JSON object instead of Markdown")
    add_data_options(parse)
    return parse


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate from the command line; return the exit code."""
    return run_command(PROGRAM, _eval, argv, extra="train", info="%(message)s")


def _eval(argv: Sequence[str]) -> None:
    options = parser().parse_args(argv)
    figures = evaluate(options)
    from training.evaluation.tables import markdown

    text = json.dumps(figures, indent=2) if options.json else markdown(figures)
    sys.stdout.write(f"{text}\n")


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """Judge what the command line names.

    Raises:
        ConfigError: Files that cannot vote, or a dataset that cannot judge them.
        FerError: A run, a network or the data cannot be opened.
    """
    where = {"root": options.data, "cache": options.cache}
    models: list[Path] = options.model
    if missing := [path for path in models if not path.exists()]:
        raise ModelError(f"{missing[0]}: no such run folder, weights file or ONNX file")
    others = [path for path in models if not path.is_dir() and path.suffix != ".safetensors"]
    if len(models) == 1 and others and others[0].suffix != ".onnx":
        raise ModelError(f"{others[0]}: neither a run folder, a weights file in one nor an .onnx")
    if len(models) > 1 and others:
        raise ConfigError(
            f"{others[0]}: neither a run folder nor a weights file in one; cannot vote"
        )
    _check_oracle(options, models)
    if others:
        dataset = options.dataset or SERVED[0]
        if dataset not in SERVED:
            raise ConfigError(
                f"--dataset {dataset}: an exported network is judged on {' or '.join(SERVED)}"
            )
        from training.evaluation.served import figures_served

        return figures_served(models[0], dataset, options.split, **where)
    # These bring every system along, and timm.
    if options.oracle:
        from training.evaluation.oracle import oracle_figures

        return oracle_figures(models[0], options.split, **where)
    from training.evaluation.ensemble import evaluate_vote
    from training.evaluation.runs import evaluate_run

    chosen = {**where, "dataset": options.dataset, "fold": options.fold}
    if len(models) > 1:
        return evaluate_vote(models, options.split, **chosen)
    return evaluate_run(models[0], options.split, **chosen).figures()


def _check_oracle(options: argparse.Namespace, models: Sequence[Path]) -> None:
    """Refuse what keeps no evaluations of its own, and a dataset that its run does not know."""
    if not options.oracle:
        return
    if len(models) > 1 or not models[0].is_dir():
        raise ConfigError(f"--oracle: looks at one run folder, got {', '.join(map(str, models))}")
    if options.split == "valid":
        raise ConfigError("--oracle: validation is what chooses; leave --split out")
    if named := options.dataset or options.fold:
        raise ConfigError(f"--oracle: judges on the run's own dataset; leave out {named}")


if __name__ == "__main__":
    raise SystemExit(main())
