"""Manifests that fit their file, and those that do not."""

import hashlib
import json
from dataclasses import fields, is_dataclass

import pytest

import engine.networks.manifest
from engine.errors import ModelError
from engine.networks.manifest import (
    REQUIRED,
    DetectorFacts,
    ExpressionFacts,
    LandmarkFacts,
    Pair,
    load_manifest,
)

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


INPUT = {"size": 112, "margin": 0.05, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}
WHOLE = {
    "detector": {
        "input": {"pad": 127, "multiple": 32},
        "strides": [8, 16],
        "score_threshold": 0.6,
        "nms_iou": 0.4,
    },
    "landmarks": {"input": INPUT, "landmarks": "ibug68"},
    "expression": {
        "input": INPUT,
        "labels": ["anger", "fear"],
        "landmarks": {"file": "landmarks.onnx", "sha256": "0", "maps": ["map4"]},
        "temperature": 1.5,
        "outputs": ["logits"],
    },
}
FACTS = {"detector": DetectorFacts, "landmarks": LandmarkFacts, "expression": ExpressionFacts}
NAN, BIG = float("nan"), float("inf")
# Of every key that is read: values that it cannot have.
WRONG = {
    ("expression", "name"): [None, 1, "", [], {}],
    ("expression", "sha256"): [None, 1, "", []],
    ("expression", "opset"): [None, "18", 0, 18.5, True, NAN],
    ("expression", "commit"): [None, 1],
    ("expression", "licence"): [None, 1],
    ("expression", "architecture"): [None, 1],
    ("expression", "metrics"): [None, [], "good"],
    ("expression", "precision"): [None, 8, ""],
    ("expression", "parameters"): [0, -1, "many", 1.5, NAN],
    ("expression", "input"): [None, [], 3],
    ("expression", "input.size"): [None, [], "112", 0, -1, 1.5, True, 1e9, NAN],
    ("expression", "input.batch"): [None, -1, "8", 1.5, True, "any"],
    ("expression", "input.margin"): [None, [], "0", -1, 11, NAN, BIG, True],
    ("expression", "input.mean"): [None, [], 0.5, [0.5] * 4, ["0", "0", "0"], [NAN, 0, 0]],
    ("expression", "input.std"): [None, 0, 0.2, [0, 0.2, 0.2], [-1, 1, 1], [1, 1, BIG]],
    ("expression", "input.colour"): [None, 1, "grey", "bgr"],
    ("expression", "input.dtype"): [None, 8, "int8"],
    ("expression", "input.align"): [None, "none", 1],
    ("expression", "input.template"): [[], [[0.5, 0.5]] * 4, [[0.5]] * 5, [[9, 0]] * 5, "mean"],
    ("expression", "labels"): [None, "anger", [1, 2], {"anger": 1}, [""]],
    ("expression", "landmarks"): [None, "ibug68", []],
    ("expression", "landmarks.maps"): [None, "map4", [4], 3],
    ("expression", "outputs"): [None, "logits", [1], [""]],
    ("expression", "temperature"): [0, -1, "1", NAN, BIG, True, []],
    ("expression", "picture_quality"): [[], 3, "good", {"centre": [NAN]}],
    ("expression", "derived_affect"): [None, 1, "yes"],
    ("expression", "apart"): [None, 1, "yes"],
    ("landmarks", "input.size"): [None, 0, "112"],
    ("landmarks", "input.margin"): [None, NAN],
    ("landmarks", "input.batch"): ["8"],
    ("landmarks", "input.mean"): [None, 0.5],
    ("landmarks", "input.std"): [None, [0, 0, 0]],
    ("landmarks", "input.align"): [None, "none"],
    ("landmarks", "input.template"): [[], 5],
    ("landmarks", "input.colour"): [None, "blue"],
    ("landmarks", "input.dtype"): [None, "float16"],
    ("detector", "input"): [None, []],
    ("detector", "input.pad"): [None, -1, 256, "127", 0.5],
    ("detector", "input.multiple"): [None, 0, "32"],
    ("detector", "strides"): [None, [], 8, [0], ["8"], [8.5]],
    ("detector", "score_threshold"): [None, -0.1, 1.1, "0.5", NAN],
    ("detector", "nms_iou"): [None, -0.1, 1.1, "0.4", NAN],
}
OPTIONAL = {"precision", "parameters", "outputs", "picture_quality", "derived_affect"}
OPTIONAL |= {"apart"}
OPTIONAL |= {
    f"input.{key}" for key in ("multiple", "batch", "colour", "dtype", "align", "template")
}
MISSING = [(kind, key) for kind, key in WRONG if key not in (*REQUIRED, *OPTIONAL)]


