"""Quantise the shipped networks in several ways; print what each costs and takes, as Markdown.

    .venv/bin/python -m scripts.benches.int8_trials                # about ten minutes

Landmarks: how far they move on validation faces, percent of the distance between the outer eye
corners. Fusion: accuracy on validation faces, with the float landmark network. Milliseconds are
medians of one face on one thread, taken in turns.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest import mock

import numpy as np

import export.quantization
from engine.assets import asset_path
from engine.command import Parser, add_data_options, libraries, run_command, whole_number
from export.calibration import Feed, Judge, calibration_feeds, validation_judge
from export.quantization import QuantizeConfig, quantize
from scripts.benches.frontier import Call, race, session_of, table

TRIALS: Final[Mapping[str, Mapping[str, Any]]] = {
    "float32": {},
    "as shipped": {},
    "every layer, first and depthwise too": {},
    "convolutions only": {"ops": ("Conv",)},
    "weights of eight bits": {"reduce_range": False},
    "ranges of 99.99 % of the values": {"method": "percentile"},
    "ranges of least entropy": {"method": "entropy"},
    "activations around zero": {"activations": "int8"},
}
EVERY: Final = "every layer, first and depthwise too"


def main(argv: Sequence[str] | None = None) -> int:
    """Make, judge and time; return the exit code."""
    return run_command("int8_trials", _measure, argv, extra="export")


def _measure(argv: Sequence[str]) -> None:
    parse = Parser(prog="int8_trials", version=libraries("onnxruntime"), description=__doc__)
    parse.add_argument(
        "--faces", type=whole_number, default=0, metavar="N", help="real faces, 0 for all (0)"
    )
    add_data_options(parse)
    options = parse.parse_args(argv)
    judge = validation_judge(
        asset_path("poster-rt.onnx"), options.data, options.cache, count=options.faces
    )
    with TemporaryDirectory() as folder:
        for name, column in (("landmark-net", "points move, %"), ("poster-rt", "accuracy, %")):
            source = asset_path(f"{name}.onnx")
            feeds = calibration_feeds(source, options.data, options.cache)
            files = made(source, feeds, Path(folder))
            one = {key: value[:1] for key, value in feeds[0].items()}
            calls: dict[str, Call] = {
                trial: partial(session_of(path, 1).run, None, one) for trial, path in files.items()
            }
            took, judged = race(calls, 150), moved if name == "landmark-net" else accuracy
            rows = [(trial, judged(judge, path), took[trial]) for trial, path in files.items()]
            print(table((name, column, "ms"), rows), flush=True)


def made(source: Path, feeds: Sequence[Feed], folder: Path) -> dict[str, Path]:
    """Write a file for every trial."""
    files = {}
    for place, (trial, settings) in enumerate(TRIALS.items()):
        files[trial] = source if trial == "float32" else folder / f"{source.stem}-{place}.onnx"
        if trial == EVERY:
            with mock.patch.object(export.quantization, "_gains", return_value=True):
                quantize(source, files[trial], feeds, config=QuantizeConfig(ops=("Conv", "Gemm")))
        elif trial != "float32":
            quantize(source, files[trial], feeds, config=QuantizeConfig(**settings))
    return files


def accuracy(judge: Judge, path: Path) -> float:
    """Give the accuracy of an expression network, percent."""
    return 100 * judge.fusion(path)


def moved(judge: Judge, path: Path) -> float:
    """Give how far landmarks move, percent of the distance between the outer eye corners."""
    sessions = session_of(judge.inputs.manifest.path.with_name("landmark-net.onnx"), 1)
    other, shares = session_of(path, 1), []
    for first in range(0, len(judge.crops), 16):
        feed = {"crops": judge.inputs.feed(judge.crops[first : first + 16])["crops"]}
        (truth,), (said,) = (s.run(["landmarks"], feed) for s in (sessions, other))
        eyes = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=1)
        shares.append(np.linalg.norm(said - truth, axis=2).mean(axis=1) / eyes)
    return float(100 * np.concatenate(shares).mean())


if __name__ == "__main__":
    raise SystemExit(main())
