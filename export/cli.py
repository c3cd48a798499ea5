"""`fer-export CHECKPOINT --to TARGET` and `fer-export verify A B`."""

import argparse
import json
import logging
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from engine.errors import ConfigError, FerError

PROGRAM: Final = "fer-export"
INTERRUPTED: Final = 130
VERIFY: Final = "verify"
DEVICES: Final = ("auto", "cpu", "cuda", "tensorrt")
# Options of one target, by target; every one is absent unless it was given.
ENGINE: Final = ("max_batch", "usual_batch", "max_side", "workspace_mib")
SERVER: Final = ("max_batch", "kind", "instances", "preferred", "delay_us", "engines", "detector")
OWN: Final = {"onnx": (), "tensorrt": ENGINE, "triton": SERVER, "bundle": ("detector",)}


def main(argv: Sequence[str] | None = None) -> int:
    """Export or verify from the command line; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for talkative in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    try:
        if words[:1] == [VERIFY]:
            _verify(verify_parser().parse_args(words[1:]))
        else:
            _export(parser().parse_args(words))
    except FerError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(f"{PROGRAM}: interrupted; nothing was kept\n")
        return INTERRUPTED
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"{PROGRAM}: {error.name} is not installed; run: pip install 'fer-live[export]'\n"
        )
        return 1
    except Exception as error:  # noqa: BLE001 - the top of the program
        traceback.print_exc()
        sys.stderr.write(
            f"{PROGRAM}: internal error: {type(error).__name__}: {error}; "
            "please report the lines above\n"
        )
        return 1
    return 0


def _export(options: argparse.Namespace) -> None:
    if options.version:
        print(_version())
        return
    if options.checkpoint is None:
        raise ConfigError(f"CHECKPOINT is missing; see {PROGRAM} --help")
    known = {name for names in OWN.values() for name in names}
    given = {name: value for name, value in vars(options).items() if name in known}
    for name in sorted(given.keys() - set(OWN[options.to])):
        targets = " and ".join(target for target, names in OWN.items() if name in names)
        raise ConfigError(f"{_option(name)}: is for --to {targets}, not {options.to}")
    from export.targets import Request, export

    export(
        Request(
            checkpoint=options.checkpoint,
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
    words = {"workspace_mib": "workspace", "engines": "engine"}
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


def _version() -> str:
    """Name program and libraries, without loading what takes time."""
    from importlib import metadata

    have = []
    for name in ("torch", "onnx", "onnxruntime", "tensorrt"):
        try:
            have.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            have.append(f"no {name}")
    return f"{PROGRAM} {metadata.version('fer-live')}\n{', '.join(have)}"


class _Parser(argparse.ArgumentParser):
    """Reports a wrong option as every other error: one line."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """Describe the command line of an export."""
    parse = _Parser(
        prog=PROGRAM,
        description="Turn a trained network into what runs it, and prove that it answers alike.",
        epilog=f"{PROGRAM} {VERIFY} A B compares two forms of a network. Exit codes: 2 options, "
        "3 data, 4 model or parity, 5 output, 130 interrupted.",
        allow_abbrev=False,
    )
    add = parse.add_argument
    add(
        "checkpoint",
        type=Path,
        nargs="?",
        metavar="CHECKPOINT",
        help="run folder of fer-train, one of its weights files, or an exported .onnx file",
    )
    add("--to", choices=tuple(OWN), default="onnx", help="what to make (onnx)")
    add("--precision", choices=("fp32", "fp16", "int8"), help="the checkpoint's own by default")
    add("--batch", type=_batch, default=0, help="faces of a call, or dynamic (the default)")
    add("--out", type=Path, help="file, or folder of --to triton; beside the checkpoint by default")
    add("--overwrite", action="store_true", help="replace outputs that exist")
    add("--data", type=Path, default=Path("../shared/data"), help="data packs (../shared/data)")
    add("--cache", type=Path, default=Path("cache"), help="decoded data (cache)")
    add("--version", action="store_true", help="print program and libraries")
    _add_own_options(parse)
    return parse


def _add_own_options(parse: argparse.ArgumentParser) -> None:
    group = parse.add_argument_group("targets", argument_default=argparse.SUPPRESS)
    add = group.add_argument
    add("--max-batch", type=_count, metavar="N", help="tensorrt, triton: most faces of a call (64)")
    add("--usual-batch", type=_count, metavar="N", help="tensorrt: faces it is fastest at (4)")
    add("--max-side", type=_count, metavar="PX", help="tensorrt: longest side of a picture (960)")
    add(
        "--workspace",
        type=_count,
        metavar="MIB",
        dest="workspace_mib",
        help="tensorrt: most memory of one layer (1024)",
    )
    add("--kind", choices=("auto", "gpu", "cpu"), help="triton: where networks run (auto)")
    add("--instances", type=_count, metavar="N", help="triton: of each network (1)")
    add("--preferred", type=_counts, metavar="N,N", help="triton: batches run at once (4,8,16,32)")
    add("--delay-us", type=int, metavar="US", help="triton: longest wait for others (2000)")
    add(
        "--engine",
        type=Path,
        action="append",
        metavar="FILE",
        dest="engines",
        help="triton: engine that runs in place of the network of its name; may be repeated",
    )
    add("--detector", type=Path, metavar="FILE", help="triton, bundle: ONNX file (the shipped one)")


def verify_parser() -> argparse.ArgumentParser:
    """Describe the command line of a comparison."""
    parse = _Parser(
        prog=f"{PROGRAM} {VERIFY}",
        description="Compare two forms of a network; over a bound the exit code is 4.",
        allow_abbrev=False,
    )
    add = parse.add_argument
    add("truth", type=Path, metavar="A", help="run folder, weights, or fp32 ONNX file")
    add("other", type=Path, metavar="B", help="any of these, an .engine or a .fer bundle")
    add("--data", type=Path, help="data packs; without, hostile pictures only")
    add("--cache", type=Path, default=Path("cache"), help="decoded data (cache)")
    add("--faces", type=_whole, default=512, metavar="N", help="real faces, 0 for all (512)")
    add("--device", choices=DEVICES, default="cpu", help="what an ONNX file B runs on (cpu)")
    add("--json", action="store_true", help="print the figures as one JSON object")
    return parse


def _batch(text: str) -> int:
    if text == "dynamic":
        return 0
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither dynamic nor a number above 0")
    return int(text)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return int(text)


def _count(text: str) -> int:
    if _whole(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(part.strip()) for part in text.split(","))


if __name__ == "__main__":
    raise SystemExit(main())
