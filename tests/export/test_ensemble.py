"""Several runs exported as one network, which says the mean of what they say."""

import json
from contextlib import closing
from dataclasses import asdict

import numpy as np
import pytest
import torch

from engine.faces.preprocessing import to_input, without_colour
from engine.networks.manifest import load_manifest
from engine.networks.runtime import open_session
from engine.reading.fusion import Fusion
from engine.types import Face, Sighting
from export.adversarial import adversarial_pictures
from export.cli import main
from training.data.registry import read_dataset
from training.data.samples import DataConfig
from training.systems.build import SystemConfig, Truths, build
from training.systems.dan import DanConfig
from training.systems.saved import open_run, write_card
from training.trainer.loop import LoopConfig
from training.weights import save_weights

DAN = DanConfig(task="multi", trunk="ir-small", width=32, input_size=112, heads=2)


@pytest.fixture
def root(tmp_path, made_up):
    made_up.TREES["ferplus"](tmp_path / "data" / "ferplus")
    return tmp_path


@pytest.fixture
def fer_export(root):
    """Give `fer_export(*runs)`: its exit code."""
    places = ["--data", str(root / "data"), "--cache", str(root / "cache")]
    return lambda *runs: main([*map(str, runs), *places])


@pytest.fixture
def member(root):
    """Give `member(name, seed, config)`: the folder of an untrained DAN."""

    def make(name, seed, config=DAN, **data):
        folder = root / "runs" / name
        folder.mkdir(parents=True)
        table = read_dataset("ferplus", root / "data", "valid", root / "cache")
        torch.manual_seed(seed)
        system = SystemConfig(name="dan")
        made = build(config, system, Truths((1,) * 8, None, table.classes))
        for head in (made.network.expression, made.network.affect):
            if head is not None:  # else it says the same of all pictures
                torch.nn.init.normal_(head[0].weight)
        recipe = {
            "task": "system",
            "system": asdict(system),
            "dan": asdict(config),
            "loop": asdict(LoopConfig(batch=32, steps=2)),
            "data": asdict(DataConfig(channel_order="gray", derived_affect=True, **data)),
        }
        (folder / "recipe.json").write_text(json.dumps(recipe))
        save_weights(made, folder / "model.safetensors")
        write_card(made.eval(), table, folder)
        return folder

    return make


@pytest.mark.slow
def test_ensemble_says_live_the_mean_of_its_members(member, fer_export):
    runs = [member(name, seed) for name, seed in (("dan-0", 1), ("dan-1", 2), ("dan-2", 3))]
    assert fer_export(*runs) == 0
    path = runs[0] / "dan-0-x3.onnx"
    manifest = load_manifest(path)
    assert manifest.data["architecture"] == "vote of 3: dan"
    assert [each["system"]["name"] for each in manifest.data["recipe"]["members"]] == ["dan"] * 3
    single = open_run(runs[0]).card.parameters
    assert manifest.data["parameters"] == 3 * single
    assert manifest.data["derived_affect"]
    crops = [without_colour(each) for each in adversarial_pictures(5, 112)]
    with torch.no_grad():
        said = [open_run(run).system(torch.from_numpy(to_input(crops))) for run in runs]
    chances = torch.stack([one.logits.softmax(1) for one in said])
    affect = torch.stack([one.affect for one in said]).mean(0)
    assert (chances[0] - chances[1]).abs().max() > 0.01
    with closing(open_session(manifest, "cpu", 1)) as session:
        bytes_in = np.stack([crop[..., 0] for crop in crops])[:, None]
        logits, valence_arousal = session.run({"crops": bytes_in})
    torch.testing.assert_close(
        torch.from_numpy(logits).softmax(1), chances.mean(0), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(torch.from_numpy(valence_arousal), affect, atol=1e-4, rtol=0)
    with closing(Fusion(manifest, "cpu", 1)) as fusion:
        face = Face(crops[4], np.eye(2, 3, dtype=np.float32))
        (reading,) = fusion.read(
            [Sighting(face, np.zeros((68, 2), np.float32), 0.9, ())], crops[4:]
        )
        assert fusion.derived
    assert reading.logits.shape == (8,)
    assert reading.valence_arousal.shape == (2,)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"config": DanConfig(**{**asdict(DAN), "task": "expr"})}, "number of affect values is 0"),
        ({"config": DanConfig(**{**asdict(DAN), "input_size": 96})}, "input size is 96, but 112"),
        ({"align": "none"}, "data.align is none, but landmarks"),
    ],
)
def test_members_that_are_not_alike_are_refused(member, fer_export, root, capsys, other, says):
    runs = [member("a", 1), member("b", 2, **other)]
    before = sorted(root.rglob("*"))
    assert fer_export(*runs) == 4
    assert says in capsys.readouterr().err
    assert sorted(path for path in root.rglob("*") if "cache" not in path.parts) == [
        path for path in before if "cache" not in path.parts
    ]


def test_ensemble_is_made_of_runs_named_once(member, fer_export, root, capsys):
    run = member("a", 1)
    assert fer_export(run, run) == 2
    assert "a run has one vote; name each once" in capsys.readouterr().err
    assert fer_export(run, root / "none") == 4
    assert "no such checkpoint" in capsys.readouterr().err
