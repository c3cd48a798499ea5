"""Say what the program is made of: `python -m scripts.supply licences|sbom FILE|audit`.

Packages and versions are those of uv.lock, licences what the installed packages say of themselves.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from uv import find_uv_bin

ROOT = Path(__file__).resolve().parents[1]
PIP_AUDIT = "pip-audit==2.10.1"

# As packages spell them; https://www.gnu.org/licenses/license-list.html#GPLCompatibleLicenses
COMPATIBLE = frozenset(
    {
        *(
            "0BSD",
            "BSD",
            "BSD License",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "3-Clause BSD License",
            "FreeBSD",
        ),
        *("Apache 2.0", "Apache Software License", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"),
        *("BSL-1.0", "CC0-1.0", "ISC License (ISCL)", "Unlicense", "Zlib"),
        *("GPL-3.0-only", "GPL-3.0-or-later", "LGPL v3"),
        *("MIT", "MIT License", "MIT-0", "MIT-CMU"),
        *("MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)"),
        *("PSF-2.0", "Python Software Foundation License"),
    }
)

# Of packages that say nothing of use, or that `dev` does not install on Linux.
LICENCES = {
    "appnope": "BSD-2-Clause",
    "certifi": "MPL-2.0",
    "cffi": "MIT-0",
    "cuda-core": "Apache-2.0",
    "cuda-python": "Apache-2.0",
    "httpx2-jsfetch": "BSD-3-Clause",
    "onnxruntime-gpu": "MIT",
    "pycparser": "BSD-3-Clause",
    "pympi-ling": "MIT",
    "python-osc": "Unlicense",
    "sounddevice": "MIT",
    "triton": "MIT",
}

# Not free. Only `gpu`, `tensorrt` and torch's build for CUDA ask for them, and the tests for the
# bindings; whoever passes such an installation on has to look at NVIDIA's terms.
NVIDIA = re.compile(r"nvidia-.*|tensorrt.*|cuda-toolkit")
NVIDIA_LICENCE = "NVIDIA, proprietary"

# Libraries inside wheels, which no metadata names.
NATIVES = {
    "av": {
        "FFmpeg": "LGPL-3.0-or-later",
        "x264, x265": "GPL-2.0-or-later",
        "GnuTLS, Nettle, GMP, libunistring": "LGPL-3.0-or-later",
        "LAME, ALSA": "LGPL-2.1-or-later",
        "SVT-AV1, libvpx, dav1d, Opus, libwebp": "BSD-3-Clause",
        "OpenCORE AMR": "Apache-2.0",
        "libvpl, libdrm, libxcb": "MIT",
    },
    "numpy": {"OpenBLAS": "BSD-3-Clause", "libgfortran": "GPL-3.0 WITH GCC-exception-3.1"},
    "onnxruntime": {"ONNX Runtime with Eigen, protobuf, MLAS": "MIT, MPL-2.0, BSD-3-Clause"},
    "opencv-python-headless": {
        "OpenCV": "Apache-2.0",
        "FFmpeg": "LGPL-2.1-or-later",
        "OpenSSL 1.1.1": "OpenSSL",
        "libvpx, libaom, libavif, libpng": "BSD-3-Clause, BSD-2-Clause, libpng-2.0",
        "OpenBLAS": "BSD-3-Clause",
    },
    "pillow": {
        "libjpeg-turbo, libwebp, libavif, OpenJPEG": "IJG, BSD-3-Clause, BSD-2-Clause",
        "libtiff, libpng, zlib, Zstandard, Brotli": "libtiff, libpng-2.0, Zlib, BSD-3-Clause, MIT",
        "FreeType, HarfBuzz, Little CMS": "FTL, MIT",
        "liblzma": "0BSD",
    },
    "pillow-heif": {
        "libheif, libde265": "LGPL-3.0-or-later",
        "x265": "GPL-2.0-or-later",
    },
    "pylsl": {"liblsl": "MIT"},
    "pyqt6-qt6": {"Qt 6": "LGPL-3.0-only", "FFmpeg": "LGPL-2.1-or-later", "ICU": "Unicode-3.0"},
    "pyzmq": {"libzmq": "MPL-2.0", "libsodium": "ISC"},
    "scikit-learn": {"libgomp": "GPL-3.0 WITH GCC-exception-3.1"},
    "scipy": {"OpenBLAS": "BSD-3-Clause", "libgfortran": "GPL-3.0 WITH GCC-exception-3.1"},
    "torch": {
        "PyTorch with oneDNN, protobuf": "BSD-3-Clause, Apache-2.0",
        "libgomp": "GPL-3.0 WITH GCC-exception-3.1",
    },
    "torchvision": {
        "libjpeg-turbo, libpng, libwebp": "IJG, libpng-2.0, BSD-3-Clause",
        "CUDA runtime, nvJPEG": NVIDIA_LICENCE,
    },
}


def packages() -> dict[str, str]:
    """Give the packages of the lock with their versions, some of which depend on the Python."""
    versions: dict[str, list[str]] = {}
    with (ROOT / "uv.lock").open("rb") as file:
        for package in tomllib.load(file)["package"]:
            versions.setdefault(package["name"], []).append(package["version"])
    return {name: ", ".join(found) for name, found in versions.items()}


def licence(name: str) -> str:
    """Give a package's licence as it says it; empty where nobody says."""
    if NVIDIA.fullmatch(name):
        return NVIDIA_LICENCE
    if name in LICENCES:
        return LICENCES[name]
    try:
        said = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    classes = [
        one.split(" :: ")[-1] for one in said.get_all("Classifier") or () if "License" in one
    ]
    (expression, *_), (line, *_) = (
        said.get_all(key) or [""] for key in ("License-Expression", "License")
    )
    return expression or " AND ".join(classes) or line.partition("\n")[0]


