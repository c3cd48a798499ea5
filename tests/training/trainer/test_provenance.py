"""What a run folder says of where its weights came from."""

import hashlib
import json
from dataclasses import dataclass

import pytest

from engine.errors import ConfigError, ModelError, SinkError, SourceError
from engine.installed import commit
from training.data.packs import digest, pack_digests
from training.trainer import loop, provenance
from training.trainer.provenance import write_provenance
from training.trainer.recipe import Recipe


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
    minutes: float = 5.0


def recipe(tmp_path, **tables):
    return Recipe("expression", tables, tmp_path / "packs", tmp_path / "cache", tmp_path / "run")


def write(recipe, loop=Loop(), packs=("ferplus",), files=()):
    write_provenance(recipe, {"loop": loop}, pack_digests(packs, recipe.data, recipe.cache), files)


def test_run_folder_names_recipe_commit_data_and_weights(tmp_path, pack):
    weights = tmp_path / "start.safetensors"
    weights.write_bytes(b"weights")
    write(recipe(tmp_path, loop={"seed": 7}), Loop(seed=7), files=[weights])
    read = {
        name: json.loads((tmp_path / "run" / f"{name}.json").read_text())
        for name in ("recipe", "provenance")
    }
    loop = {"steps": 3, "seed": 7, "sizes": [1, 2], "workers": 1, "minutes": 5.0}
    assert read["recipe"] == {"task": "expression", "loop": loop}
    assert read["provenance"] == {
        "commits": [commit()],
        "data": {"ferplus": digest(pack)},
        "files": {str(weights): hashlib.sha256(b"weights").hexdigest()},
    }


def test_missing_pack_is_a_source_error_and_leaves_no_recipe(tmp_path):
    with pytest.raises(SourceError, match="data pack scenes: neither"):
        write(recipe(tmp_path), packs=["scenes"])
    assert not (tmp_path / "run" / "recipe.json").exists()


@pytest.fixture
def begun(tmp_path, pack):
    """Give a run folder with a checkpoint, begun at the commit ``one``."""
    weights = tmp_path / "start.safetensors"
    weights.write_bytes(b"weights")
    write(recipe(tmp_path), files=[weights])
    folder = tmp_path / "run"
    said = source_of(folder) | {"commits": ["one"]}
    (folder / "provenance.json").write_text(json.dumps(said))
    (folder / loop.CHECKPOINT).touch()
    return folder


def source_of(folder):
    return json.loads((folder / "provenance.json").read_text())


def go_on(begun):
    root = begun.parent
    write(recipe(root), files=[root / "start.safetensors"])


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("packs/ferplus/label.csv", r"of other data \(ferplus was \w{16}, is \w{16}\)"),
        ("start.safetensors", r"from other weights \(.*start\.safetensors was \w{16}, is \w{16}\)"),
    ],
)
def test_run_goes_on_with_its_data_and_weights_only(begun, tmp_path, name, says, ended):
    if ended:
        (begun / loop.MODEL).touch()
    before = (begun / "provenance.json").read_bytes()
    (tmp_path / name).write_bytes(b"changed")
    with pytest.raises(ConfigError, match=rf"run: holds a run {says}; choose another --out"):
        go_on(begun)
    assert (begun / "provenance.json").read_bytes() == before


def test_commits_that_train_on_are_added_once(begun, monkeypatch):
    for now in ("one", "two", "two"):
        monkeypatch.setattr(provenance, "commit", lambda now=now: now)
        go_on(begun)
    assert source_of(begun)["commits"] == ["one", "two"]


def test_commit_that_finds_the_run_ended_is_not_added(begun):
    (begun / loop.MODEL).touch()
    go_on(begun)
    assert source_of(begun)["commits"] == ["one"]


def test_run_that_never_got_to_a_checkpoint_begins_anew(begun, pack):
    (begun / loop.CHECKPOINT).unlink()
    (pack / "label.csv").write_text("a.png,2\n")
    go_on(begun)
    assert source_of(begun)["commits"] == [commit()]
    assert source_of(begun)["data"] == {"ferplus": digest(pack)}


def test_run_that_named_its_single_commit_goes_on(begun):
    now = source_of(begun)
    before = {"commit": "one", "data": now["data"], "files": now["files"]}
    (begun / "provenance.json").write_text(json.dumps(before))
    go_on(begun)
    assert source_of(begun) == now | {"commits": ["one", commit()]}


def test_labels_may_be_moved(tmp_path):
    tables = {"loop": Loop()}
    write_provenance(recipe(tmp_path), tables, {"train": "/here/label.csv 12"})
    (tmp_path / "run" / loop.CHECKPOINT).touch()
    write_provenance(recipe(tmp_path), tables, {"train": "/there too/label.csv 12"})
    with pytest.raises(ConfigError, match=r"other data \(train was 12, is 13\)"):
        write_provenance(recipe(tmp_path), tables, {"train": "/here/label.csv 13"})


@pytest.mark.parametrize("name", ["recipe", "provenance"])
@pytest.mark.parametrize("content", [b"", b"[]", b"\xff"])
def test_damaged_run_folder_is_named(begun, name, content):
    (begun / f"{name}.json").write_bytes(content)
    with pytest.raises(ModelError, match=rf"{name}\.json: .*; choose another --out or remove"):
        go_on(begun)


def test_folder_that_cannot_be_written_is_named(tmp_path, pack):
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(SinkError, match=r"run/recipe\.json: cannot be written: "):
        write(recipe(tmp_path))


def test_weights_that_are_not_there_are_named(tmp_path, pack):
    with pytest.raises(ModelError, match=r"none\.safetensors: cannot be read: No such file"):
        write(recipe(tmp_path), files=[tmp_path / "none.safetensors"])


def test_trainer_keeps_its_files_under_the_names_looked_for():
    assert (provenance.CHECKPOINT, provenance.MODEL) == (loop.CHECKPOINT, loop.MODEL)


def test_run_goes_on_with_its_recipe_only(tmp_path, pack):
    write(recipe(tmp_path))
    write(recipe(tmp_path), Loop(workers=8, minutes=1.0))  # on another machine, say
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
