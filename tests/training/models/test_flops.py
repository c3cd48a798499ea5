"""Sizes against the specifications' tables."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from training.models.dan import Dan
from training.models.flops import size_of
from training.models.ir50 import IR50
from training.models.mobilefacenet import MobileFaceNet
from training.models.resnet import resnet


def crop(size=112):
    return torch.empty(1, 3, size, size, device="meta")


def test_layers_and_their_multiply_accumulates_are_counted():
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.ReLU(), nn.Flatten()
    )
    layers.append(nn.Linear(8 * 16, 10))
    size = size_of(layers, torch.zeros(1, 3, 8, 8))
    assert size.parameters == 3 * 8 * 9 + 8 * 16 * 10 + 10
    assert size.gmac * 1e9 == 16 * 3 * 8 * 9 + 8 * 16 * 10
    assert size.as_dict() == {"parameters": size.parameters, "gmac": size.gmac}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("fused", [True, False])
def test_attention_products_are_counted(device, fused):
    class Attention(nn.Module):
        def forward(self, x):
            if fused:
                return functional.scaled_dot_product_attention(x, x, x)
            return (x @ x.transpose(2, 3)).softmax(3) @ x

    size = size_of(Attention(), torch.zeros(1, 2, 10, 8, device=device))
    assert size.gmac * 1e9 == 2 * 10 * 10 * 8 * 2


def test_modules_mode_is_kept():
    layer = nn.Linear(2, 2)
    size_of(layer.train(), torch.zeros(1, 2))
    assert layer.training
    size_of(layer.eval(), torch.zeros(1, 2))
    assert not layer.training


def test_trunks_cost_what_the_specification_says():
    with torch.device("meta"):
        assert size_of(IR50(), crop()).gmac == pytest.approx(5.468, abs=5e-4)
        assert size_of(MobileFaceNet(), crop()).gmac == pytest.approx(0.221, abs=5e-4)


@pytest.mark.parametrize(
    ("name", "heads", "gmac"),
    [("resnet18", 4, 2.225), ("resnet18", 1, 1.916), ("resnet50", 4, 4.550)],
)
def test_dan_costs_what_the_specification_says(name, heads, gmac):
    with torch.device("meta"):
        model = Dan(*resnet(name), classes=8, heads=heads)
        assert size_of(model, crop(224)).gmac == pytest.approx(gmac, abs=5e-4)
