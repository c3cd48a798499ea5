import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.settings.settings import Settings, save_settings
from app.window import desktop

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sauce", "x"], "--sauce"),
        (["--theme", "pink"], "pink"),
        (["--as-camera"], "--source FILE"),
        (["--as-camera", "--source", "0"], "needs a video file"),
    ],
)
def test_wrong_options_are_one_line_and_exit_code_2(capsys, tmp_path, arguments, words):
    arguments = [*arguments, "--settings", str(tmp_path / "settings.toml")]
    assert desktop.main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("fer-app: ")
    assert words in said
    assert said.count("\n") == 1


def test_a_broken_settings_file_is_named(capsys, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("[analysis]\ndetect_evry = 3\n")
    assert desktop.main(["--settings", str(path)]) == 2
    assert "analysis.detect_evry: unknown key" in capsys.readouterr().err


def test_the_version_is_printed_without_qt():
    code = (
        "import sys; from app.window.desktop import main; main(['--version']);"
        "print('PyQt6' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith("fer-app ")
    assert lines[-1] == "False"


def test_a_thread_that_hangs_does_not_hold_the_program(monkeypatch):
    left, hangs = [], threading.Event()
    monkeypatch.setattr(desktop.os, "_exit", left.append)
    monkeypatch.setattr(desktop.logging, "shutdown", lambda: None)
    thread = threading.Thread(target=hangs.wait, args=(10,), name="fer-capture", daemon=True)
    thread.start()
    desktop.leave_with(0)
    assert left == [0]
    hangs.set()
    thread.join()
    assert desktop.leave_with(3) == 3
    assert left == [0]


@pytest.mark.slow
def test_it_starts_shows_a_file_and_closes(tmp_path, make_clip):
    path = tmp_path / "settings.toml"
    save_settings(path, Settings(seen_privacy=True, recording_folder=tmp_path / "r"))
    code = f"""
from PyQt6 import sip
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication
from app.window import desktop
windows = []
execute = QApplication.exec
def closing(*_):
    def look():
        window = next(w for w in QApplication.topLevelWidgets() if hasattr(w, "runner"))
        if window.view.frame is not None:
            windows.append(window)
            print("shown", flush=True)
            window.close()
    QApplication.timer = QTimer()
    QApplication.timer.timeout.connect(look)
    QApplication.timer.start(20)
    return execute()
QApplication.exec = closing
code = desktop.main(["--settings", {str(path)!r}, "--source", {str(make_clip())!r}])
print("window freed" if sip.isdeleted(windows[0]) else "window still there")
raise SystemExit(code)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "shown" in done.stdout
    # Freed at the interpreter's end, it crashed in some of the runs.
    assert "window freed" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the system's language is set by LANGUAGE")
@pytest.mark.parametrize(
    ("system", "chosen", "title"),
    [("de", "system", "&Datei"), ("fr", "system", "&File"), ("en", "de", "&Datei")],
)
def test_it_speaks_the_language_of_the_system_or_the_settings(tmp_path, system, chosen, title):
    path = tmp_path / "settings.toml"
    save_settings(path, Settings(language=chosen, seen_privacy=True))
    code = """
import sys
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication
from app.window import desktop
def settle():
    window = next(w for w in QApplication.topLevelWidgets() if hasattr(w, "runner"))
    print(window.menuBar().actions()[0].text())
    QTimer.singleShot(0, window.close)
desktop.settle = settle
sys.exit(desktop.main(["--settings", sys.argv[1]]))
"""
    languages = {"LANGUAGE": system, "LC_ALL": "en_GB.UTF-8"}
    environment = {**os.environ, **languages, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [title]


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_to_the_open_window_is_one_line_and_exit_code_130(tmp_path, number):
    code = (
        "import os, signal, sys, threading\n"
        "from app.window import desktop\n"
        "settle = desktop.settle\n"
        "def opened():\n"
        "    settle()\n"
        f"    threading.Timer(0.3, os.kill, (os.getpid(), signal.{number})).start()\n"
        "desktop.settle = opened\n"
        "sys.exit(desktop.main(['--settings', sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "settings.toml")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr.splitlines()[-1:]) == (130, ["fer-app: interrupted"])
