"""Nothing but this module imports ONNX Runtime, and its telemetry is off by then."""

import os
import subprocess
import sys

import pytest

from engine.networks import ort


def run(code, **environment):
    clean = {key: value for key, value in os.environ.items() if key not in (ort.SWITCH, "CI")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.strip()


def test_telemetry_is_off_before_the_import():
    code = (
        "import os, sys, importlib.abc\n"
        "class Watch(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'onnxruntime':\n"
        "            print(os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
        "sys.meta_path.insert(0, Watch())\n"
        "import engine.analyze\n"
    )
    assert run(code) == ("1", "")


def test_a_value_of_the_users_own_stays():
    code = "import os, engine.networks.ort; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert run(code, ORT_DISABLE_TELEMETRY="0") == ("0", "")


@pytest.mark.parametrize(
    ("system", "value", "said"),
    [("win32", "1", "off"), ("win32", "0", ""), ("linux", "1", "")],
)
def test_on_windows_events_to_the_system_are_switched_off_too(tmp_path, system, value, said):
    fake = (
        "class Anything:\n"
        "    def __getattr__(self, name):\n        return self\n"
        "    def __call__(self, *given):\n        return self\n"
        "def __getattr__(name):\n    return Anything()\n"
        "def disable_telemetry_events():\n    print('off')\n"
    )
    (tmp_path / "onnxruntime.py").write_text(fake)
    code = (
        f"import sys; sys.platform = {system!r}; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import engine.networks.ort"
    )
    assert run(code, ORT_DISABLE_TELEMETRY=value) == (said, "")


def test_an_import_that_came_before_is_warned_of_once():
    code = "import onnxruntime, engine.networks.ort, engine.networks.runtime"
    said = run(code)[1]
    assert said == (
        "onnxruntime was imported before fer-live could switch its telemetry off; "
        "set ORT_DISABLE_TELEMETRY=1"
    )
    assert run(code, ORT_DISABLE_TELEMETRY="1") == ("", "")


@pytest.mark.parametrize("module", ["engine.mailbox", "engine.types", "engine.video.opening"])
def test_what_needs_no_network_does_not_import_it(module):
    code = f"import sys, {module}; print('onnxruntime' in sys.modules)"
    assert run(code)[0] == "False"
