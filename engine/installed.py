"""Which packages are installed, found without loading them.

It imports the standard library alone, as `engine.command` does.
"""

from collections.abc import Iterable
from importlib import metadata


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
