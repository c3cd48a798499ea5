import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.window import desktop, qt_needs

ROOT = Path(__file__).parents[3]
# What Qt 6.11 says before it ends the process, with no X server and with no libxcb-cursor0.
UNREACHABLE = "could not connect to display :77"
CURSOR = "From 6.5.0, xcb-cursor0 or libxcb-cursor0 is needed to load the Qt xcb platform plugin."
FATAL = "This application failed to start because no Qt platform plugin could be initialized.\n\n"


def test_a_missing_system_library_is_named_with_its_package(monkeypatch, capsys):
    # What Python's import of PyQt6.QtWidgets says on a Debian without libegl1.
    error = ImportError("libEGL.so.1: cannot open shared object file: No such file or directory")

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "PyQt6.QtWidgets":
                raise error

    for name in [name for name in sys.modules if name.startswith("PyQt6")]:
        monkeypatch.delitem(sys.modules, name)
    import PyQt6

    monkeypatch.delattr(PyQt6, "QtWidgets", raising=False)
    monkeypatch.setitem(sys.modules, "pyqtgraph", object())
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    monkeypatch.setattr(qt_needs, "missing_libraries", lambda: ["libxcb-cursor.so.0"])
    assert desktop.main([]) == 2
    said = capsys.readouterr().err
    assert "apt install libegl1 libxcb-cursor0" in said
    assert said.count("\n") == 1


def test_the_libraries_a_window_lacks_are_named_together():
    lacking = ["libxcb-cursor.so.0", "libxcb-icccm.so.4"]
    reason = qt_needs.why_no_window([CURSOR, FATAL], lacking, {"DISPLAY": ":0"})
    assert "libxcb-cursor.so.0, libxcb-icccm.so.4 missing" in reason
    assert reason.endswith("apt install libxcb-cursor0 libxcb-icccm4")


def test_a_display_that_does_not_answer_is_named():
    said = [UNREACHABLE, CURSOR, FATAL]
    assert "display :77 does not answer" in qt_needs.why_no_window(said, [], {"DISPLAY": ":77"})
    assert "DISPLAY is not set" in qt_needs.why_no_window(said, [], {})


def test_what_is_not_understood_is_passed_on_in_one_line():
    reason = qt_needs.why_no_window(["first\nsecond", FATAL], [], {"DISPLAY": ":0"})
    assert "first second This application failed to start" in reason
    assert "\n" not in reason


def test_only_what_cannot_be_loaded_is_missing(monkeypatch):
    monkeypatch.setattr(qt_needs.sys, "platform", "linux")
    monkeypatch.setattr(qt_needs, "LIBRARIES", {"libc.so.6": "libc6", "libnone.so.1": "none"})
    assert qt_needs.missing_libraries() == ["libnone.so.1"]
    monkeypatch.setattr(qt_needs.sys, "platform", "darwin")
    assert qt_needs.missing_libraries() == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
@pytest.mark.parametrize(
    ("environment", "words"),
    [
        # A library that this system lacks is named first, so either line is right.
        ({}, ("DISPLAY is not set", "apt install")),
        ({"QT_QPA_PLATFORM": "nonsense"}, ("no Qt platform 'nonsense'",)),
    ],
)
def test_without_a_screen_it_says_one_line_and_does_not_abort(tmp_path, environment, words):
    away = {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
    kept = {key: value for key, value in os.environ.items() if key not in away}
    done = subprocess.run(
        [sys.executable, "-m", "app.window.desktop", "--settings", str(tmp_path / "settings.toml")],
        env={**kept, **environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("fer-app: no window can be opened: ")
    assert any(word in done.stderr for word in words)
    assert done.stderr.count("\n") == 1
