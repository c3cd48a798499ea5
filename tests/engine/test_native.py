"""What native libraries print themselves does not reach the terminal; what we say does."""

import os
import threading

import cv2
import pytest

from engine.command import run_command, say
from engine.native import hushed, silence_opencv
from engine.signals import LAST_WORDS


def test_native_lines_are_hushed(capfd):
    with hushed():
        os.write(2, b"a library\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"
    assert LAST_WORDS == [2]


def test_native_lines_are_hushed_until_the_last_thread_is_out(capfd):
    inside, out = threading.Event(), threading.Event()

    def other():
        with hushed():
            inside.set()
            out.wait(10)
            os.write(2, b"a library\n")

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(10)
    with hushed():
        pass
    os.write(LAST_WORDS[-1], b"last words\n")
    out.set()
    thread.join()
    assert capfd.readouterr().err == "last words\n"


def test_what_we_say_meanwhile_is_heard(capfd):
    def run(argv):
        with hushed():
            os.write(2, b"a library\n")
            say("fer-x", "warning: ours")

    assert run_command("fer-x", run, []) == 0
    assert capfd.readouterr().err == "fer-x: warning: ours\n"


def test_errors_come_through(capfd):
    with pytest.raises(ValueError, match="x"), hushed():
        raise ValueError("x")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_where_no_file_can_be_opened_nothing_changes(capfd, monkeypatch):
    def full(*_):
        raise OSError("too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(os, "dup", full)
        with hushed():
            os.write(2, b"heard\n")
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        with hushed():
            os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\nheard\n"


def test_opencv_says_nothing(capfd):
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_WARNING)
    cv2.imread("/none/a.png")
    assert "can't open" in capfd.readouterr().err  # else there is nothing to silence
    try:
        silence_opencv()
        cv2.imread("/none/a.png")
    finally:
        cv2.utils.logging.setLogLevel(level)
    assert capfd.readouterr().err == ""
