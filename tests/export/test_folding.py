"""The folded fusion against the network that it was made from."""

import pytest
import torch

from engine.faces.alignment import CROP_SIZE
from export.folding import FoldedFusion
from training.models.poster_rt import PosterRT


def restless(depth):
    """An untrained network whose norms, biases and attention tables are not at rest."""
    torch.manual_seed(depth)
    model = PosterRT(depth=depth)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.LayerNorm):
            torch.nn.init.normal_(module.weight, 1, 0.2)
            torch.nn.init.normal_(module.bias, 0, 0.2)
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.bias, 0, 0.2)
    for table in (model.fuse1.bias, model.fuse2.bias, model.position):
        torch.nn.init.normal_(table, 0, 0.5)
    return model.eval()


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("batch", [1, 3])
@torch.no_grad()
def test_folding_changes_no_answer(depth, batch):
    model = restless(depth)
    crops = torch.randn(batch, 3, CROP_SIZE, CROP_SIZE)
    taps = model.landmark_net(crops).taps
    wanted, said = model.fuse(crops, taps), FoldedFusion(model)(crops, *taps)
    for name, mine, theirs in zip(("logits", "affect"), said, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-5, rtol=0, msg=name)
    assert wanted[0].std() > 0.1  # the bound means something


@torch.no_grad()
def test_folding_leaves_the_network_as_it_was():
    model = restless(1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    FoldedFusion(model)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