def compatible(said: str) -> bool:
    """Say whether every licence that is named may be combined with the GPL, version 3."""
    return said == NVIDIA_LICENCE or set(re.split(" AND | OR ", said)) <= COMPATIBLE


def print_licences() -> int:
    """Print the list; return 1 where a licence is unknown or does not fit."""
    print("| package | version | licence | libraries inside |\n| --- | --- | --- | --- |")
    found = {name: licence(name) for name in packages()}
    for name, version in packages().items():
        inside = "; ".join(
            f"{library} ({terms})" for library, terms in NATIVES.get(name, {}).items()
        )
        print(f"| {name} | {version} | {found[name]} | {inside} |")
    wrong = [name for name, said in found.items() if not compatible(said)]
    for name in wrong:
        print(f"supply: {name}: licence {found[name] or 'unknown'}: read it", file=sys.stderr)
    return int(bool(wrong))


def uv(*arguments: str) -> str:
    """Give what uv prints."""
    command = [find_uv_bin(), "--project", str(ROOT), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def write_sbom(path: Path) -> int:
    """Write the lock as CycloneDX 1.5, with licences and the libraries inside of wheels."""
    chosen = ("--all-extras", "--all-groups", "--locked", "--offline", "--quiet")
    bill: dict[str, Any] = json.loads(
        uv("export", *chosen, "--preview-features=sbom-export", "--format=cyclonedx1.5")
    )
    bill["metadata"]["component"]["licenses"] = _licences("GPL-3.0-or-later")
    for component in bill["components"]:
        name = component["name"]
        component["licenses"] = _licences(licence(name) or "unknown")
        if name in NATIVES:
            component["components"] = [
                {"type": "library", "name": library, "licenses": _licences(terms)}
                for library, terms in NATIVES[name].items()
            ]
    path.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
    return 0


def _licences(text: str) -> list[dict[str, dict[str, str]]]:
    return [{"license": {"name": text}}]


def audit() -> int:
    """Ask PyPI's advisories about every package of the lock; needs the network."""
    chosen = ("--all-extras", "--all-groups", "--no-emit-project", "--locked", "--quiet")
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text(uv("export", *chosen, "--format=requirements.txt"), encoding="utf-8")
        tool = [find_uv_bin(), "tool", "run", "--from", PIP_AUDIT, "pip-audit"]
        command = [*tool, "--strict", "--disable-pip", "--require-hashes", "-r", str(pinned)]
        return subprocess.run(command, check=False).returncode


def main(argv: Sequence[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m scripts.supply", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("licences", help="print every package's licence as a table")
    commands.add_parser("sbom", help="write a bill of materials").add_argument("file", type=Path)
    commands.add_parser("audit", help="look for known vulnerabilities (needs the network)")
    options = parser.parse_args(argv)
    if options.command == "sbom":
        return write_sbom(options.file)
    return audit() if options.command == "audit" else print_licences()


if __name__ == "__main__":
    raise SystemExit(main())
