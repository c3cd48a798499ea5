"""`fer-export CHECKPOINT --to TARGET`, `fer-export verify A B` and `fer-export calibrate A`."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from engine.command import (
    DEVICES,
    Parser,
    add_data_options,
    count,
    libraries,
    run_command,
    several,
    whole_number,
)
from engine.errors import ConfigError
from engine.wording import shown

PROGRAM: Final = "fer-export"
VERIFY: Final = "verify"
CALIBRATE: Final = "calibrate"
# Options of one target, by target; every one is absent unless it was given.
ENGINE: Final = ("max_batch", "usual_batch", "max_side", "workspace_mib")
SERVER: Final = ("max_batch", "kind", "instances", "preferred", "delay_us", "engines", "detector")
OWN: Final = {"onnx": (), "tensorrt": ENGINE, "triton": SERVER, "bundle": ("detector",)}


def main(argv: Sequence[str] | None = None) -> int:
    """Export or verify from the command line; return the exit code."""
    return run_command(
        PROGRAM, _run, argv, extra="export", kept="nothing was kept", info="%(message)s"
    )


def _run(argv: Sequence[str]) -> None:
    for talkative in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    if list(argv[:1]) == [VERIFY]:
        _verify(verify_parser().parse_args(argv[1:]))
    elif list(argv[:1]) == [CALIBRATE]:
        _calibrate(calibrate_parser().parse_args(argv[1:]))
    else:
        _export(parser().parse_args(argv))


def _export(options: argparse.Namespace) -> None:
    if not options.checkpoints:
        raise ConfigError(f"CHECKPOINT is missing; see {PROGRAM} --help")
    known = {name for names in OWN.values() for name in names}
    given = {name: value for name, value in vars(options).items() if name in known}
    for name in sorted(given.keys() - set(OWN[options.to])):
        targets = " and ".join(target for target, names in OWN.items() if name in names)
        raise ConfigError(f"{_option(name)}: is for --to {targets}, not {options.to}")
    from export.targets import Request, export

    export(
        Request(
            checkpoint=options.checkpoints[0],
            others=tuple(options.checkpoints[1:]),
            to=options.to,
            precision=options.precision,
            batch=options.batch,
            out=options.out,
            overwrite=options.overwrite,
            data=options.data,
            cache=options.cache,
            own=given,
        )
    )


def _option(name: str) -> str:
    words = {"workspace_mib": "workspace", "engines": "engine", "detector": "detector_model"}
    return f"--{words.get(name, name).replace('_', '-')}"


def _verify(options: argparse.Namespace) -> None:
    from export.verify import verify

    report = verify(
        options.truth,
        options.other,
        data=options.data,
        cache=options.cache,
        faces=options.faces,
        device=options.device,
    )
    if options.json:
        print(json.dumps({"precision": report.precision, **report.facts()}))
    else:
        print("\n".join(report.lines()))
    report.require()


def _calibrate(options: argparse.Namespace) -> None:
    from export.reading.fit import calibrate

    for model in options.models:
        calibrate(model, options.data, options.cache, options.faces)


def parser() -> Parser:
    """Describe the command line of an export."""
    parse = Parser(
        prog=PROGRAM,
        version=libraries("torch", "onnx", "onnxruntime", "tensorrt"),
        description="Turn a trained network into what runs it, and prove that it answers alike.",
        epilog=f"{PROGRAM} {VERIFY} A B compares two forms of a network; {PROGRAM} {CALIBRATE} A "
        "fits its confidence to pictures of all qualities. Exit codes: 2 options, "
        "3 data, 4 model or parity, 5 output, 130 interrupted.",
    )
    add = parse.add_argument
    add(
        "checkpoints",
        type=Path,
        nargs="*",
        metavar="CHECKPOINT",
        help="run folder of fer-train, one of its weights files, or an exported .onnx file; "
        "several runs become one network, whose answer is the mean of theirs",
    )
    add("--to", choices=tuple(OWN), default="onnx", help="what to make (onnx)")
    add("--precision", choices=("fp32", "fp16", "int8"), help="the checkpoint's own by default")
    add("--batch", type=_batch, default=0, help="faces of a call, or dynamic (the default)")
    add("--out", type=Path, help="file, or folder of --to triton; beside the checkpoint by default")
    add("--overwrite", action="store_true", help="replace outputs that exist")
    add_data_options(parse)
    _add_own_options(parse)
    return parse


def _add_own_options(parse: Parser) -> None:
    group = parse.add_argument_group("targets", argument_default=argparse.SUPPRESS)
    add = group.add_argument
    add("--max-batch", type=count, metavar="N", help="tensorrt, triton: most faces of a call (64)")
    add("--usual-batch", type=count, metavar="N", help="tensorrt: faces it is fastest at (4)")
    add("--max-side", type=count, metavar="PX", help="tensorrt: longest side of a picture (960)")
    add(
        "--workspace",
        type=count,
        metavar="MIB",
        dest="workspace_mib",
        help="tensorrt: most memory of one layer (1024)",
    )
    add("--kind", choices=("auto", "gpu", "cpu"), help="triton: where networks run (auto)")
    add("--instances", type=count, metavar="N", help="triton: of each network (1)")
    add(
        "--preferred",
        type=several(count),
        metavar="N,N",
        help="triton: batches run at once (4,8,16,32)",
    )
    add("--delay-us", type=int, metavar="US", help="triton: longest wait for others (2000)")
    add(
        "--engine",
        type=Path,
        action="append",
        metavar="FILE",
        dest="engines",
        help="triton: engine that runs in place of the network of its name; may be repeated",
    )
    add(
        "--detector-model",
        type=Path,
        metavar="FILE",
        dest="detector",
        help="triton, bundle: ONNX file (the shipped one)",
    )


def verify_parser() -> Parser:
    """Describe the command line of a comparison."""
    parse = Parser(
        prog=f"{PROGRAM} {VERIFY}",
        description="Compare two forms of a network; over a bound the exit code is 4.",
    )
    add = parse.add_argument
    add("truth", type=Path, metavar="A", help="run folder, weights, or fp32 ONNX file")
    add("other", type=Path, metavar="B", help="any of these, an .engine or a .fer bundle")
    add_data_options(parse)
    parse.set_defaults(data=None)
    add("--faces", type=whole_number, default=512, metavar="N", help="real faces, 0 for all (512)")
    add("--device", choices=DEVICES, default="cpu", help="what an ONNX file B runs on (cpu)")
    add("--json", action="store_true", help="print the figures as one JSON object")
    return parse


def calibrate_parser() -> Parser:
    """Describe the command line of a calibration."""
    parse = Parser(
        prog=f"{PROGRAM} {CALIBRATE}",
        description="Fit how sure an expression network is to the quality of the picture, on one "
        "half of FER+ validation spoilt in many ways; it is written into the manifest.",
    )
    add = parse.add_argument
    add("models", type=Path, nargs="+", metavar="MODEL.onnx", help="exported networks")
    add("--faces", type=whole_number, default=0, metavar="N", help="real faces, 0 for all (0)")
    add_data_options(parse)
    return parse


def _batch(text: str) -> int:
    if text == "dynamic":
        return 0
    try:
        return count(text)
    except argparse.ArgumentTypeError as error:
        wanted = f"{shown(text)} is neither dynamic nor a number above 0"
        raise argparse.ArgumentTypeError(wanted) from error


if __name__ == "__main__":
    raise SystemExit(main())
