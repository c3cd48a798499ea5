"""What the computer has run out of, in one line, whatever library says so."""

import errno
import resource

import cv2
import numpy as np
import pytest

from engine import shortage as module
from engine.command import Parser, run_command
from engine.errors import ShortageError, SourceError
from engine.shortage import imports, shortage


def caused(cause):
    error = ValueError("something else")
    error.__cause__ = cause
    return error


def opencv():
    try:
        cv2.copyMakeBorder(np.zeros((1, 1), np.uint8), 0, 2**30, 0, 2**30, cv2.BORDER_CONSTANT)
    except cv2.error as error:
        return error
    pytest.skip("a million terabytes are there")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory"),
        (np.linalg.LinAlgError("bad allocation"), "not enough memory"),
        (ImportError("libx.so: failed to map segment from shared object"), "not enough memory"),
        (OSError(errno.ENOMEM, "x"), "not enough memory"),
        (RuntimeError("can't start new thread"), "no more threads can be started"),
        (OSError(errno.EMFILE, "x"), "too many open files"),
        (ImportError("libx.so: cannot open: Too many open files"), "too many open files"),
        (caused(MemoryError()), "not enough memory"),
    ],
)
def test_shortage_is_told(error, words):
    told = shortage(error)
    assert isinstance(told, ShortageError)
    assert str(told).startswith(f"{words}; ")
    assert told.exit_code == 6


def test_shortage_of_opencv_is_told():
    assert str(shortage(opencv())).startswith("not enough memory; ")


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), KeyError("a"), OSError(errno.ENOENT, "x"), caused(SourceError("bad_alloc"))],
)
def test_other_errors_are_none(error):
    assert shortage(error) is None


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")])
def test_command_ends_in_one_line_and_code_6(capsys, error):
    def run(argv):
        raise error

    assert run_command("fer-x", run, []) == 6
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-x: n")


def test_command_that_has_no_memory_to_say_so_says_so(capfd, monkeypatch):
    def fails(*_):
        raise MemoryError

    monkeypatch.setattr("engine.command._unexpected", fails)
    monkeypatch.setattr("sys.argv", ["fer-x"])
    assert run_command("fer-x", lambda argv: 1 // 0, []) == 6
    assert capfd.readouterr().err == "fer-x: not enough memory\n"


def test_imports_that_do_not_fit_end_in_one_line(capfd, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/bin/fer-x"])
    with pytest.raises(SystemExit) as end, imports():
        raise ImportError("libx.so: failed to map segment from shared object")
    assert end.value.code == 6
    assert capfd.readouterr().err.startswith("fer-x: not enough memory; ")
    with pytest.raises(ImportError, match="no such"), imports():
        raise ImportError("no such module")


def test_too_little_memory_is_told_before_libraries_crash(monkeypatch, capsys):
    def run(argv):
        Parser(prog="fer-x").parse_args(argv)
        raise AssertionError("goes on")

    limits = (400 << 20, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda which: limits)
    assert run_command("fer-x", run, []) == 6
    said = "fer-x: not enough memory: 400 MiB are allowed (ulimit -v), 640 are needed\n"
    assert capsys.readouterr().err == said
    assert run_command("fer-x", run, ["--help"]) == 0  # needs none


def test_error_that_c_code_lost_is_a_shortage_where_there_is_a_limit(monkeypatch):
    lost = SystemError("error return without exception set")
    assert shortage(lost) is None
    monkeypatch.setattr(module, "_limited", lambda: 2**30)
    assert shortage(lost) is not None
