"""Bundles that open, and zips that must not."""

import hashlib
import json
import random
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import engine.networks.bundle
from engine.errors import ModelError
from engine.networks.bundle import INDEX, KINDS, open_bundle
from engine.networks.external_data import _EXTERNAL_DATA, _FIELDS, has_external_data
from engine.networks.manifest import load_manifest

NAMES = {"detector": "finds.onnx", "landmarks": "marks.onnx", "expression": "reads.onnx"}
DATA = {"architecture": "none", "opset": 18, "commit": "", "licence": "CC0-1.0", "metrics": {}}


@pytest.fixture(scope="module")
def network():
    """The bytes of a small network."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", ends[:1], ends[1:])
    return helper.make_model(graph, ir_version=9).SerializeToString()


def manifest(kind, content, **more):
    data = {**DATA, "name": kind, "kind": kind, "sha256": hashlib.sha256(content).hexdigest()}
    if kind == "expression":
        data["landmarks"] = {"file": NAMES["landmarks"], "sha256": data["sha256"], "maps": []}
    return json.dumps({**data, **more}).encode()


@pytest.fixture
def members(network):
    """Names and bytes of what a good bundle holds."""
    found = {INDEX: json.dumps({"format": 1, "networks": NAMES}).encode()}
    for kind, name in NAMES.items():
        found[name] = network
        found[name.replace(".onnx", ".json")] = manifest(kind, network)
    return found


@pytest.fixture
def write(tmp_path):
    """Give `write(members)`, which writes a bundle."""

    def make(members, compression=zipfile.ZIP_STORED):
        path = tmp_path / "a.fer"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path

    return make


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_bundle_gives_its_networks_with_their_manifests(
    write, members, network, cache, compression
):
    bundle = open_bundle(write(members, compression), cache)
    for kind in KINDS:
        found = load_manifest(getattr(bundle, kind))
        assert (found.kind, found.path.name) == (kind, NAMES[kind])
        assert found.path.read_bytes() == network
    assert len({bundle.detector.parent, bundle.landmarks.parent, bundle.expression.parent}) == 1


def test_second_opening_writes_nothing(write, members, cache):
    path = write(members)
    bundle = open_bundle(path, cache)
    times = {file: file.stat().st_mtime_ns for file in bundle.detector.parent.iterdir()}
    assert len(times) == 6
    assert open_bundle(path, cache) == bundle
    assert {file: file.stat().st_mtime_ns for file in bundle.detector.parent.iterdir()} == times


@pytest.mark.parametrize("name", ["reads.onnx", "reads.json"])
def test_changed_file_in_the_cache_is_never_used(write, members, cache, name):
    path = write(members)
    changed = open_bundle(path, cache).expression.with_name(name)
    before = changed.read_bytes()
    changed.write_bytes(before[:-1] + b"\0")
    assert changed.read_bytes() != before
    open_bundle(path, cache)
    assert changed.read_bytes() == before


def test_bundles_that_differ_do_not_share_a_folder(write, members, network, cache):
    first = open_bundle(write(members), cache)
    members["reads.json"] = manifest("expression", network, temperature=2.0)
    second = open_bundle(write(members), cache)
    assert first.expression.parent != second.expression.parent
    assert load_manifest(second.expression).value("temperature") == 2.0


def without(name):
    return lambda members: members.pop(name)


def other(name, content):
    return lambda members: members.update({name: content})


def index(**changes):
    text = json.dumps({"format": 1, "networks": NAMES, **changes}).encode()
    return other(INDEX, text)


BAD = [
    (without(INDEX), r"is no bundle: expected bundle\.json and 6 more"),
    (without("marks.json"), "is no bundle: expected"),
    (other("../escaped.onnx", b""), "is no bundle: expected"),
    (other(INDEX, b"{"), r"bundle\.json: cannot be read"),
    (other(INDEX, b"[]"), r"bundle\.json: cannot be read"),
    (other(INDEX, b"[" * 100_000), r"bundle\.json: cannot be read"),
    (index(format=2), r"bundle\.json: format 2, this version of fer-live reads 1; update"),
    (index(networks={"detector": "a.onnx"}), "networks: expected detector, landmarks, exp"),
    (
        index(networks={**NAMES, "detector": "/a.onnx"}),
        r"networks\.detector: '/a\.onnx' is no name",
    ),
    (index(networks={**NAMES, "detector": "../a.onnx"}), "is no name of a network"),
    (index(networks={**NAMES, "detector": "a\\b.onnx"}), "is no name of a network"),
    (index(networks={**NAMES, "detector": "a\0.onnx"}), "is no name of a network"),
    (index(networks={**NAMES, "detector": ".a.onnx"}), "is no name of a network"),
    (index(networks={**NAMES, "detector": "a.exe"}), "is no name of a network"),
    (index(networks={**NAMES, "detector": 7}), "is no name of a network"),
    (index(networks={**NAMES, "detector": "READS.onnx"}), "two have the same name"),
    (index(networks={**NAMES, "detector": "gone.onnx"}), r"gone\.json: missing"),
    (other("reads.json", b"{}"), r"reads\.json: name, kind, architecture, .*: missing"),
    (other("reads.json", b"not json"), r"reads\.json: the model's manifest cannot be read"),
    (
        other("finds.json", manifest("expression", b"")),
        "is a network of kind 'expression', not det",
    ),
    (other("reads.onnx", b"other"), r"a\.fer: reads\.onnx: sha256 is .*; the file is damaged"),
    (
        other("reads.json", manifest("expression", b"", landmarks={"file": "../marks.onnx"})),
        r"reads\.onnx: belongs to another landmark network than marks\.onnx",
    ),
    (other("reads.json", manifest("expression", b"", landmarks=3)), "another landmark network"),
]


@pytest.mark.parametrize(("change", "says"), BAD)
def test_bad_bundle_is_one_line_and_leaves_nothing(write, members, cache, change, says):
    change(members)
    with pytest.raises(ModelError, match=says) as caught:
        open_bundle(write(members), cache)
    assert "\n" not in str(caught.value)
    assert not list(cache.rglob("reads.json")), "what is not whole must not be opened"


def test_member_twice_is_refused(write, members, cache):
    path = write(members)
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(path, "a") as archive,
    ):
        archive.writestr("reads.json", members["reads.json"])
    with pytest.raises(ModelError, match="is no bundle: expected"):
        open_bundle(path, cache)


def test_encryption_and_other_compression_are_refused(write, members, cache):
    with pytest.raises(ModelError, match=r"neither stored nor deflated"):
        open_bundle(write(members, zipfile.ZIP_LZMA), cache)
    path = write(members)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1  # the directory says: encrypted
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"neither stored nor deflated"):
        open_bundle(path, cache)


def test_size_limits_hold(write, members, cache, monkeypatch):
    path = write(members, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(engine.networks.bundle, "MANIFEST_MAX", 100)
    with pytest.raises(ModelError, match=r"has \d+ bytes, expected at most 100"):
        open_bundle(path, cache)
    monkeypatch.undo()
    monkeypatch.setattr(engine.networks.bundle, "NETWORK_MAX", 10)
    with pytest.raises(ModelError, match=r"\.onnx': has \d+ bytes, expected at most 10"):
        open_bundle(path, cache)


def test_what_grows_a_thousandfold_is_refused_before_it_is_unpacked(write, members, cache):
    members[NAMES["expression"]] = bytes(engine.networks.bundle.SMALL + 1)
    path = write(members, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10**6
    with pytest.raises(ModelError, match=r"reads.onnx': unpacks to more than 100 times its size"):
        open_bundle(path, cache)
    assert not list(cache.rglob("*.onnx"))


def test_size_that_the_directory_hides_is_not_unpacked(write, members, cache):
    """A bomb: a member that unpacks to more than the directory admits."""
    members["reads.onnx"] = bytes(3_000_000)
    path = write(members, zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    size = (3_000_000).to_bytes(4, "little")
    at = content.rindex(size)  # in the directory, behind the members
    content[at : at + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged|sha256"):
        open_bundle(path, cache)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip", b"PK\5\6" + bytes(18)])
def test_file_that_is_no_zip_is_one_line(tmp_path, cache, content):
    path = tmp_path / "a.fer"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.fer: is no bundle"):
        open_bundle(path, cache)


def test_name_that_is_no_text_is_one_line(write, members, cache):
    path = write(members)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\1\2")  # the first entry of the directory
    content[at + 9] |= 8  # says: its name is UTF-8
    content[at + 46] = 0xC5
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.fer: is no bundle or is damaged: 'utf-8' codec"):
        open_bundle(path, cache)


@pytest.mark.parametrize("kind", ["two\nlines", 7, None])
def test_kind_of_a_stranger_stays_on_one_line(write, members, cache, network, kind):
    members["finds.json"] = json.dumps({**json.loads(manifest("detector", network)), "kind": kind})
    with pytest.raises(ModelError, match="kind") as caught:
        open_bundle(write(members), cache)
    assert "\n" not in str(caught.value)


def test_missing_bundle_is_named(tmp_path, cache):
    with pytest.raises(ModelError, match=r"gone\.fer: no such model file"):
        open_bundle(tmp_path / "gone.fer", cache)


def test_cache_that_cannot_be_written_is_named(write, members, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"a\.fer: .*file.*: Not a directory"):
        open_bundle(write(members), tmp_path / "file")


def test_damage_anywhere_is_a_model_error(write, members, cache, network):
    """Bytes changed or cut off at random: a good bundle, or one line."""
    whole = write(members, zipfile.ZIP_DEFLATED).read_bytes()
    path = write(members)
    chance = random.Random(0)
    refused = []
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content[: chance.choice([len(content), chance.randrange(len(content))])])
        try:
            bundle = open_bundle(path, cache)
        except ModelError as error:
            refused.append(str(error))
        else:
            assert bundle.expression.read_bytes() == network
    assert len(refused) > 150
    assert not [text for text in refused if "\n" in text]


def external(**where):
    """A network whose weight lies in another file, at some place of the format."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../secret.bin")
    node = helper.make_node("Identity", ["x"], ["y"])
    inner = helper.make_graph([], "inner", [], [], [weight])
    places = {
        "initializer": {"initializer": [weight]},
        "attribute": {"nodes": [helper.make_node("Constant", [], ["y"], value=weight)]},
        "subgraph": {"nodes": [helper.make_node("If", ["x"], ["y"], then_branch=inner)]},
    }
    given = {"nodes": [node], "initializer": [], **places[where["at"]]}
    graph = helper.make_graph(given["nodes"], "g", [], [], given["initializer"])
    return helper.make_model(graph).SerializeToString()


