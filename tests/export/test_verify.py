"""Two forms of a network compared: errors, agreement, bounds, and what is refused."""

import json

import pytest

from engine.assets import asset_path
from engine.errors import ModelError, SourceError
from engine.networks.manifest import load_manifest
from export.bundle import write_bundle
from export.cli import main
from export.graph import MOST
from export.half_precision import export_half_precision
from export.tensorrt import export_engines
from export.verify import verify


@pytest.fixture
def small(make_small, tmp_path):
    return make_small(tmp_path / "a" / "small.onnx")


def errors_of(report):
    return {(error.output, error.on): error for error in report.errors}


def test_a_network_agrees_with_itself_in_all_batches(small):
    report = verify(small, small)
    assert report.batches == (1, 2, 7, MOST)
    assert report.failures == []
    assert errors_of(report)["logits", "adversarial"].largest == 0
    assert errors_of(report)["logits", "adversarial"].count == 3 * sum(report.batches)
    assert report.agreement == {"adversarial": 1.0}
    assert (report.accuracy, report.faces) == (None, 0)


def test_errors_are_what_a_changed_weight_makes_of_white(small, make_small, tmp_path):
    other = make_small(tmp_path / "b" / "small.onnx", change=0.5)
    report = verify(small, other)
    error = errors_of(report)["logits", "adversarial"]
    assert error.largest == pytest.approx(0.5)  # a white pixel is 1 times the change
    assert error.counted == error.largest  # no logit is above 10
    assert 0 < error.tail <= error.largest
    with pytest.raises(
        ModelError, match=r"logits on adversarial pictures: off by 5.00e-01, allowed"
    ):
        report.require()


def test_real_faces_have_labels_and_accuracy(small, make_small, few_faces, tmp_path):
    wrong = make_small(tmp_path / "b" / "small.onnx", order=(1, 0, 2))
    report = verify(small, wrong, data=tmp_path, cache=tmp_path)
    assert report.faces == 40
    assert {error.on for error in report.errors} == {"adversarial", "real"}
    # Gray pictures are green: happy, as people said of all of them; the other one says anger.
    assert report.accuracy == (1.0, 0.0)
    assert report.agreement["real"] == 0
    assert any("accuracy: 100.00 points lost" in failure for failure in report.failures)


def test_fixed_batch_is_tried_alone(make_small, few_faces, tmp_path):
    fixed = make_small(tmp_path / "b" / "small.onnx", batch=3)
    report = verify(fixed, fixed, data=tmp_path, cache=tmp_path)
    assert report.batches == (3,)
    assert report.faces == 39
    assert report.failures == []


def test_errors_of_large_values_count_less(make_small, tmp_path):
    std = [0.01, 0.01, 0.01]  # white is 100
    facts = {"name": "crops", "size": 4, "margin": 0.05, "mean": [0, 0, 0], "std": std}
    paths = [
        make_small(tmp_path / name / "small.onnx", change=change, input=facts)
        for name, change in (("a", 0.0), ("b", 1e-4))
    ]
    error = errors_of(verify(*paths))["logits", "adversarial"]
    assert error.largest == pytest.approx(1e-2, rel=1e-2)
    assert error.counted == pytest.approx(error.largest / 5, rel=0.2)  # noise is 50 on average


@pytest.mark.slow
def test_shipped_network_is_what_its_weights_are():
    path = asset_path("poster-rt.onnx")
    report = verify(path.with_suffix(".safetensors"), path)
    assert report.failures == []
    assert {error.output for error in report.errors} == {
        *("logits", "probabilities", "valence_arousal", "landmarks", "presence")
    }


def test_shipped_detector_is_what_its_weights_are(few_faces, tmp_path):
    path = asset_path("fer-detector.onnx")
    report = verify(path.with_suffix(".safetensors"), path, data=tmp_path, cache=tmp_path)
    assert report.failures == []
    assert {error.output for error in report.errors} == {"scores", "geometry"}
    assert report.agreement == {}


def test_bundle_is_compared_by_its_expression_network(tmp_path):
    path = asset_path("poster-rt.onnx")
    write_bundle(path, tmp_path / "all.fer")
    report = verify(path, tmp_path / "all.fer")
    assert report.failures == []
    assert report.other == tmp_path / "all.fer"


def test_engine_is_compared_with_the_graph_it_was_built_from(make_small, machine, tmp_path):
    small = make_small(tmp_path / "a" / "small.onnx", kind="landmarks")
    engine = tmp_path / "e" / "small.engine"
    export_engines(small, engine)
    report = verify(small, engine)
    assert report.failures == []
    assert (report.other, report.precision) == (engine, "fp32")


def test_half_has_bounds_of_its_own_and_is_no_truth(small, tmp_path):
    half = tmp_path / "h" / "small.onnx"
    export_half_precision(small, half, None, tmp_path)
    report = verify(small, half)
    assert report.precision == "fp16"
    assert report.failures == []
    assert errors_of(report)["logits", "adversarial"].largest > 0
    with pytest.raises(ModelError, match=r"is fp16; compare with torch's weights or the fp32 file"):
        verify(half, small)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"labels": ["anger", "neutral", "happiness"]}, "labels"),
        ({"kind": "landmarks"}, "kind: landmarks, not expression"),
        ({"precision": "bf16"}, "no bounds are stated for precision bf16"),
    ],
)
def test_another_network_is_refused(small, make_small, tmp_path, facts, says):
    other = make_small(tmp_path / "b" / "small.onnx", **facts)
    with pytest.raises(ModelError, match=says):
        verify(small, other)


def test_command_prints_the_table_and_says_that_there_were_no_faces(small, capsys):
    assert main(["verify", str(small), str(small)]) == 0
    said = capsys.readouterr()
    assert "| logits | adversarial | 0.00e+00 |" in said.out
    assert "adversarial pictures only: name the data packs with --data" in said.out


def test_command_prints_json(small, few_faces, tmp_path, capsys):
    words = ["verify", str(small), str(small), "--json", "--faces", "8"]
    assert main([*words, "--data", str(tmp_path), "--cache", str(tmp_path)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["precision"], facts["faces"]) == ("fp32", 8)
    assert facts["errors"]["real"]["logits"]["largest"] == 0


def test_command_fails_with_4_and_the_line_that_says_which(small, make_small, tmp_path, capsys):
    other = make_small(tmp_path / "b" / "small.onnx", change=0.5)
    assert main(["verify", str(small), str(other)]) == 4
    said = capsys.readouterr()
    assert "| logits | adversarial | 5.00e-01 |" in said.out
    (line,) = [line for line in said.err.splitlines() if line.startswith("fer-export: ")]
    assert "logits on adversarial pictures: off by 5.00e-01, allowed 1e-04 in fp32" in line


def test_missing_data_is_an_error_where_it_was_asked_for(small, tmp_path):
    with pytest.raises(SourceError):
        verify(small, small, data=tmp_path / "none", cache=tmp_path / "cache")


def test_what_is_no_network_is_a_model_error(small, tmp_path):
    with pytest.raises(ModelError, match="no such checkpoint"):
        verify(tmp_path / "none", small)
    assert load_manifest(small).kind == "expression"
