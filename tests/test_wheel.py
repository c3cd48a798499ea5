"""The wheel: what is in it, and that it runs where nothing else of ours can be found."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True, text=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment with the wheel and, without any download, this one's dependencies.

    The path file makes this environment's packages importable, but not its path files, so the
    editable checkout stays out of sight. `.ci/run` installs the dependencies for real.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    scheme = "nt" if sys.platform == "win32" else "posix_prefix"
    paths = sysconfig.get_paths(scheme, vars={"base": str(folder), "platbase": str(folder)})
    programs, site = Path(paths["scripts"]), Path(paths["purelib"])
    pip = [str(programs / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return programs


def run(program, *arguments, cwd):
    command = [str(program), *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_wheel_holds_the_five_packages_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert top == {"fer_live", "app", "engine", "training", "export"}
    assert {"fer_live/py.typed", "engine/py.typed"} <= set(names)
    assert "engine/_assets/demo.mp4" in names
    assert {f"engine/_assets/translations/fer_{name}.qm" for name in ("de", "en")} <= set(names)
    models = {name for name in names if name.endswith(".onnx")}
    assert "engine/_assets/poster-rt.onnx" in models
    assert {model.replace(".onnx", ".json") for model in models} <= set(names)
    assert [name for name in names if "__pycache__" in name or "/." in name] == []
    metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
    text = zipfile.ZipFile(wheel).read(metadata).decode()
    assert "License-Expression: GPL-3.0-or-later" in text
    assert "Classifier: Private :: Do Not Upload" in text


@pytest.mark.slow
def test_the_same_sources_make_the_same_wheel(wheel, tmp_path):
    """Byte for byte: from the source archive, so with other times, elsewhere, with another mask."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, str(ROOT)]
    environment = os.environ | {"TZ": "Asia/Kolkata"}
    mask = {} if sys.platform == "win32" else {"umask": 0o077}
    subprocess.run(command, env=environment, check=True, capture_output=True, text=True, **mask)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


@pytest.mark.slow
def test_wheel_runs_from_an_empty_environment(installed, tmp_path):
    where = run(installed / "python", "-c", "import engine; print(engine.__file__)", cwd=tmp_path)
    assert str(installed.parent) in where.stdout, where.stderr
    version = run(installed / "fer-video", "--version", cwd=tmp_path)
    assert version.stdout.startswith("fer-video "), version.stderr
    find = "from engine.assets import asset_path; print(asset_path('demo.mp4'))"
    demo = run(installed / "python", "-c", find, cwd=tmp_path).stdout.strip()
    outputs = ["--out", "out.mp4", "--records", "rows.csv", "--json", "--duration", "1"]
    done = run(installed / "fer-video", demo, *outputs, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] == 25
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.mp4",
        "rows.csv",
        "rows.csv.json",
    ]
    code = """
import fer_live
from engine.assets import asset_path
print(fer_live.__file__, len(fer_live.analyze(asset_path("portrait.jpg"))), fer_live.__version__)
"""
    front = run(installed / "python", "-c", code, cwd=tmp_path)
    assert str(installed.parent) in front.stdout, front.stderr
    assert front.stdout.split()[1] == "1"
