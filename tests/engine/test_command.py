"""The front of every command: each console script, and each policy of the front on its own."""

import importlib
import inspect
import io
import json
import logging
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from engine import command
from engine.command import (
    Parser,
    add_data_options,
    count,
    libraries,
    one_of,
    run_command,
    several,
    whole_number,
)
from engine.errors import ConfigError, FerError, ModelError, SinkError, SourceError
from engine.networks import runtime

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SCRIPTS = {**PROJECT["scripts"], **PROJECT["gui-scripts"]}
# For each command: arguments that are right, a library that they need, how to install that.
NEEDS = {
    "fer-video": (["assets/demo.mp4", "--records", "OUT/rows.csv"], "av", "fer-live"),
    "fer-app": (["--settings", "OUT/settings.toml"], "PyQt6", "'fer-live[app]'"),
    "fer-data": (["check", "jaffe", "OUT"], "cv2", "fer-live"),
    "fer-train": (["training/recipes/detector.toml"], "torch", "'fer-live[train]'"),
    "fer-eval": (["OUT"], "torch", "'fer-live[train]'"),
    "fer-report": (["OUT"], "torch", "'fer-live[train]'"),
    "fer-grid": (["training/grids/adaface.toml", "--out", "OUT"], "torch", "'fer-live[train]'"),
    "fer-export": (["OUT"], "onnx", "'fer-live[export]'"),
    "fer-bench": (["--parts", "networks", "--out", "-"], "onnx", "'fer-live[bench]'"),
}
# Runs one command several times in a process of its own, in which importing WATCHED does what
# ACT says; each time prints the exit code and what was said.
CHILD = """
import contextlib, importlib, io, json, signal, sys

module, function, watched, several = json.loads(sys.argv[1])
act = ""

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == watched and act == "lack":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name.partition(".")[0] == watched and act == "interrupt":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Watch())
main = getattr(importlib.import_module(module), function)
for act, arguments in several:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""


def answered(program, asked, limit_s):
    """Ask a program in a Python of its own; give what each of its lines says, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(asked)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def child(target, watched, *several):
    module, _, function = target.partition(":")
    return answered(CHILD, [module, function, watched, several], limit_s=120)


def test_every_script_is_tried():
    assert SCRIPTS.keys() == NEEDS.keys()


@pytest.mark.parametrize("script", list(SCRIPTS))
def test_every_script_has_the_same_manners(script, tmp_path):
    words, library, wanted = NEEDS[script]
    words = [word.replace("OUT", str(tmp_path)) for word in words]
    version, usage, wrong, lacking, interrupted = child(
        SCRIPTS[script],
        library,
        ("", ["--version"]),
        ("", ["--help"]),
        ("", [*words, "--no-such-option"]),
        ("lack", words),
        ("interrupt", words),
    )
    assert (version[0], version[2]) == (0, "")
    assert version[1].startswith(f"{script} {PROJECT['version']}\n")
    assert (usage[0], usage[2]) == (0, "")
    assert usage[1].startswith(f"usage: {script} ")
    said = f"{script}: unrecognized arguments: --no-such-option; see {script} --help\n"
    assert wrong == [2, "", said]
    assert lacking[:2] == [2, ""]
    *progress, said = lacking[2].splitlines()
    assert said == f"{script}: {library}: not installed; pip install {wanted}"
    assert [line for line in progress if " run 1 of " not in line] == []  # fer-grid has begun
    assert interrupted[:2] == [130, ""]
    assert f"{script}: interrupted" in interrupted[2]
    assert "Traceback" not in interrupted[2]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", SCRIPTS.values())
