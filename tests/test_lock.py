"""The locked set of dependencies: whole, for three systems, and in step with pyproject.toml."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SYSTEMS = {"Linux": "manylinux", "Windows": "win_amd64", "macOS": "macosx"}
PYPI = re.compile(r"https://(?:pypi\.org/simple|files\.pythonhosted\.org/packages/.*)")


@pytest.fixture(scope="module")
def packages():
    with (ROOT / "uv.lock").open("rb") as file:
        return [
            package for package in tomllib.load(file)["package"] if package["name"] != "fer-live"
        ]


@pytest.fixture(scope="module")
def project():
    return (ROOT / "pyproject.toml").read_text("utf-8")


def files(package):
    return [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]


def test_every_file_has_a_hash_and_is_the_public_index_s(packages):
    assert len(packages) > 100
    for package in packages:
        found = files(package)
        assert found, package["name"]
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]) for file in found), package
        for place in (package["source"]["registry"], *(file["url"] for file in found)):
            assert PYPI.fullmatch(place), place


def test_what_users_install_is_locked_for_three_systems(packages, project):
    table = tomllib.loads(project)["project"]
    asked = [*table["dependencies"]]
    for extra in ("app", "parquet", "train", "export", "bench"):
        asked += table["optional-dependencies"][extra]
    names = {re.match(r"[\w-]+", one).group().lower() for one in asked} - {"fer-live"}
    for name in names:
        wheels = [
            wheel["url"]
            for package in packages
            if package["name"] == name
            for wheel in package["wheels"]
        ]
        for system, tag in SYSTEMS.items():
            assert any(tag in wheel or "none-any" in wheel for wheel in wheels), (name, system)


def test_every_upper_bound_says_why(project):
    lines = project.splitlines()
    bounds = [index for index, line in enumerate(lines) if re.search(r'"[a-z][^"]*<\d', line)]
    assert len(bounds) >= 4
    for index in bounds:
        assert "#" in lines[index - 1] + lines[index], lines[index]


def test_torch_without_cuda_is_the_torch_of_the_lock(packages):
    (version,) = (package["version"] for package in packages if package["name"] == "torch")
    assert f"torch=={version}+cpu --hash=sha256:" in (ROOT / "scripts/torch-cpu.txt").read_text()


def locked(folder, *options):
    """What scripts/_venv gives pip, in a checkout of its own."""
    command = ["bash", "-c", 'source scripts/_venv; locked "$@"', "test", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "scripts").mkdir()
    for name in ("pyproject.toml", "uv.lock", "scripts/_venv"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def test_the_set_of_the_command_needs_no_training_and_no_window(checkout):
    done = locked(checkout)
    assert done.returncode == 0, done.stderr
    pinned = re.findall(r"^([\w.-]+)==", done.stdout, re.MULTILINE)
    assert {"av", "numpy", "onnxruntime", "pydantic"} <= set(pinned)
    assert {"torch", "pyqt6", "pytest"} & set(pinned) == set()
    assert done.stdout.count("--hash=sha256:") > len(pinned)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"rich>=13"', '"rich>=13", "tomli-w>=1"'),
        lambda text: text.replace('"rich>=13"', '"rich<13"'),
        lambda text: text.replace('    "rich>=13",\n', ""),
    ],
    ids=["one more", "another bound", "one less"],
)
def test_a_lock_that_does_not_fit_is_one_line(checkout, project, change):
    changed = change(project)
    assert changed != project
    (checkout / "pyproject.toml").write_text(changed)
    done = locked(checkout)
    assert done.returncode == 1
    assert "uv.lock: does not fit pyproject.toml" in done.stderr
    assert done.stdout == ""
