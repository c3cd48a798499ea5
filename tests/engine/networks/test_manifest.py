"""Manifests that fit their file, and those that do not."""

import hashlib
import json

import pytest

import engine.networks.manifest
from engine.errors import ModelError
from engine.networks.manifest import REQUIRED, load_manifest

DATA = {
    "name": "tiny",
    "kind": "expression",
    "architecture": "none",
    "opset": 18,
    "commit": "unknown",
    "licence": "CC0-1.0",
    "metrics": {},
    "input": {"size": 112},
}


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(b"bytes of a network")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps({**DATA, "sha256": sha256}))
    return path


def test_manifest_is_read_and_checked(model):
    manifest = load_manifest(model)
    assert (manifest.path, manifest.name, manifest.kind) == (model, "tiny", "expression")
    assert manifest.sha256 == hashlib.sha256(b"bytes of a network").hexdigest()
    assert manifest.value("input.size") == 112


def test_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx: no such model file"):
        load_manifest(tmp_path / "none.onnx")


def test_missing_manifest_is_named(model):
    model.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match=r"tiny\.json: the model's manifest cannot be read: .*"):
        load_manifest(model)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b""])
def test_malformed_manifest_is_named(model, content):
    model.with_suffix(".json").write_bytes(content)
    with pytest.raises(ModelError, match=r"tiny\.json: the model's manifest cannot be read"):
        load_manifest(model)


@pytest.mark.parametrize("content", ["[]", "7", "null"])
def test_manifest_that_is_no_object_lacks_every_key(model, content):
    model.with_suffix(".json").write_text(content)
    with pytest.raises(ModelError, match=rf"tiny\.json: {', '.join(REQUIRED)}: missing"):
        load_manifest(model)


@pytest.mark.parametrize("key", REQUIRED)
def test_every_required_key_is_missed(model, key):
    beside = model.with_suffix(".json")
    data = json.loads(beside.read_text())
    del data[key]
    beside.write_text(json.dumps(data))
    with pytest.raises(ModelError, match=rf"tiny\.json: {key}: missing"):
        load_manifest(model)


def test_tampered_model_is_refused(model):
    model.write_bytes(b"bytes of another")
    with pytest.raises(ModelError, match="damaged or was changed: get it again"):
        load_manifest(model)


@pytest.fixture
def rewrite(model):
    """Give `rewrite(content)`, which makes that the network of the manifest."""

    def make(content):
        data = {**DATA, "sha256": hashlib.sha256(content).hexdigest()}
        model.write_bytes(content)
        model.with_suffix(".json").write_text(json.dumps(data))
        return model

    return make


def test_weights_in_other_files_are_refused(rewrite):
    """No hash vouches for them, and they may lie anywhere."""
    import onnx

    weight = onnx.TensorProto(name="w", data_location=onnx.TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="../secret.bin")
    graph = onnx.helper.make_graph([], "g", [], [], [weight])
    path = rewrite(onnx.helper.make_model(graph).SerializeToString())
    with pytest.raises(ModelError, match=r"tiny\.onnx: keeps weights in other files.*export it"):
        load_manifest(path)


def test_graph_that_cannot_be_looked_through_is_refused(rewrite):
    with pytest.raises(ModelError, match=r"tiny\.onnx: is no ONNX file: "):
        load_manifest(rewrite(b"location"))


@pytest.mark.parametrize(("limit", "name"), [("NETWORK_MAX", "onnx"), ("MANIFEST_MAX", "json")])
def test_oversized_file_is_not_read(model, monkeypatch, limit, name):
    monkeypatch.setattr(engine.networks.manifest, limit, 10)
    with pytest.raises(ModelError, match=rf"tiny\.{name}: has \d+ bytes, expected at most 10"):
        load_manifest(model)


def test_deeply_nested_manifest_is_one_line(model):
    model.with_suffix(".json").write_text("[" * 100_000)
    with pytest.raises(ModelError, match=r"tiny\.json: the model's manifest cannot be read"):
        load_manifest(model)


@pytest.mark.parametrize("dotted", ["input.margin", "labels", "input.size.width"])
def test_missing_value_is_named_with_its_path(model, dotted):
    with pytest.raises(ModelError, match=rf"tiny\.json: {dotted}: missing"):
        load_manifest(model).value(dotted)


def test_wrong_kind_is_refused(model):
    manifest = load_manifest(model)
    manifest.expect("expression")
    with pytest.raises(ModelError, match=r"tiny\.onnx: is a network of kind expression, not det"):
        manifest.expect("detector")
