"""Versions of what is installed."""

from importlib import metadata

from engine.installed import versions_of


def test_what_is_not_installed_is_left_out():
    assert versions_of(["numpy", "no-such-package"]) == {"numpy": metadata.version("numpy")}
