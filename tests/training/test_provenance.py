"""What a run folder says of where its weights came from."""

import hashlib
import json
import subprocess

import pytest

from engine.errors import SourceError
from training import provenance
from training.provenance import commit, digest, write_provenance
from training.recipe import Recipe


@pytest.fixture
def pack(tmp_path):
    folder = tmp_path / "packs" / "ferplus"
    folder.mkdir(parents=True)
    (folder / "label.csv").write_text("a.png,1\n")
    (folder / "a.png").write_bytes(b"1234")
    return folder


def recipe(tmp_path):
    tables = {"loop": {"steps": 3, "seed": 7}}
    return Recipe("expression", tables, tmp_path / "packs", tmp_path / "cache", tmp_path / "run")


def test_run_folder_names_recipe_commit_data_and_weights(tmp_path, pack):
    weights = tmp_path / "start.safetensors"
    weights.write_bytes(b"weights")
    write_provenance(recipe(tmp_path), ("ferplus",), [weights])
    read = {
        name: json.loads((tmp_path / "run" / f"{name}.json").read_text())
        for name in ("recipe", "provenance")
    }
    assert read["recipe"] == {"task": "expression", "loop": {"steps": 3, "seed": 7}}
    assert read["provenance"] == {
        "commit": commit(),
        "data": {"ferplus": digest(pack)},
        "files": {str(weights): hashlib.sha256(b"weights").hexdigest()},
    }


def test_missing_pack_is_a_source_error_and_leaves_no_recipe(tmp_path):
    with pytest.raises(SourceError, match="data pack scenes: neither"):
        write_provenance(recipe(tmp_path), ("scenes",))
    assert not (tmp_path / "run" / "recipe.json").exists()


def test_digest_sees_labels_names_and_sizes_but_no_place(tmp_path, pack):
    before = digest(pack)
    pack.rename(tmp_path / "moved")
    moved = tmp_path / "moved"
    assert digest(moved) == before
    (moved / "label.csv").write_text("a.png,2\n")
    changed = {before, digest(moved)}
    (moved / "a.png").write_bytes(b"12345")
    changed.add(digest(moved))
    (moved / "a.png").rename(moved / "b.png")
    changed.add(digest(moved))
    assert len(changed) == 4


@pytest.mark.parametrize(
    "error", [FileNotFoundError("git"), subprocess.CalledProcessError(128, "git")]
)
def test_commit_is_unknown_outside_a_checkout(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(provenance.subprocess, "run", fail)
    assert commit() == "unknown"
