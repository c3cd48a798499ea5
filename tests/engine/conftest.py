"""What tests of the engine share."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def full_disk(monkeypatch) -> None:
    """Let every file that is newly made be on a device that is always full."""
    create = os.open

    def on_full_disk(path, flags, *rest, **more):
        if not flags & os.O_EXCL:
            return create(path, flags, *rest, **more)
        Path(path).symlink_to("/dev/full")
        return create(path, os.O_WRONLY)

    monkeypatch.setattr(os, "open", on_full_disk)
