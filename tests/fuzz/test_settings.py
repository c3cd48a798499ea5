"""Damaged settings of the application."""

import tomllib
from pathlib import Path

import pytest

from app.settings.settings import Settings, as_toml, load_settings, save_settings

CASES = 30


@pytest.fixture(scope="module")
def tables():
    return tomllib.loads(as_toml(Settings(recording_folder=Path("/recordings"), theme="dark")))


def test_settings(case, tables):
    path = case.put("settings.toml", case.change.damaged_toml(case.rng, tables))
    settings = case.judge(lambda: load_settings(path))
    if settings is not None:  # what is accepted can be kept
        kept = case.folder / "kept.toml"
        save_settings(kept, settings)
        assert load_settings(kept) == settings
