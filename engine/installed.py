"""Which packages are installed, found without loading them, and which commit this is.

It imports the standard library alone, as `engine.command` does.
"""

import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
_DESCRIBE: Final = ("describe", "--always", "--abbrev=40", "--dirty", "--exclude", "*")


def versions_of(names: Iterable[str]) -> dict[str, str]:
    """Give the versions of distributions; one that is not installed is left out.

    That may be an extra, the other build of ONNX Runtime, or fer-live itself in a bare checkout.
    """
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Give the checkout's commit, with ``-dirty`` where files differ; ``unknown`` outside of one.

    An environment may lie inside somebody else's checkout.
    """
    if not (ROOT / ".git").exists() or not (ROOT / "pyproject.toml").is_file():
        return "unknown"
    git = ["git", "-C", str(ROOT)]
    try:
        done = subprocess.run([*git, *_DESCRIBE], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
