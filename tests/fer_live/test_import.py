"""What `import fer_live` costs, and what is behind it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fer_live

ROOT = Path(__file__).parents[2]


def run_python(code):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_import_takes_less_than_three_tenths_of_a_second():
    code = "import time; t = time.perf_counter(); import fer_live; print(time.perf_counter() - t)"
    assert min(float(run_python(code)[0]) for _ in range(3)) < 0.3


def test_import_brings_nothing_heavy():
    heavy = '{"numpy", "cv2", "av", "onnxruntime", "torch", "PyQt6", "pyarrow", "rich", "engine"}'
    assert run_python(f"import fer_live, sys; print(*(set(sys.modules) & {heavy}))") == []


def test_no_name_brings_torch_or_qt_or_starts_a_thread():
    code = """
import sys, threading
import fer_live
for name in fer_live.__all__:
    getattr(fer_live, name)
print(*(set(sys.modules) & {"torch", "PyQt6", "pyqtgraph", "training", "export", "app.window"}))
print(threading.active_count())
"""
    assert run_python(code) == ["1"]


def test_names_are_a_dozen_at_most_and_all_there():
    assert len(fer_live.__all__) <= 12
    assert set(fer_live.__all__) <= set(dir(fer_live))
    for name in fer_live.__all__:
        assert getattr(fer_live, name).__doc__, name


def test_star_import_gives_the_names():
    names = run_python("from fer_live import *; print(*sorted(n for n in dir() if n[0] != '_'))")
    assert names == sorted(fer_live.__all__)


def test_every_error_is_a_fer_error_and_the_engines_own():
    from engine import errors

    for name in ("ConfigError", "SourceError", "ModelError", "SinkError"):
        assert issubclass(getattr(fer_live, name), fer_live.FerError)
        assert getattr(fer_live, name) is getattr(errors, name)


def test_version_is_the_installed_one():
    from importlib.metadata import version

    assert fer_live.__version__ == version("fer-live")


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'fer_live' has no attribute 'analyse'"):
        _ = fer_live.analyse
