"""Runs what is to be known of a GPU, stage by stage, each in a process of its own: `scripts/gpu`.

This module needs Python alone: what a stage lacks is its reason to be left out, and no more. Each
stage leaves OUT/STAGE.json; one that is done is not run again.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
STAGES: Final = ("about", "cpu", "cuda", "tensorrt", "engine", "torch", "speed", "train")
MINUTES: Final = 7.0
GRACE_S: Final = 20.0  # after its time a stage is stopped
SKIPPED: Final = 77  # exit code of a stage that lacks something, as automake has it
DONE: Final = "done"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stages, or make the pack; return 0 unless a stage failed."""
    options = parser().parse_args(argv)
    if options.pack is not None:
        return _make_pack(options)
    if not 3 <= options.minutes * 60 <= 60 * MINUTES:
        print(f"gpu: --minutes: from 0.05 to {MINUTES:g}, got {options.minutes:g}", file=sys.stderr)
        return 2
    if options.faces is not None and not options.faces.is_file():
        print(f"gpu: {options.faces}: no such file; make it with --pack", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    results = {}
    for stage in options.stages or STAGES:
        results[stage] = _stage(stage, options)
        print(_line(stage, results[stage]), file=sys.stderr)
    every = {name: found for name in STAGES if (found := _found(options.out, name)) is not None}
    report = "\n".join(report_of(every))
    (options.out / "gpu.md").write_text(report + "\n", encoding="utf-8")
    print(report)
    return int(any(result["status"] == "failed" for result in results.values()))


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parse = argparse.ArgumentParser(prog="scripts/gpu", description=__doc__.partition("\n")[0])
    add = parse.add_argument
    add("--out", type=Path, default=Path("gpu"), metavar="DIR", help="results (gpu)")
    add(
        "--faces",
        type=Path,
        metavar="FILE",
        help="faces of --pack; without them noise, no training",
    )
    add("--stages", type=_stages, metavar="A,B", help=f"some of {', '.join(STAGES)} (all)")
    add("--minutes", type=float, default=MINUTES, metavar="M", help="most for a stage (7)")
    add("--again", action="store_true", help="run stages again that are done")
    add("--tiny", action="store_true", help="a few faces and steps, also on a CPU: to try it out")
    add("--pack", type=Path, metavar="FILE", help="make the faces: 25 MB at most")
    add(
        "--data",
        type=Path,
        default=Path("data"),
        metavar="DIR",
        help="data packs, for --pack (data)",
    )
    add("--cache", type=Path, default=Path("cache"), metavar="DIR", help="decoded data, for --pack")
    return parse


def _stages(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in STAGES:
            raise argparse.ArgumentTypeError(f"{name!r} is unknown; choose {', '.join(STAGES)}")
    return names


def _make_pack(options: argparse.Namespace) -> int:
    command = [*_work("pack"), str(options.pack), str(options.data), str(options.cache)]
    return subprocess.run(command, env=_environment(), check=False).returncode


def _work(stage: str) -> list[str]:
    return [sys.executable, "-m", "scripts.gpu_work", stage]


def _environment() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def _found(out: Path, stage: str) -> dict[str, Any] | None:
    """Read what a stage left; what was cut off in the middle is nothing."""
    try:
        found = json.loads((out / f"{stage}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "status" in found else None


def _stage(stage: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run one stage, unless it is done; write and give what came of it."""
    before, asked = _found(options.out, stage), {"tiny": options.tiny}
    is_done = before is not None and (before["status"], before.get("asked")) == (DONE, asked)
    if before is not None and is_done and not options.again:
        return before | {"again": False}
    command = [*_work(stage), str(options.out), str(options.faces or ""), f"{60 * options.minutes}"]
    begun = time.monotonic()
    log = options.out / f"{stage}.log"
    with log.open("w", encoding="utf-8") as text:
        try:
            done = subprocess.run(
                [*command, *(["tiny"] if options.tiny else [])],
                env=_environment(),
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=text,
                timeout=60 * options.minutes + GRACE_S,
                check=False,
            )
            code, said = done.returncode, done.stdout
        except subprocess.TimeoutExpired as error:
            code, said = None, error.stdout or b""
    result = _result(code, said, log) | {
        "seconds": round(time.monotonic() - begun, 1),
        "asked": asked,
    }
    path = options.out / f"{stage}.json"
    partial = path.with_suffix(".json.partial")
    partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
    return result


def _result(code: int | None, said: bytes, log: Path) -> dict[str, Any]:
    """Turn what a stage printed, one JSON object a line, into its result; the last ones count."""
    figures: dict[str, Any] = {}
    for line in said.decode("utf-8", "replace").splitlines():
        try:
            figures |= json.loads(line)
        except ValueError:
            continue
    reason = str(figures.pop("reason", ""))
    if code == 0:
        status = "failed" if figures.get("differs") else str(figures.pop("status", DONE))
        reason = reason or ("answers differ from the CPU's" if figures.get("differs") else "")
    elif code == SKIPPED:
        status = "skipped"
    else:
        status = "failed"
        last = (log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""])[-1]
        reason = reason or ("over its time" if code is None else f"exit code {code}: {last}"[:300])
    return {"status": status, "reason": reason, "figures": figures}


def _line(stage: str, result: Mapping[str, Any]) -> str:
    kept = " (from before)" if result.get("again") is False else ""
    reason = f": {result['reason']}" if result["reason"] else ""
    return f"gpu: {stage}: {result['status']}{kept} in {result['seconds']} s{reason}"


def report_of(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Write what was found as Markdown."""
    about = results.get("about", {}).get("figures", {})
    lines = ["# On a GPU", ""]
    lines += [f"- {name}: {value}" for name, value in about.items() if isinstance(value, str)]
    lines += [
        "",
        *_table(
            ("stage", "came to", "seconds", "why"),
            [
                (name, r["status"], f"{r['seconds']:.0f}", r["reason"])
                for name, r in results.items()
            ],
        ),
    ]
    for name in ("cpu", "cuda", "tensorrt", "engine", "torch"):
        rows = results.get(name, {}).get("figures", {}).get("parity", [])
        if rows:
            head = ("network", "output", "largest error", "same label")
            lines += ["", f"## {name}: against the CPU", ""]
            lines += _table(
                head,
                [
                    (r["network"], r["output"], _shown(r["error"]), _shown(r.get("same")))
                    for r in rows
                ],
            )
    rows = results.get("speed", {}).get("figures", {}).get("speed", [])
    if rows:
        head = ("network", "on", "batch", "ms p50", "ms p95", "faces a second")
        lines += ["", "## Latency and throughput", ""]
        lines += _table(
            head,
            [
                (
                    r["network"],
                    r["device"],
                    str(r["batch"]),
                    f"{r['p50_ms']:.2f}",
                    f"{r['p95_ms']:.2f}",
                    f"{r['per_s']:.0f}",
                )
                for r in rows
            ],
        )
    train = results.get("train", {}).get("figures", {})
    if train:
        lines += ["", "## Training of poster-rt", ""]
        lines += [f"- {name.replace('_', ' ')}: {_shown(value)}" for name, value in train.items()]
    return lines


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def python_fits() -> bool:
    """Say whether this Python can run the stages."""
    return sys.version_info >= (3, 11)


if __name__ == "__main__":
    if not python_fits():
        raise SystemExit(f"gpu: needs Python 3.11 or newer, this is {platform.python_version()}")
    raise SystemExit(main())
