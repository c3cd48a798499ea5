"""What a run folder says of where its weights came from."""

import hashlib
import json
import subprocess
from dataclasses import dataclass

import pytest

from engine.errors import ConfigError, SourceError
from training import provenance
from training.provenance import commit, digest, pack_digests, write_provenance
from training.recipe import Recipe


@pytest.fixture
def pack(tmp_path):
    folder = tmp_path / "packs" / "ferplus"
    folder.mkdir(parents=True)
    (folder / "label.csv").write_text("a.png,1\n")
    (folder / "a.png").write_bytes(b"1234")
    return folder


@dataclass(frozen=True)
class Loop:
    steps: int = 3
    seed: int = 0
    sizes: tuple[int, ...] = (1, 2)
    workers: int = 1


def recipe(tmp_path, **tables):
    return Recipe("expression", tables, tmp_path / "packs", tmp_path / "cache", tmp_path / "run")


def write(recipe, loop=Loop(), packs=("ferplus",), files=()):
    write_provenance(recipe, {"loop": loop}, pack_digests(recipe, packs), files)


def test_run_folder_names_recipe_commit_data_and_weights(tmp_path, pack):
    weights = tmp_path / "start.safetensors"
    weights.write_bytes(b"weights")
    write(recipe(tmp_path, loop={"seed": 7}), Loop(seed=7), files=[weights])
    read = {
        name: json.loads((tmp_path / "run" / f"{name}.json").read_text())
        for name in ("recipe", "provenance")
    }
    loop = {"steps": 3, "seed": 7, "sizes": [1, 2], "workers": 1}
    assert read["recipe"] == {"task": "expression", "loop": loop}
    assert read["provenance"] == {
        "commit": commit(),
        "data": {"ferplus": digest(pack)},
        "files": {str(weights): hashlib.sha256(b"weights").hexdigest()},
    }


def test_missing_pack_is_a_source_error_and_leaves_no_recipe(tmp_path):
    with pytest.raises(SourceError, match="data pack scenes: neither"):
        write(recipe(tmp_path), packs=["scenes"])
    assert not (tmp_path / "run" / "recipe.json").exists()


def test_unknown_table_is_refused(tmp_path, pack):
    with pytest.raises(ConfigError, match="lop: unknown table; known here: loop"):
        write(recipe(tmp_path, lop={}))


def test_run_goes_on_with_its_recipe_only(tmp_path, pack):
    write(recipe(tmp_path))
    write(recipe(tmp_path), Loop(workers=8))  # on another machine, say
    with pytest.raises(ConfigError, match=r"another recipe \(loop\.steps was 3, is 4\)"):
        write(recipe(tmp_path), Loop(steps=4))


def test_run_from_before_a_setting_goes_on_with_its_default_only(tmp_path, pack):
    write(recipe(tmp_path))
    path = tmp_path / "run" / "recipe.json"
    content = json.loads(path.read_text())
    del content["loop"]["sizes"]
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"another recipe \(loop\.sizes was None, is \[3\]\)"):
        write(recipe(tmp_path), Loop(sizes=(3,)))
    write(recipe(tmp_path))
    assert json.loads(path.read_text())["loop"]["sizes"] == [1, 2]


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
