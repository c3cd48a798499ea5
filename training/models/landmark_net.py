"""The landmark network: 68 points and face presence; its taps are the landmark stream.

A leaner stand-in for MobileFaceNet (Chen et al. 2018) with feature maps at the same strides.
"""

from typing import NamedTuple

from torch import Tensor, nn

from engine.types import POINTS
from training.models.trunk import CHANNELS, Taps, Trunk


class LandmarkOutput(NamedTuple):
    """What the landmark network says of a crop.

    Attributes:
        landmarks: (B, 68, 2), fraction of the crop: 0 is the outer edge of the first pixel.
        presence: (B,), logit of "this crop holds a well-centred face".
        taps: (B, 32, 28, 28), (B, 80, 14, 14), (B, 160, 7, 7).
    """

    landmarks: Tensor
    presence: Tensor
    taps: Taps


class LandmarkNet(nn.Module):
    """Landmarks, presence and three feature maps of a normalised (B, 3, 112, 112) crop."""

    def __init__(self) -> None:
        super().__init__()
        width = CHANNELS[2]
        self.trunk = Trunk()
        # One weight per place and channel keeps "where" (MobileFaceNet's global depthwise layer).
        self.pool = nn.Sequential(
            nn.Conv2d(width, width, 7, groups=width, bias=False), nn.BatchNorm2d(width)
        )
        self.points = nn.Linear(width, 2 * POINTS)
        self.presence = nn.Linear(width, 1)
        nn.init.constant_(self.points.bias, 0.5)

    def forward(self, x: Tensor) -> LandmarkOutput:
        """Map (B, 3, 112, 112), ImageNet-normalised RGB, to `LandmarkOutput`."""
        taps = self.trunk(x)
        feature = self.pool(taps[2]).flatten(1)
        landmarks = self.points(feature).unflatten(1, (POINTS, 2))
        return LandmarkOutput(landmarks, self.presence(feature).squeeze(1), taps)
