"""Time the landmark network and the fusion in every way that might be faster; prints Markdown.

    scripts/bench --help                       # makes .venv, once
    .venv/bin/python -m scripts.benches.frontier       # the shipped networks, some five minutes
    .venv/bin/python -m scripts.benches.frontier OTHER.onnx --parts networks,commands

What is compared takes turns call by call, so that a busy machine is busy for all. Milliseconds,
median of the rounds.
"""

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.command.interrupt import Interrupt
from app.command.job import Job, run_job
from engine.analyze import AnalyzerConfig
from engine.assets import asset_path
from engine.command import Parser, count, libraries, one_of, run_command, several
from engine.networks.manifest import load_manifest
from engine.networks.ort import onnxruntime
from engine.reading.fusion import landmarks_of

Feed = Mapping[str, NDArray[np.generic]]
Call = Callable[[], object]
Settings = Mapping[str, Any]

WARM: Final = 10
# What `engine.networks.runtime` sets, under the names that `session_of` takes.
SERVED: Final[Settings] = {
    "session.intra_op.allow_spinning": "1",
    "session.force_spinning_stop": "1",
}
LEVELS: Final = onnxruntime.GraphOptimizationLevel
# One setting changed at a time; names with a dot are ONNX Runtime's configuration entries.
VARIANTS: Final[Mapping[str, Settings]] = {
    "as served": {},
    "threads sleep between layers": {"session.intra_op.allow_spinning": "0"},
    "denormals as zero": {"session.set_denormal_as_zero": "1"},
    "no memory pattern": {"enable_mem_pattern": False},
    "no arena": {"enable_cpu_mem_arena": False},
    "work cut finer (dynamic_block_base 4)": {"session.dynamic_block_base": "4"},
    "optimised basic": {"graph_optimization_level": LEVELS.ORT_ENABLE_BASIC},
    "optimised extended": {"graph_optimization_level": LEVELS.ORT_ENABLE_EXTENDED},
    "not optimised": {"graph_optimization_level": LEVELS.ORT_DISABLE_ALL},
}
# What leaves threads busy after a call is measured apart, or it slows down whatever comes next;
# a network alone finds its weights in the cache, so it is compared with the served one alone.
BUSY: Final[Mapping[str, Settings]] = {
    "apart: as served": {},
    "apart: threads spin between calls": {"session.force_spinning_stop": "0"},
    "apart: nodes in parallel, 2 threads more": {
        "execution_mode": onnxruntime.ExecutionMode.ORT_PARALLEL,
        "inter_op_num_threads": 2,
    },
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    return run_command("frontier", _measure, argv)


def _measure(argv: Sequence[str]) -> None:
    parse = Parser(prog="frontier", version=libraries("onnxruntime"), description=__doc__)
    add = parse.add_argument
    shipped = [asset_path("poster-rt.onnx"), asset_path("poster-rt-int8.onnx")]
    add("models", nargs="*", type=Path, default=shipped, help="expression networks")
    add("--rounds", type=count, default=150, help="calls behind each median (150)")
    add("--clip", type=Path, default=asset_path("demo.mp4"), help="video of the whole commands")
    add("--repeats", type=count, default=5, help="whole commands behind a median (5)")
    parts: dict[str, Callable[[], str]] = {
        "networks": lambda: networks(pairs, options.rounds),
        "settings": lambda: settings(pairs, options.rounds),
        "arrangements": lambda: arrangements(pairs, options.rounds),
        "commands": lambda: commands(options.models, options.clip, options.repeats),
    }
    names = tuple(parts)
    add("--parts", type=several(one_of(names)), default=names, help=f"of {', '.join(names)} (all)")
    options = parse.parse_args(argv)
    pairs = {label(path): Pair(path) for path in options.models}
    print(f"onnxruntime {onnxruntime.__version__}, {options.rounds} rounds\n")
    for part in options.parts:
        print(parts[part](), flush=True)


def label(path: Path) -> str:
    """Name a network as tables do."""
    return f"{path.resolve().parent.name}/{path.stem}"


class Pair:
    """An expression network and its landmark network, and what they are fed."""

    def __init__(self, path: Path) -> None:
        manifest = load_manifest(path)
        self.fusion, self.landmarks = path, landmarks_of(manifest).path
        self.maps = [str(name) for name in manifest.value("landmarks.maps")]

    def feeds(self, faces: int) -> tuple[Feed, Feed]:
        """Give the inputs of both networks."""
        return feeds_of(self.landmarks, self.maps, faces)

    def calls(self, faces: int, threads: int, changed: Settings | None = None) -> tuple[Call, Call]:
        """Give a call of each network."""
        paths, feeds = (self.landmarks, self.fusion), self.feeds(faces)
        sessions = (session_of(path, threads, changed) for path in paths)
        first, second = (
            partial(session.run, None, feed) for session, feed in zip(sessions, feeds, strict=True)
        )
        return first, second


def feeds_of(landmarks: Path, maps: Sequence[str], faces: int, seed: int = 0) -> tuple[Feed, Feed]:
    """Give inputs of a landmark network and of what reads its maps: noise, as slow as faces."""
    crops = np.random.default_rng(seed).integers(0, 256, (faces, 1, 112, 112), np.uint8)
    said = session_of(landmarks, 1).run(list(maps), {"crops": crops})
    return {"crops": crops}, {"crops": crops, **dict(zip(maps, said, strict=True))}


def session_of(
    path: Path, threads: int, changed: Settings | None = None
) -> onnxruntime.InferenceSession:
    """Open a network as the engine does, but for what is changed."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    for name, value in {**SERVED, **(changed or {})}.items():
        if "." in name:
            options.add_session_config_entry(name, value)
        else:
            setattr(options, name, value)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def race(
    calls: Mapping[str, Call],
    rounds: int,
    chosen: Callable[[Sequence[float]], float] = statistics.median,
) -> dict[str, float]:
    """Give the median or another `chosen` time of each call, milliseconds; they take turns."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(WARM + rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            if turn >= WARM:
                took[name].append(1000 * (time.perf_counter() - started))
    return {name: chosen(times) for name, times in took.items()}


def in_turn(*calls: Call) -> Call:
    """Give a call that makes several, one after the other."""
    return lambda: [call() for call in calls]


def networks(pairs: Mapping[str, Pair], rounds: int) -> str:
    """Table of both networks by threads and faces."""
    rows = []
    for threads in (1, 2):
        for faces in (1, 4):
            calls: dict[str, Call] = {}
            for name, pair in pairs.items():
                calls[f"{name} landmarks"], calls[f"{name} fusion"] = pair.calls(faces, threads)
            took = race(calls, rounds)
            for name in pairs:
                first, second = took[f"{name} landmarks"], took[f"{name} fusion"]
                rows.append((name, threads, faces, first, second, first + second))
    return table(("model", "threads", "faces", "landmarks", "fusion", "both"), rows)


def settings(pairs: Mapping[str, Pair], rounds: int) -> str:
    """Table of session settings: both networks in turn, one face."""
    columns, took = ["setting"], []
    for name, pair in pairs.items():
        for threads in (1, 2):
            calls = {v: in_turn(*pair.calls(1, threads, VARIANTS[v])) for v in VARIANTS}
            calls |= others(pair, threads)
            times = race(calls, rounds)
            for variant, changed in BUSY.items():
                times |= race({variant: in_turn(*pair.calls(1, threads, changed))}, rounds)
            took.append(times)
            columns.append(f"{name}, {threads} thread{'s' * (threads > 1)}")
    return table(columns, [(v, *(column[v] for column in took)) for v in took[0]])


def others(pair: Pair, threads: int) -> dict[str, Call]:
    """Give calls that differ in more than a setting."""
    with TemporaryDirectory() as folder:
        ready = []
        for path, feed in zip((pair.landmarks, pair.fusion), pair.feeds(1), strict=True):
            written = Path(folder, path.name)
            session_of(path, threads, {"optimized_model_filepath": str(written)})
            none = {"graph_optimization_level": LEVELS.ORT_DISABLE_ALL}
            ready.append(partial(session_of(written, threads, none).run, None, feed))
    bound = [
        bound_call(session_of(path, threads), feed)
        for path, feed in zip((pair.landmarks, pair.fusion), pair.feeds(1), strict=True)
    ]
    return {"optimised beforehand": in_turn(*ready), "inputs and outputs bound": in_turn(*bound)}


def bound_call(session: onnxruntime.InferenceSession, feed: Feed) -> Call:
    """Give a call whose inputs and outputs stay where they are."""
    binding = session.io_binding()
    for name, value in feed.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value))
    for output in session.get_outputs():
        binding.bind_output(output.name)
    return partial(session.run_with_iobinding, binding)


