"""The two streams every cross-fusion system is built on, by name: image trunk, landmark net."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from torch import Tensor, nn

from engine.errors import ConfigError
from training.models.ir50 import IR50
from training.models.landmark_net import LandmarkNet
from training.models.mobilefacenet import MobileFaceNet
from training.models.trunk import CHANNELS, Taps
from training.weights import load_weights


class LandmarkStream(nn.Module):
    """The landmark network of the live engine as a frozen landmark stream.

    Attributes:
        channels: Of the taps with sides 28, 14 and 7.
    """

    channels: tuple[int, int, int] = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.network = LandmarkNet()
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "LandmarkStream":
        """Stay in eval whatever `mode` says: batch statistics belong to the frozen weights."""
        return super().train(False)

    def forward(self, x: Tensor) -> Taps:
        """Map (B, 3, 112, 112) to (B, 32, 28, 28), (B, 80, 14, 14) and (B, 160, 7, 7)."""
        taps: Taps = self.network.trunk(x)
        return taps


IMAGE_TRUNKS: Final[dict[str, Callable[[], nn.Module]]] = {
    "ir50": IR50,
    # Ours for a CPU: a twentieth of the multiplications.
    "ir-small": lambda: IR50((32, 64, 128), (1, 1, 2), half_input=True),
}
LANDMARK_STREAMS: Final[dict[str, Callable[[], nn.Module]]] = {
    "mobilefacenet": lambda: MobileFaceNet(output_head=False),
    "landmark-net": LandmarkStream,
}


def image_trunk(name: str, weights: str = "") -> nn.Module:
    """Build an image trunk, with weights of its own where a file is named.

    Raises:
        ConfigError: Unknown name.
        ModelError: The file does not hold this network's weights.
    """
    return _built("system.image", IMAGE_TRUNKS, name, weights)


def landmark_stream(name: str, weights: str = "") -> nn.Module:
    """Build a frozen landmark stream; as `image_trunk`."""
    stream = _built("system.landmarks", LANDMARK_STREAMS, name, "")
    if weights:
        load_weights(
            stream.network if isinstance(stream, LandmarkStream) else stream, Path(weights)
        )
    return stream


def _built(
    key: str, known: dict[str, Callable[[], nn.Module]], name: str, weights: str
) -> nn.Module:
    if name not in known:
        raise ConfigError(f"{key}: {name!r} is unknown; choose one of {', '.join(known)}")
    network = known[name]()
    if weights:
        load_weights(network, Path(weights))
    return network
