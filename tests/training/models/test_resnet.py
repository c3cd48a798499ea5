"""The two wirings of ResNet-50."""

import pytest
import torch

from engine.errors import ConfigError
from engine.faces.preprocessing import MEAN, STD
from training.models.resnet import CAFFE_MEAN, CaffeResNet, resnet
from training.models.trunk import parameter_count


def test_both_wirings_have_the_specifications_count_and_map():
    with torch.device("meta"):
        for convention in ("imagenet_norm", "caffe"):
            trunk, width = resnet("resnet50", convention)
            assert parameter_count(trunk) == 23_508_032
            assert width == 2048
            if convention == "imagenet_norm":
                assert trunk(torch.empty(1, 3, 224, 224)).shape == (1, 2048, 7, 7)


def test_wirings_answer_differently_from_the_same_weights():
    usual, _ = resnet("resnet50")
    caffe, _ = resnet("resnet50", "caffe")
    caffe.network.load_state_dict(usual.state_dict())
    assert isinstance(caffe, CaffeResNet)
    crops = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        mine = caffe.eval().network(crops)
        theirs = usual.eval()(crops)
    assert mine.shape == theirs.shape == (1, 2048, 7, 7)
    assert (mine - theirs).abs().max() > 0.1 * theirs.abs().max()


def test_caffe_strides_in_the_first_convolution_and_rounds_pooling_up():
    with torch.device("meta"):
        body = resnet("resnet50", "caffe")[0].network.body
    firsts = [body.layer1[0], body.layer2[0], body.layer3[0], body.layer4[0]]
    assert [block.conv1.stride[0] for block in firsts] == [1, 2, 2, 2]
    assert {part.conv2.stride[0] for part in body.modules() if hasattr(part, "conv3")} == {1}
    with torch.device("meta"):
        assert body.maxpool(torch.empty(1, 64, 112, 112)).shape == (1, 64, 56, 56)
    corner = torch.zeros(1, 1, 6, 6)
    corner[..., :3, :3] = -1
    assert body.maxpool(corner)[0, 0, 0, 0] == -1
    assert body.maxpool(torch.zeros(1, 1, 6, 6)).shape == (1, 1, 3, 3)


def test_caffe_weights_see_blue_first_and_no_scaling():
    class Look(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(3, 3, 1)
            self.conv2 = torch.nn.Conv2d(3, 3, 1, stride=2)
            self.conv3 = torch.nn.Conv2d(3, 3, 1)
            self.pool = torch.nn.MaxPool2d(3, 2, 1)

        def forward(self, x):
            return x

    rgb = torch.tensor([200.0, 100, 50])
    normalised = (rgb / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    seen = CaffeResNet(Look())(normalised.reshape(1, 3, 1, 1))
    wanted = torch.tensor([50.0, 100, 200]) - torch.tensor(CAFFE_MEAN)
    torch.testing.assert_close(seen.flatten(), wanted, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("name", "convention", "pretrained"),
    [("resnet18", "caffe", False), ("resnet50", "caffe", True), ("vgg16", "imagenet_norm", False)],
)
def test_settings_that_do_not_fit_are_refused(name, convention, pretrained):
    with pytest.raises(ConfigError, match=r"^dan\.(trunk|convention): must "):
        resnet(name, convention, pretrained=pretrained)


def test_network_without_bottlenecks_cannot_be_rewired():
    with torch.device("meta"), pytest.raises(ValueError, match="bottlenecks"):
        CaffeResNet(resnet("resnet18")[0])
