"""Versions of what is installed."""

import subprocess
from importlib import metadata

import pytest

from engine.installed import commit, versions_of


def test_what_is_not_installed_is_left_out():
    assert versions_of(["numpy", "no-such-package"]) == {"numpy": metadata.version("numpy")}


@pytest.mark.parametrize(
    "error", [FileNotFoundError("git"), subprocess.CalledProcessError(128, "git")]
)
def test_commit_is_unknown_without_git(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    assert commit() == "unknown"
