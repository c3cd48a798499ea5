"""What importing costs and who may import whom."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

SWITCH = "ORT_DISABLE_TELEMETRY"
ROOT = Path(__file__).parents[1]
ENGINE = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "engine").rglob("*.py")
    if path.stem != "__init__"
)


def run_python(code):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop(SWITCH, None)  # this process may have set it
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_engine_pulls_neither_torch_nor_qt_and_starts_nothing():
    code = f"""
import os, sys, threading, warnings
os.environ[{SWITCH!r}] = "1"  # the one variable that the engine sets
import av, cv2, numpy, onnxruntime, pydantic  # these set filters and variables of their own
environment, filters = dict(os.environ), warnings.filters[:]
for name in {ENGINE!r}:
    __import__(name)
print(sorted({{name.split(".")[0] for name in sys.modules}} & {{"torch", "PyQt6", "app"}}))
print(threading.active_count())
print(filters == warnings.filters and environment == dict(os.environ))
"""
    assert run_python(code) == ["[]", "1", "True"]


def test_engine_alone_imports_nothing_heavy():
    heavy = '{"numpy", "cv2", "av", "onnxruntime", "torch"}'
    assert run_python(f"import engine, sys; print(*(set(sys.modules) & {heavy}))") == []


def test_command_line_module_imports_nothing_heavy():
    heavy = '{"numpy", "cv2", "av", "onnxruntime", "torch", "rich"}'
    assert run_python(f"import app.command.cli, sys; print(*(set(sys.modules) & {heavy}))") == []


def test_import_contracts_hold():
    # In a process of its own: import-linter disables every logger there is.
    code = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_only_one_opencv_is_installed():
    from importlib import metadata

    names = {dist.metadata["Name"].lower() for dist in metadata.distributions()}
    assert {name for name in names if name.startswith("opencv")} == {"opencv-python-headless"}


def test_no_test_folder_hides_a_package():
    assert list((ROOT / "tests").rglob("__init__.py")) == []
    for name in ("fer_live", "app", "engine", "training", "export"):
        assert Path(importlib.util.find_spec(name).origin).is_relative_to(ROOT)