@pytest.mark.parametrize("at", ["initializer", "attribute", "subgraph"])
def test_weights_in_other_files_are_refused(write, members, cache, at):
    content = external(at=at)
    members["reads.onnx"], members["reads.json"] = content, manifest("expression", content)
    with pytest.raises(ModelError, match=r"reads\.onnx: keeps weights in other files"):
        open_bundle(write(members), cache)


def test_the_word_alone_is_no_external_data():
    node = helper.make_node("Identity", ["x"], ["y"], name="location")
    weight = onnx.numpy_helper.from_array(np.frombuffer(b"location", np.float32).copy(), "w")
    graph = helper.make_graph([node], "g", [], [], [weight])
    model = helper.make_model(graph, doc_string="location")
    model.metadata_props.add(key="location", value="here")
    assert not has_external_data(model.SerializeToString())


@pytest.mark.parametrize("content", [b"location", b"\x3a\x7flocation", b"\x3f" + b"location"])
def test_malformed_graph_is_a_value_error(content):
    with pytest.raises(ValueError, match=r"wire type|ends behind|no number"):
        has_external_data(content)


def test_field_numbers_are_those_of_the_format():
    """Every field of the format that leads to a tensor is followed."""
    descriptors = {name: getattr(onnx, name).DESCRIPTOR for name in (*_FIELDS, "TensorProto")}
    for name, fields in _FIELDS.items():
        known = descriptors[name].fields
        inner = {f.number: f.message_type.name for f in known if f.message_type is not None}
        leads = {k: x for k, x in inner.items() if x in _FIELDS or x == "TensorProto"}
        assert leads == dict(fields)
    assert descriptors["TensorProto"].fields_by_name["external_data"].number == _EXTERNAL_DATA


def test_shipped_networks_hold_all_their_weights():
    for path in (Path(__file__).parents[3] / "assets").glob("*.onnx"):
        assert not has_external_data(path.read_bytes())


def test_bundle_is_read_from_where_it_is(write, members, cache, monkeypatch):
    """Without a cache given, the user's is used."""
    monkeypatch.setattr(engine.networks.bundle, "cache_folder", lambda: cache)
    assert open_bundle(write(members)).detector.is_relative_to(cache)
