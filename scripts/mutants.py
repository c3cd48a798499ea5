"""Break the engine on purpose, one place at a time, and see whether a test notices.

    python -m scripts.mutants results.jsonl --count 400 --seed 0
    python -m scripts.mutants results.jsonl --again      # the survivors, after new tests

It works on a copy of the checkout and goes on where an earlier run with the same file ended. Each
mutant meets the tests of its own module first, then the rest of those that may reach it. Needs
Linux: every mutant is tested in a fork of a process that has imported the heavy packages.
docs/testing.md says how to read the result, and why this is no mutmut.
"""

import argparse
import ast
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PLACES: Final = ("engine/faces", "engine/reading", "engine/pipeline.py")
# Where a module's own tests do not have its name.
TESTS: Final = {"detectors": "detection"}
REACH: Final = ("tests/engine/faces", "tests/engine/reading", "tests/engine/test_pipeline.py")
LAST: Final = ("tests/engine/test_analyze.py", "tests/e2e/test_upgrade_and_keep_the_rows.py")
HEAVY: Final = ("cv2", "hypothesis.extra.numpy", "onnx", "onnxruntime", "pytest", "torch")
IMPORTED: Final = "ignore::pytest.PytestAssertRewriteWarning"  # that comes of HEAVY
CPU_S: Final = 90  # of a test run; an endless loop ends here
WALL_S: Final = 240  # what waits for ever ends here

Swap = dict[type[ast.AST], tuple[type[ast.AST], ...]]
COMPARISONS: Final[Swap] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: Final[Swap] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.MatMult: (ast.Mult,),
}
NAMES: Final = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}
NAMES |= {"any": "all", "all": "any", "floor": "ceil"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module.

    Attributes:
        path: Of the module, from the root.
        line: 1-based.
        start: Offset of what is replaced, bytes of the file.
        end: Where it ends.
        text: What takes its place.
        was: What was there.
    """

    path: str
    line: int
    start: int
    end: int
    text: str
    was: str


def mutants_of(path: Path) -> list[Mutant]:
    """Give every mutant of a module, in the order of its lines."""
    source = (ROOT / path).read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node, changed in _changes(ast.parse(source)):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)
        text = ast.unparse(changed)
        if isinstance(changed, ast.expr) and not isinstance(changed, ast.Constant | ast.Name):
            text = f"({text})"
        was = source[start:end].decode()
        found.append(Mutant(str(path), node.lineno, start, end, text, was))
    return sorted(set(found), key=lambda m: (m.start, m.end, m.text))


def _changes(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, ast.AST]]:
    """Give places with what may stand there; types, decorators, log lines and messages are left."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.expr | ast.stmt):
            yield from ((node, changed) for changed in _instead(node))
        waiting += _inside(node)


def _inside(node: ast.AST) -> list[ast.AST]:
    skipped: set[str] = {"annotation", "returns", "decorator_list", "bases"}
    if isinstance(node, ast.Raise | ast.JoinedStr) or _is_log(node):
        return []
    if isinstance(node, ast.Assign) and _is_type(node.value):
        return []
    parts: list[ast.AST] = []
    for name, value in ast.iter_fields(node):
        if name not in skipped:
            several = value if isinstance(value, list) else [value]
            parts += [part for part in several if isinstance(part, ast.AST)]
    return parts


def _is_log(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).startswith("log.")
    )


def _is_type(value: ast.expr) -> bool:
    """Tell whether an assigned value is a type, such as an alias."""
    return isinstance(value, ast.Subscript) and ast.unparse(value.value)[:1].isupper()


def _instead(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    """Give what may take a node's place."""
    if isinstance(node, ast.Compare):
        for index, op in enumerate(node.ops):
            for other in COMPARISONS.get(type(op), ()):
                ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
                yield ast.Compare(node.left, ops, node.comparators)
    elif isinstance(node, ast.BinOp):
        for other in ARITHMETIC.get(type(node.op), ()):
            yield ast.BinOp(node.left, other(), node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield node.operand
    elif isinstance(node, ast.Constant):
        yield from (ast.Constant(value) for value in _numbers(node.value))
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Name) and node.id in NAMES:
        yield ast.Name(NAMES[node.id])
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield ast.Attribute(node.value, NAMES[node.attr])
    elif isinstance(node, ast.Call) and _is_foreign(node.func):
        for index in range(len(node.keywords)):
            keywords = [*node.keywords[:index], *node.keywords[index + 1 :]]
            yield ast.Call(node.func, node.args, keywords)
    else:
        yield from _other_statements(node)


def _is_foreign(function: ast.expr) -> bool:
    """Tell whether a called function may do without a keyword; our own mostly raise TypeError."""
    return (
        isinstance(function, ast.Attribute)
        and function.attr.islower()
        and not ast.unparse(function).startswith("self.")
    )


def _numbers(value: object) -> list[object]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    return [1.25 * value if value else 1.0] if isinstance(value, float) else []


def _other_statements(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    if isinstance(node, ast.Break):
        yield ast.Continue()
    elif isinstance(node, ast.Continue):
        yield ast.Break()
    elif isinstance(node, ast.Return) and node.value is not None:
        if not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Call) and not _is_log(node):
            yield ast.Pass()
    elif isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name | ast.Tuple):
        yield ast.Pass()


