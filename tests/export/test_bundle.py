"""Bundles as they are written, and read again by the engine."""

import hashlib
import json
import shutil
import zipfile

import pytest

from engine.assets import asset_path
from engine.errors import ConfigError, ModelError, SinkError
from engine.networks.bundle import open_bundle
from engine.networks.manifest import load_manifest
from export.bundle import write_bundle

NETWORKS = ("fer-detector", "landmark-net", "poster-rt")


@pytest.fixture
def loose(tmp_path):
    """A folder of one's own with the shipped networks."""
    folder = tmp_path / "loose"
    folder.mkdir()
    for name in NETWORKS:
        for suffix in (".onnx", ".json"):
            shutil.copyfile(asset_path(f"{name}{suffix}"), folder / f"{name}{suffix}")
    return folder


def test_bundle_is_read_back_as_it_was(tmp_path):
    out = tmp_path / "new" / "all.fer"
    write_bundle(asset_path("poster-rt.onnx"), out)
    assert [path.name for path in out.parent.iterdir()] == ["all.fer"]
    bundle = open_bundle(out, tmp_path)
    for path in (bundle.detector, bundle.landmarks, bundle.expression):
        assert load_manifest(path).sha256 == load_manifest(asset_path(path.name)).sha256
        beside = path.with_suffix(".json")
        assert beside.read_bytes() == asset_path(beside.name).read_bytes()


def test_same_networks_make_the_same_bytes(tmp_path, loose):
    for name in NETWORKS:
        (loose / f"{name}.onnx").touch()  # another day
    write_bundle(asset_path("poster-rt.onnx"), tmp_path / "a.fer")
    write_bundle(loose / "poster-rt.onnx", tmp_path / "b.fer", loose / "fer-detector.onnx")
    assert (tmp_path / "a.fer").read_bytes() == (tmp_path / "b.fer").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.fer") as archive:
        infos = archive.infolist()
    assert [info.filename for info in infos] == sorted(info.filename for info in infos)
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}


def test_detector_of_ones_own_goes_in(tmp_path, loose):
    for suffix in (".onnx", ".json"):
        (loose / f"fer-detector{suffix}").rename(loose / f"mine{suffix}")
    write_bundle(loose / "poster-rt.onnx", tmp_path / "a.fer", loose / "mine.onnx")
    assert open_bundle(tmp_path / "a.fer", tmp_path).detector.name == "mine.onnx"


def change(path, **changes):
    beside = path.with_suffix(".json")
    beside.write_text(json.dumps({**json.loads(beside.read_text()), **changes}))


def test_damaged_network_leaves_nothing(tmp_path, loose):
    (loose / "landmark-net.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"landmark-net\.onnx: sha256 is"):
        write_bundle(loose / "poster-rt.onnx", tmp_path / "a.fer")
    assert [path.name for path in tmp_path.iterdir()] == ["loose"]


def test_earlier_bundle_outlives_a_failure(tmp_path, loose):
    write_bundle(loose / "poster-rt.onnx", tmp_path / "a.fer")
    before = hashlib.sha256((tmp_path / "a.fer").read_bytes()).hexdigest()
    change(loose / "poster-rt.onnx", kind="detector")
    with pytest.raises(ModelError, match="is a network of kind detector, not expression"):
        write_bundle(loose / "poster-rt.onnx", tmp_path / "a.fer")
    assert hashlib.sha256((tmp_path / "a.fer").read_bytes()).hexdigest() == before


@pytest.mark.parametrize(
    ("name", "kind"),
    [("fer-detector", "landmarks"), ("landmark-net", "detector")],
)
def test_network_of_another_kind_is_refused(tmp_path, loose, name, kind):
    change(loose / f"{name}.onnx", kind=kind)
    with pytest.raises(ModelError, match=rf"{name}\.onnx: is a network of kind {kind}"):
        write_bundle(loose / "poster-rt.onnx", tmp_path / "a.fer", loose / "fer-detector.onnx")


def test_two_networks_of_one_name_are_refused(tmp_path, loose):
    other = tmp_path / "other"
    other.mkdir()
    for suffix in (".onnx", ".json"):
        shutil.copyfile(loose / f"fer-detector{suffix}", other / f"Poster-RT{suffix}")
    with pytest.raises(ConfigError, match="two have the same file name; rename one"):
        write_bundle(loose / "poster-rt.onnx", tmp_path / "a.fer", other / "Poster-RT.onnx")


def test_name_that_is_none_everywhere_is_refused(tmp_path, loose):
    for suffix in (".onnx", ".json"):
        (loose / f"fer-detector{suffix}").rename(loose / f"my: net{suffix}")
    with pytest.raises(ConfigError, match=r"my: net\.onnx: rename it: letters, digits"):
        write_bundle(loose / "poster-rt.onnx", tmp_path / "a.fer", loose / "my: net.onnx")


def test_other_ending_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"a\.zip: a bundle's name ends in \.fer"):
        write_bundle(asset_path("poster-rt.onnx"), tmp_path / "a.zip")


def test_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match=r"a\.fer: cannot be written"):
        write_bundle(asset_path("poster-rt.onnx"), tmp_path / "file" / "a.fer")
