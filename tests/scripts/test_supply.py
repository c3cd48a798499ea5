"""Licences and the bill of materials: nothing unknown, and nothing that the GPL does not allow."""

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from scripts import supply

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of its own, whose lock has three packages."""
    names = ("numpy", "pyqt6", "surely-unknown")
    packages = (f'[[package]]\nname = "{name}"\nversion = "1"\n' for name in names)
    (tmp_path / "uv.lock").write_text("\n".join(packages))
    monkeypatch.setattr(supply, "ROOT", tmp_path)
    return tmp_path


def test_every_licence_is_known_and_fits_the_gpl(capsys):
    code = supply.main(["licences"])
    printed = capsys.readouterr()
    assert (code, printed.err) == (0, "")
    assert re.search(r"\| pyqt6 \| 6\S+ \| GPL-3.0-only \|", printed.out)
    assert "x264" in printed.out


def test_an_unknown_licence_fails(project, capsys):
    assert supply.main(["licences"]) == 1
    assert capsys.readouterr().err == "supply: surely-unknown: licence unknown: read it\n"


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
        ("Apache-2.0 OR BSD-2-Clause", True),
        ("MIT AND SSPL-1.0", False),
        ("GPL-2.0-only", False),
        ("BSD-4-Clause", False),
        ("Other/Proprietary License", False),
        ("", False),
    ],
)
def test_what_fits_the_gpl(said, fits):
    assert supply.compatible(said) is fits


def test_only_the_parts_for_nvidia_need_what_is_not_free():
    asked = ["--extra=app", "--extra=parquet", "--extra=lsl", "--extra=bench", "--extra=mediapipe"]
    options = ["--locked", "--offline", "--quiet", "--no-emit-project", "--no-hashes"]
    names = re.findall(r"^([\w.-]+)==", supply.uv("export", *options, *asked), re.MULTILINE)
    assert {"av", "pyqt6", "onnx"} <= set(names)
    assert [name for name in names if supply.NVIDIA.fullmatch(name)] == []


def test_wheels_with_libraries_inside_are_named():
    inside = set()
    for name in supply.packages():
        try:
            files = metadata.files(name) or ()
        except metadata.PackageNotFoundError:
            continue
        if any(re.search(r"\.libs/|\.dylibs/|/lib/lib[^/]+\.so", str(file)) for file in files):
            inside.add(name)
    assert {"av", "pyqt6-qt6"} <= inside
    assert inside - set(supply.NATIVES) == set()


def test_the_bill_of_materials_has_every_package_of_the_lock(tmp_path):
    path = tmp_path / "sbom.json"
    assert supply.main(["sbom", str(path)]) == 0
    bill = json.loads(path.read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    components = {component["name"]: component for component in bill["components"]}
    with (ROOT / "uv.lock").open("rb") as file:
        names = {package["name"] for package in tomllib.load(file)["package"]}
    assert set(components) == names - {"fer-live"}
    assert components["pyqt6"]["licenses"] == [{"license": {"name": "GPL-3.0-only"}}]
    assert "FFmpeg" in {part["name"] for part in components["av"]["components"]}
    hashes = components["av"]["externalReferences"][0]["hashes"]
    assert [one["alg"] for one in hashes] == ["SHA-256"]