def arrangements(pairs: Mapping[str, Pair], rounds: int) -> str:
    """Table of ways to use two cores and to read four faces."""
    took = []
    for pair in pairs.values():
        one, two = pair.calls(1, 1), pair.calls(1, 2)
        four = pair.calls(4, 1)
        took.append(
            race(
                {
                    "one face, networks in turn, 2 threads": in_turn(*two),
                    "one face, networks in turn, 1 thread": in_turn(*one),
                    "two frames' networks side by side, 1 thread each": beside(*one),
                    "two frames' networks side by side, 2 threads each": beside(*two),
                    "four faces, one call of each network": in_turn(*four),
                    "four faces, four calls of each network": in_turn(*one * 4),
                },
                rounds,
            )
        )
    return table(("way", *pairs), [(way, *(column[way] for column in took)) for way in took[0]])


def beside(first: Call, second: Call) -> Call:
    """Give a call that makes two at the same time, as finder and reader do."""

    def both() -> None:
        thread = threading.Thread(target=first)
        thread.start()
        second()
        thread.join()

    return both


def commands(models: Sequence[Path], clip: Path, repeats: int) -> str:
    """Table of whole commands, video and rows, by threads of each network."""
    frames, took = 0, dict[tuple[str, int], list[float]]()
    with TemporaryDirectory() as folder:
        out, rows = Path(folder, "out.mp4"), Path(folder, "rows.csv")
        for turn in range(repeats + 1):  # the first one warms the disk's cache
            for model in models:
                for threads in (1, 2):
                    analyzer = AnalyzerConfig(model=str(model), device="cpu", threads=threads)
                    job = Job(input=str(clip), out=out, records=rows, overwrite=True)
                    done = run_job(replace(job, analyzer=analyzer), Interrupt())
                    frames = done.summary.frames
                    if turn:
                        took.setdefault((label(model), threads), []).append(done.elapsed_s)
    medians = [(*key, frames / statistics.median(times)) for key, times in took.items()]
    return table((f"whole command, {clip.name}", "threads of a network", "frames/s"), medians)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write Markdown; times with two decimals."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(
        f"| {' | '.join(f'{x:.2f}' if isinstance(x, float) else str(x) for x in line)} |\n"
        for line in lines
    )


if __name__ == "__main__":
    raise SystemExit(main())
