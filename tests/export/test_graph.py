"""What is written, and what is left behind where that fails."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from engine.networks.manifest import load_manifest
from engine.networks.ort import onnxruntime
from export.graph import CARD, OPSET, commit, write_graph, write_manifest


def write(out):
    batch = torch.export.Dim("batch", min=1, max=8)
    model, examples = nn.Linear(3, 2).eval(), {"x": torch.zeros(2, 3)}
    write_graph(model, examples, out, output_names=["y"], dynamic={0: batch})


def test_graph_has_its_names_and_any_batch(tmp_path):
    out = tmp_path / "a.onnx"
    write(out)
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    assert [node.name for node in session.get_inputs()] == ["x"]
    for rows in (1, 7):
        assert session.run(["y"], {"x": np.zeros((rows, 3), np.float32)})[0].shape == (rows, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


class Scaled(nn.Module):
    """Tells its inputs apart."""

    def forward(self, a, b):
        return a + 10 * b.sum(2), b


def test_inputs_have_their_names_in_the_modules_order_and_any_batch(tmp_path):
    out = tmp_path / "a.onnx"
    write_graph(
        Scaled().eval(),
        {"small": torch.zeros(2, 3), "large": torch.zeros(2, 3, 4)},
        out,
        output_names=["sum", "same"],
        dynamic={0: torch.export.Dim("batch", min=1, max=8)},
    )
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    assert [node.name for node in session.get_inputs()] == ["small", "large"]
    for rows in (1, 7):
        small = np.arange(3 * rows, dtype=np.float32).reshape(rows, 3)
        large = np.arange(12 * rows, dtype=np.float32).reshape(rows, 3, 4)
        total, same = session.run(["sum", "same"], {"small": small, "large": large})
        np.testing.assert_allclose(total, small + 10 * large.sum(2))
        np.testing.assert_array_equal(same, large)


def test_graph_that_is_unsound_leaves_what_was_there(tmp_path, monkeypatch):
    def unsound(path, full_check):
        assert path.is_file()
        assert full_check
        raise onnx.checker.ValidationError("no such operator")

    out = tmp_path / "a.onnx"
    out.write_bytes(b"the last good one")
    monkeypatch.setattr(onnx.checker, "check_model", unsound)
    with pytest.raises(onnx.checker.ValidationError):
        write(out)
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]
    assert out.read_bytes() == b"the last good one"


def test_manifest_states_hash_opset_commit_and_licence_inside_and_beside(tmp_path):
    out = tmp_path / "a.onnx"
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "a", [], [])), out)
    facts = {"name": "a", "kind": "expression", "architecture": "none", "metrics": {}}
    write_manifest(out, facts)
    data = json.loads(out.with_suffix(".json").read_text())
    inside = {**facts, "opset": OPSET, "commit": commit(), "licence": "GPL-3.0-or-later"}
    assert data == {**inside, "sha256": hashlib.sha256(out.read_bytes()).hexdigest()}
    assert {p.key: json.loads(p.value) for p in onnx.load(out).metadata_props} == {CARD: inside}
    assert load_manifest(out).name == "a"


def test_no_shipped_network_names_a_path_of_the_machine_that_exported_it():
    for path in (Path(__file__).parents[2] / "assets").glob("*.onnx"):
        for part in onnx.load(path).graph.node:
            assert not part.metadata_props, (path.name, part.name)
            assert not part.doc_string


def test_a_manifest_names_no_folder_of_this_machine(tmp_path):
    out = tmp_path / "a.onnx"
    write(out)
    data = tmp_path / "data" / "label.csv"
    facts = {
        "name": "a",
        "strides": (8, 16),
        "metrics": {"valid": {"labels_from": str(data), "accuracy": 0.5}},
        "recipe": {"system": {"teachers": [str(tmp_path / "run"), "assets/b.safetensors"]}},
    }
    write_manifest(out, facts)
    said = json.loads(out.with_suffix(".json").read_text())
    assert said["metrics"] == {"valid": {"labels_from": "label.csv", "accuracy": 0.5}}
    assert said["recipe"]["system"]["teachers"] == ["run", "assets/b.safetensors"]
    assert said["strides"] == [8, 16]
    assert str(tmp_path).encode() not in out.read_bytes()
