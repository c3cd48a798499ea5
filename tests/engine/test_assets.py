"""Bundled files: in the wheel's folder, else in the checkout's."""

import pytest

import engine.assets
from engine.assets import asset_path
from engine.errors import ModelError


def test_wheels_folder_comes_before_the_checkouts(monkeypatch, tmp_path):
    monkeypatch.setattr(engine.assets, "__file__", str(tmp_path / "engine" / "assets.py"))
    checkout, wheel = tmp_path / "assets", tmp_path / "engine" / "_assets"
    for folder in (checkout, wheel):
        folder.mkdir(parents=True)
        (folder / "a.onnx").touch()
    assert asset_path("a.onnx") == wheel / "a.onnx"
    (wheel / "a.onnx").unlink()
    assert asset_path("a.onnx") == checkout / "a.onnx"


def test_missing_asset_says_what_to_do():
    with pytest.raises(ModelError, match="asset none: not in this installation; reinstall"):
        asset_path("none")