def sample(count: int, seed: int) -> list[Mutant]:
    """Choose mutants of all modules by chance; the same for the same code and seed."""
    files = [ROOT / place for place in PLACES]
    paths = [path for file in files for path in (sorted(file.glob("*.py")) or [file])]
    every = [mutant for path in paths for mutant in mutants_of(path.relative_to(ROOT))]
    return random.Random(seed).sample(every, min(count, len(every)))


def copied(folder: Path) -> None:
    """Copy what git knows, and new files, into a folder."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def tests_of(path: str) -> tuple[list[str], list[str]]:
    """Give a module's own tests, and the others that may reach it."""
    name = Path(path).stem
    own = Path("tests") / Path(path).parent / f"test_{TESTS.get(name, name)}.py"
    return [str(own)], [*REACH, f"--deselect={own}", *LAST]


def passes(tests: Sequence[str]) -> bool:
    """Run tests in a fork, quietly; False where one fails or the time is over."""
    child = os.fork()
    if child == 0:
        _test(tests)
    ends = time.monotonic() + WALL_S
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _test(tests: Sequence[str]) -> None:
    """Run tests and end this process with their result."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    code = 3
    with contextlib.suppress(BaseException):
        import hypothesis
        import pytest

        # A busy machine is no test's failure, and chance none of a mutant's.
        hypothesis.settings.register_profile(
            "mutants", deadline=None, derandomize=True, database=None, print_blob=False
        )
        hypothesis.settings.load_profile("mutants")
        options = ["-x", "-q", "-p", "no:cacheprovider", "-W", IMPORTED]
        code = int(pytest.main([*options, *tests]))
    os._exit(code)


def test(mutant: Mutant, folder: Path) -> str:
    """Say who noticed a mutant: ``own`` tests, ``others``, or ``nobody``."""
    path = folder / mutant.path
    source = path.read_bytes()
    path.write_bytes(source[: mutant.start] + mutant.text.encode() + source[mutant.end :])
    try:
        own, others = tests_of(mutant.path)
        if not passes(own):
            return "own"
        return "nobody" if passes(others) else "others"
    finally:
        path.write_bytes(source)


def read(results: Path) -> dict[Mutant, str]:
    """Read the results so far, the latest of each mutant."""
    lines = results.read_text().splitlines() if results.is_file() else []
    rows = [json.loads(line) for line in lines]
    return {Mutant(**row["mutant"]): row["noticed"] for row in rows}


def main(argv: Sequence[str] | None = None) -> int:
    """Test mutants and print the result; return the exit code."""
    parse = argparse.ArgumentParser(prog="python -m scripts.mutants")
    parse.add_argument("results", type=Path, help="JSON lines; kept and gone on with")
    parse.add_argument("--count", type=int, default=400, help="of the sample (400)")
    parse.add_argument("--seed", type=int, default=0, help="of the sample (0)")
    parse.add_argument("--again", action="store_true", help="test only those nobody noticed")
    options = parse.parse_args(argv)
    done = read(options.results)
    if options.again:
        wanted = [mutant for mutant, noticed in done.items() if noticed == "nobody"]
    else:
        wanted = [m for m in sample(options.count, options.seed) if m not in done]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copied(folder)
        _prepare(folder)
        with options.results.open("a") as file:
            for mutant in wanted:
                done[mutant] = test(mutant, folder)
                row = {"mutant": asdict(mutant), "noticed": done[mutant]}
                file.write(json.dumps(row) + "\n")
                file.flush()
    sys.stdout.write(table(done) + "\n")
    return 0


def _prepare(folder: Path) -> None:
    """Import what is heavy, and see that the tests pass as they are."""
    os.chdir(folder)
    sys.path[:] = [str(folder), *(place for place in sys.path if place not in ("", str(ROOT)))]
    for package in HEAVY:
        with contextlib.suppress(ImportError):
            __import__(package)
    if not passes([*REACH, *LAST]):
        raise SystemExit("the tests fail as they are")
    sys.dont_write_bytecode = True  # else a mutant's could be taken for another's


def table(done: dict[Mutant, str]) -> str:
    """Give the result by module as Markdown, and the mutants nobody noticed."""
    counts = Counter((mutant.path, noticed) for mutant, noticed in done.items())
    rows = ["| module | mutants | own tests | others | nobody |", "| --- | --- | --- | --- | --- |"]
    for path in sorted({mutant.path for mutant in done}):
        numbers = [counts[path, noticed] for noticed in ("own", "others", "nobody")]
        rows.append(f"| `{path}` | {sum(numbers)} | " + " | ".join(map(str, numbers)) + " |")
    left = [mutant for mutant, noticed in done.items() if noticed == "nobody"]
    rows += ["", *(f"{m.path}:{m.line}: {m.was!r} -> {m.text!r}" for m in left)]
    return "\n".join(rows)


if __name__ == "__main__":
    raise SystemExit(main())
