"""CERN's sizes, shapes and invariants, untrained."""

import pytest
import torch

from training.models.cern import SCALE, WIDTHS, Cern, LightTrunk, MaxFeature
from training.models.flops import size_of
from training.models.trunk import parameter_count


@pytest.fixture
def crops():
    return torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def made(**settings):
    torch.manual_seed(0)
    return Cern(8, **settings).eval()


@pytest.mark.parametrize(
    ("classes", "mirrored", "side", "parameters", "gmac"),
    [
        (7, True, 128, 1_453_551, 3.552),  # RAF-DB's; published 1.45 M
        (8, True, 128, 1_456_111, 3.552),
        (8, False, 128, 1_445_871, 1.776),
        (8, True, 112, 1_456_111, 2.720),
    ],
)
def test_size_is_that_of_the_released_code(classes, mirrored, side, parameters, gmac):
    with torch.device("meta"):
        model, example = Cern(classes, mirrored=mirrored), torch.zeros(1, 3, side, side)
    size = size_of(model, example)
    assert size.parameters == parameters
    assert size.gmac == pytest.approx(gmac, abs=5e-4)


def test_trunk_is_the_most_of_it():
    trunk = LightTrunk()
    assert parameter_count(trunk) == 1_188_576
    assert trunk(torch.zeros(2, 1, 64, 64)).shape == (2, WIDTHS[-1], 8, 8)


def test_answer_has_a_part_for_each_quarter_and_the_whole(crops):
    said = made()(crops)
    assert said.parts.shape == (3, 5, 8)
    assert said.embedding.shape == (3, 512)
    assert said.parts.abs().max() <= SCALE
    assert made(mirrored=False)(crops).embedding.shape == (3, 256)


def test_a_quarter_reads_its_part_of_the_face_alone(crops):
    """As far as convolutions see: the opposite one tells nothing of what changes in a corner."""
    model, changed = made(mirrored=False), crops.clone()
    changed[:, :, :6, :6] += 1
    before, after = model(crops).parts, model(changed).parts
    moved = (after - before).abs().amax((0, 2))
    assert moved[0] > 1e-3
    assert moved[4] > 1e-3
    assert moved[3] < 1e-5


def test_mirrored_features_change_places_with_the_picture(crops):
    model = made()
    one, other = model(crops).embedding, model(crops.flip(3)).embedding
    torch.testing.assert_close(one, torch.cat(other.chunk(2, 1)[::-1], 1))


def test_colour_is_not_seen(crops):
    model = made()
    gray = crops[:, :1].expand(3, 3, 64, 64)
    tinted = gray.clone()
    weights = model.weights.flatten()
    tinted[:, 0] += 0.5
    tinted[:, 1] -= 0.5 * weights[0] / weights[1]
    torch.testing.assert_close(model(tinted).parts, model(gray).parts, atol=1e-3, rtol=1e-4)


def test_black_and_white_become_nought_and_one():
    from engine.faces.preprocessing import MEAN, STD

    model = made()
    for level in (0.0, 1.0):
        pixel = [(level - mean) / std for mean, std in zip(MEAN, STD, strict=True)]
        image = torch.tensor(pixel).reshape(1, 3, 1, 1)
        gray = torch.nn.functional.conv2d(image, model.weights) + model.black
        assert gray.item() == pytest.approx(level, abs=1e-6)


def test_larger_of_two_filters_neither_grows_nor_shrinks():
    torch.manual_seed(0)
    layer, x = MaxFeature(64, 64, 3), torch.randn(4, 64, 32, 32)
    inner = layer(x).detach()[:, :, 1:-1, 1:-1]
    assert inner.square().mean().sqrt() == pytest.approx(1, abs=0.1)