def test_every_command_runs_as_a_module(target):
    entry, _, function = target.partition(":")
    source = inspect.getsource(getattr(importlib.import_module(entry), function))
    done = subprocess.run(
        [sys.executable, "-m", re.search(r"from (\S+) import main", source)[1], "--no-such-option"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("fer-")
    assert done.stderr.count("\n") == 1


# Starts modules as `python -m` does, in forks of a process that has the libraries which take long
# to import, and none of ours. For each module and option: the exit code and what was said.
FORKS = """
import json, os, runpy, sys, tempfile, traceback

import av, cv2, lightning_fabric, matplotlib.pyplot, onnx, PyQt6.QtWidgets, pyqtgraph
import sklearn.metrics, torch

for module, option in json.loads(sys.argv[1]):
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(said.fileno(), 2)
            sys.argv[:] = [module, option]
            code = 99
            try:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            except SystemExit as left:
                code = left.code
            except BaseException:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(code)  # to take torch down again would cost a second
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        print(json.dumps([code, said.read().decode()]), flush=True)
"""
MODULES = (
    "export.detector_recall",
    "training.data.template",
    "training.data.teacher_labels",
    "scripts.benches.plot",
    "scripts.benches.review",
    "scripts.benches.sizes",
    "scripts.benches.soft",
    "scripts.benches.blur",
    "scripts.benches.full_size",
    "scripts.benches.pictures",
    "scripts.benches.window",
    "scripts.benches.frontier",
    "scripts.benches.int8_trials",
)


@pytest.fixture(scope="module")
def answers():
    """What each of MODULES says to ``--version`` and to a wrong option, with its exit code."""
    asked = [(module, option) for module in MODULES for option in ("--version", "--no-such-option")]
    said = answered(FORKS, asked, limit_s=240)
    return {each: tuple(answer) for each, answer in zip(asked, said, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_commands_without_a_script_have_the_same_front(module, answers):
    for option, code, lines in (("--version", 0, 0), ("--no-such-option", 2, 1)):
        left, said = answers[module, option]
        assert (left, said.count("\n")) == (code, lines), said
    assert said.endswith(" --help\n")


def test_detector_recall_names_the_library_it_lacks(tmp_path):
    (lacking,) = child("export.detector_recall:main", "torch", ("lack", ["--data", str(tmp_path)]))
    said = "detector_recall: torch: not installed; pip install 'fer-live[train]'\n"
    assert lacking == [2, "", said]


def parsed(argv, **settings):
    """Run a small command whose parser has a subcommand."""

    def run(words):
        parse = Parser(prog="fer-x", version=libraries("numpy", "no-such-thing"))
        commands = parse.add_subparsers(required=True)
        commands.add_parser("check").add_argument("--much", type=count)
        parse.parse_args(words)

    return run_command("fer-x", run, argv, **settings)


def raised(error, **settings):
    def run(_):
        raise error

    return run_command("fer-x", run, [], **settings)


def test_wrong_option_of_a_subcommand_names_its_help(capsys):
    assert parsed(["check", "--much", "0"]) == 2
    assert capsys.readouterr().err == (
        "fer-x: argument --much: '0' is no number from 1 on, up to a million; "
        "see fer-x check --help\n"
    )
    assert parsed([]) == 2
    assert capsys.readouterr().err.endswith("; see fer-x --help\n")


def test_options_are_not_shortened(capsys):
    assert parsed(["check", "--mu", "1"]) == 2
    assert "--mu" in capsys.readouterr().err


def test_version_lists_libraries_there_or_not(capsys):
    import numpy as np

    assert parsed(["--version"]) == 0
    said = capsys.readouterr().out
    assert said == f"fer-x {PROJECT['version']}\nnumpy {np.__version__}, no no-such-thing\n"


@pytest.mark.parametrize("error", [FerError, ConfigError, SourceError, ModelError, SinkError])
def test_error_is_one_line_and_its_own_code(capsys, error):
    assert raised(error("a.mp4: broken\n  in two lines")) == error.exit_code
    assert capsys.readouterr().err == "fer-x: a.mp4: broken in two lines\n"


def test_result_of_the_command_is_the_exit_code():
    assert run_command("fer-x", lambda _: None, []) == 0
    assert run_command("fer-x", lambda _: 7, []) == 7
    assert run_command("fer-x", len, ["a", "b"]) == 2


def test_arguments_are_those_of_the_process_unless_given(monkeypatch):
    monkeypatch.setattr(command.sys, "argv", ["fer-x", "a", "b", "c"])
    assert run_command("fer-x", len, None) == 3


def test_interruption_says_what_is_kept(capsys):
    assert raised(KeyboardInterrupt()) == 130
    assert raised(KeyboardInterrupt(), kept="nothing was kept") == 130
    assert capsys.readouterr().err == ("fer-x: interrupted\nfer-x: interrupted; nothing was kept\n")


def test_bug_is_a_traceback_and_one_line(capsys):
    assert raised(IndexError("off by one")) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1] == (
        "fer-x: internal error: IndexError: off by one; please report the lines above"
    )


@pytest.mark.parametrize("name", ["engine.nowhere", "tomllib.nowhere", None])
def test_missing_module_of_ours_or_of_python_is_a_bug(capsys, name):
    assert raised(ModuleNotFoundError("gone", name=name), extra="train") == 1
    assert "internal error: ModuleNotFoundError" in capsys.readouterr().err


def test_exit_of_a_library_is_passed_on():
    with pytest.raises(SystemExit, match="3"):
        raised(SystemExit(3))


def logs(_):
    log = logging.getLogger("engine.somewhere")
    log.debug("detail")
    log.info("progress")
    log.warning("strange\nthing")
    try:
        int("cause")
    except ValueError:
        log.exception("thread failed")


def test_warnings_are_lines_and_failures_of_threads_have_tracebacks(capsys):
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    assert run_command("fer-x", logs, []) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "fer-x: warning: strange thing"
    assert lines[1].startswith("Traceback")
    assert lines[-2:] == [
        "ValueError: invalid literal for int() with base 10: 'cause'",
        "fer-x: error: thread failed",
    ]
    assert (root.level, root.handlers) == before


def test_progress_is_shown_where_a_command_asks_for_it(capsys):
    assert run_command("fer-x", logs, [], info="%(name)s: %(message)s") == 0
    assert capsys.readouterr().err.startswith(
        "engine.somewhere: progress\nfer-x: warning: strange thing\n"
    )
    logging.getLogger("engine.somewhere").info("later")
    assert capsys.readouterr().err == ""


def test_data_and_cache_lie_in_the_working_directory_by_default():
    parse = Parser(prog="fer-x")
    add_data_options(parse)
    options = parse.parse_args([])
    assert (options.data, options.cache) == (Path("data"), Path("cache"))


def test_values_between_commas_count_once():
    assert several(count)("2, 1,2") == (2, 1)
    assert several(one_of(("a", "b")))("b") == ("b",)


ODD = [
    "\u0660",
    "1_0",
    "\uff11",
    "²",
    " 1",
    "1 ",
    "1x",
    "",
    "0x1",
    "nan",
    "inf",
    "1e999",
    "9" * 5000,
]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("kind", [int, float, count, whole_number, several(count)])
def test_numbers_are_decimal_digits_and_nothing_else(capsys, text, kind):
    """Python would take other scripts' digits, ``1_0`` and blanks."""
    if kind not in (int, float, count, whole_number):
        text = f"1,{text.strip() or 'x'}x"  # between commas; blanks beside them are allowed

    def run(words):
        parse = Parser(prog="fer-x")
        group = parse.add_argument_group("numbers")
        group.add_argument("--much", type=kind)
        parse.parse_args(words)

    assert run_command("fer-x", run, ["--much", text]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-x: argument --much: ")
    assert len(line) < 250


def test_ordinary_numbers_are_read():
    parse = Parser(prog="fer-x")
    parse.add_argument("--whole", type=int)
    parse.add_argument("--part", type=float)
    options = parse.parse_args(["--whole", "-12", "--part", "-0.015"])
    assert (options.whole, options.part) == (-12, -0.015)


def test_an_empty_path_is_not_the_current_folder(capsys):
    def run(words):
        commands = Parser(prog="fer-x").add_subparsers(required=True)
        commands.add_parser("check").add_argument("--out", type=Path)
        commands.choices["check"].parse_args(words)

    assert run_command("fer-x", run, ["--out", ""]) == 2
    said = "fer-x: argument --out: is empty; is a variable unset?; see fer-x check --help\n"
    assert capsys.readouterr().err == said


def test_devices_are_the_runtimes():
    assert command.DEVICES == runtime.DEVICES


VIDEO = f"{sys.executable} -m app.command.cli assets/demo.mp4 --duration 0.1 --records"


@pytest.mark.skipif(os.name != "posix", reason="the shell of other systems")
def test_closed_stderr_and_a_reader_who_leaves_change_nothing(tmp_path):
    """As services run it, and as ``| head`` does."""
    rows = tmp_path / "rows.csv"
    closed = subprocess.run(f"{VIDEO} {rows} 2>&-", shell=True, cwd=ROOT, check=False)
    assert closed.returncode == 0
    assert rows.stat().st_size > 0
    pipe = f"{VIDEO} {rows} --overwrite --json | true; exit ${{PIPESTATUS[0]}}"
    left = subprocess.run(
        ["bash", "-c", pipe], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False
    )
    assert left.returncode == command.NO_READER
    assert "Traceback" not in left.stderr
    assert "BrokenPipe" not in left.stderr


def test_a_name_that_the_system_does_not_take_is_one_line(capsys):
    def run(argv):
        Path(argv[0]).exists()

    assert run_command("fer-x", run, ["x" * 300]) == 2
    assert capsys.readouterr().err == f"fer-x: {'x' * 300}: File name too long\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("where", [">/dev/full", ">&-", "| true"])
def test_an_error_is_said_alone_where_results_cannot_be(where):
    """Python would add what it thinks of the stream, and end with 120."""
    code = (
        "import sys; from engine.command import run_command; from engine.errors import ModelError\n"
        "def run(_): print('half'); raise ModelError('no model')\n"
        "sys.exit(run_command('fer-x', run, []))"
    )
    shell = f'{sys.executable} -c "$0" {where}; exit ${{PIPESTATUS[0]}}'
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        ["bash", "-c", shell, code],
        cwd=ROOT,
        env=buffered,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (4, "fer-x: no model\n")


def test_what_the_terminal_has_no_characters_for_is_shown_nevertheless(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert run_command("fer-x", lambda _: sys.stdout.write("Émile: ≥ 1\n") and 0, []) == 0
    assert out.buffer.getvalue() == b"\\xc9mile: \\u2265 1\n"
