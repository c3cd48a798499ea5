"""What a command does with signals; real processes are in `tests/faults/test_signals.py`."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine import signals
from engine.command import run_command

ROOT = Path(__file__).parents[2]


def heard():
    return {number: signal.getsignal(number) for number in signals.heard()}


@pytest.mark.parametrize("number", signals.heard())
def test_every_signal_unwinds_a_command_and_is_one_line(capsys, number):
    unwound = []

    def run(_):
        try:
            signal.raise_signal(number)
        finally:
            unwound.append(True)

    assert run_command("fer-x", run, [], kept="nothing was kept") == 130
    assert capsys.readouterr().err == "fer-x: interrupted; nothing was kept\n"
    assert unwound == [True]


@pytest.mark.parametrize(
    "made", [ImportError("core failed"), SystemError(), ModuleNotFoundError("no", name="numpy")]
)
def test_whatever_a_library_makes_of_an_interruption_it_is_one(capsys, made):
    def run(_):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise made from None

    assert run_command("fer-x", run, []) == 130
    assert capsys.readouterr().err == "fer-x: interrupted\n"


def test_what_libraries_print_of_an_interruption_is_not_shown(capsys):
    """NumPy, interrupted while it is imported, prints a traceback from C, by way of the hook."""
    before = sys.excepthook

    def run(_):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            sys.excepthook(type(error), error, error.__traceback__)
            raise ImportError("numpy cannot be imported") from None

    assert run_command("fer-x", run, []) == 130
    assert capsys.readouterr().err == "fer-x: interrupted\n"
    assert sys.excepthook is before


def test_signal_in_a_thread_that_cannot_handle_it_changes_nothing(capsys):
    codes = []
    thread = threading.Thread(target=lambda: codes.append(run_command("fer-x", len, ["a"])))
    thread.start()
    thread.join()
    assert codes == [1]


def child(code):
    done = subprocess.run(
        [sys.executable, "-c", f"import os, signal, sys\nfrom engine import signals\n{code}"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_first_statement_loads_next_to_nothing():
    """What is imported before it is the time in which a signal is a traceback."""
    code, out, _ = child("print(*sys.modules)")
    bare = subprocess.run(
        [sys.executable, "-c", "import os, signal, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert code == 0
    assert set(out.split()) - set(bare) == {"engine", "engine.signals"}


def test_before_there_is_anything_to_unwind_it_ends_at_once():
    code, _, said = child(
        "sys.argv[0] = '/usr/bin/fer-x.exe'\nsignals.watch()\n"
        "try:\n  signal.raise_signal(signal.SIGTERM)\nfinally:\n  print('unwound')"
    )
    assert (code, said) == (130, "fer-x: interrupted\n")


UNFINISHED = """
from pathlib import Path
from engine.command import run_command
from engine.files import open_target
def run(words):
    place = open_target(Path(words[0]), endings=[".txt"], overwrite=True, growing=False)
    place.path.write_text("half")
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        again(place)
"""


def test_second_signal_ends_at_once_and_leaves_nothing(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    code, out, said = child(
        UNFINISHED + "def again(_):\n  signal.raise_signal(signal.SIGTERM)\n  print('still here')\n"
        f"run_command('fer-x', run, [{str(tmp_path / 'a.txt')!r}], kept='nothing was kept')"
    )
    assert (code, out) == (130, "")
    assert said == "fer-x: interrupted; unfinished files were removed\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_what_unwinding_forgot_is_removed(tmp_path):
    code, _, said = child(
        UNFINISHED + "def again(_): pass\n"
        f"sys.exit(run_command('fer-x', run, [{str(tmp_path / 'a.txt')!r}], kept='nothing'))"
    )
    assert (code, said) == (130, "fer-x: interrupted; nothing\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no forks")
def test_fork_dies_of_a_signal_and_touches_no_file_of_its_parent(tmp_path):
    code, out, said = child(
        UNFINISHED.replace("signal.raise_signal(signal.SIGINT)", "pass") + "def again(place):\n"
        "  process = os.fork()\n"
        "  if not process:\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
        "  _, status = os.waitpid(process, 0)\n"
        "  print(os.waitstatus_to_exitcode(status), place.path.read_text())\n"
        f"sys.exit(run_command('fer-x', run, [{str(tmp_path / 'a.txt')!r}]))"
    )
    assert (code, out, said) == (0, f"-{int(signal.SIGTERM)} half\n", "")


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="the system has no hang-up")
def test_what_nohup_ignores_stays_ignored():
    code, out, _ = child(
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nsignals.watch()\n"
        "signal.raise_signal(signal.SIGHUP)\nprint('still here')"
    )
    assert (code, out) == (0, "still here\n")


@pytest.mark.parametrize(("name", "ends"), [("fer-read", ""), ("other", "ended\n")])
def test_with_a_thread_left_behind_the_interpreter_is_not_unwound(name, ends):
    """A thread that comes back from C++ while the interpreter ends aborts the program."""
    code, out, _ = child(
        "import atexit, threading, time\natexit.register(print, 'ended')\n"
        f"threading.Thread(target=time.sleep, args=(60,), name={name!r}, daemon=True).start()\n"
        "print('done')\nsys.exit(signals.ended(3))"
    )
    assert (code, out) == (3, f"done\n{ends}")


def test_a_signal_while_torch_is_imported_ends_the_program_without_unwinding(tmp_path):
    """It aborts where an exception crosses its C++."""
    (tmp_path / "torch.py").write_text(
        "import os, signal\n"
        "try:\n    os.kill(os.getpid(), signal.SIGTERM)\n"
        "except BaseException:\n    print('unwound')\n    raise\n"
    )
    code = (
        "import sys; from engine.command import run_command\n"
        "def run(_):\n    import torch\n    return 0\n"
        "sys.exit(run_command('fer-x', run, []))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "fer-x: interrupted\n")