def changed(data, dotted, *value):
    """Give `data` with another value, or without it."""
    key, _, rest = dotted.partition(".")
    if rest:
        return {**data, key: changed(data[key], rest, *value)}
    others = {name: each for name, each in data.items() if name != key}
    return {**others, key: value[0]} if value else others


@pytest.fixture
def stated(model):
    """Give `stated(kind, key, value)`: a network whose manifest states this wrong thing."""

    def write(kind, key, *value):
        sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
        data = {**DATA, "sha256": sha256, "kind": kind, **WHOLE[kind]}
        model.with_suffix(".json").write_text(json.dumps(changed(data, key, *value)))
        return model

    return write


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_manifest_is_read_as_typed_facts(stated, kind):
    facts = load_manifest(stated(kind, "extra", {"anything": None})).read(FACTS[kind])
    with pytest.raises(AttributeError):
        facts.input = None
    assert facts.input == load_manifest(stated(kind, "extra")).read(FACTS[kind]).input


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [(kind, key, value) for (kind, key), values in WRONG.items() for value in values],
)
def test_wrong_value_is_one_line_with_its_path(stated, kind, key, value):
    with pytest.raises(ModelError) as error:
        load_manifest(stated(kind, key, value)).read(FACTS[kind])
    line = str(error.value)
    assert f"tiny.json: {key}" in line
    assert "\n" not in line


@pytest.mark.parametrize(("kind", "key"), MISSING)
def test_missing_value_is_missed_when_used(stated, kind, key):
    manifest = load_manifest(stated(kind, key))
    with pytest.raises(ModelError, match=rf"^tiny\.json: {key}(\.\w+)?: missing$"):
        manifest.read(FACTS[kind])


def test_every_stated_field_has_wrong_values_here():
    """A field that is added is checked too."""

    def keys(kind, prefix=""):
        for each in fields(kind):
            if is_dataclass(each.type):
                yield from keys(each.type, f"{prefix}{each.name}.")
            yield prefix + each.name

    wanted = {(name, key) for name, kind in FACTS.items() for key in keys(kind)}
    assert wanted - set(WRONG) == {("landmarks", "input")}


@pytest.mark.parametrize(("stated_batch", "batch"), [("dynamic", 0), (8, 8)])
def test_any_number_of_crops_is_zero(stated, stated_batch, batch):
    manifest = load_manifest(stated("expression", "input.batch", stated_batch))
    assert manifest.read(ExpressionFacts).input.batch == batch


@pytest.mark.parametrize("key", ["file", "sha256"])
@pytest.mark.parametrize("value", [None, 1, "", []])
def test_wrong_pair_is_one_line_with_its_path(stated, key, value):
    manifest = load_manifest(stated("expression", f"landmarks.{key}", value))
    with pytest.raises(ModelError, match=rf"^tiny\.json: landmarks\.{key}: must .*$"):
        manifest.read(Pair, "landmarks")


def test_text_that_is_no_text_is_one_line(model, stated):
    stated("expression", "extra")
    beside = model.with_suffix(".json")
    beside.write_text(beside.read_text().replace('"anger"', '"\\ud800"'))
    with pytest.raises(ModelError, match=r"tiny\.json: Invalid JSON") as error:
        load_manifest(model)
    assert "\n" not in str(error.value)


def test_a_name_that_the_system_does_not_take_is_no_file(tmp_path):
    with pytest.raises(ModelError, match="no such model file"):
        load_manifest(tmp_path / f"{'x' * 300}.onnx")
