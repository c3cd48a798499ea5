"""The two streams every cross-fusion system is built on, by name: image trunk, landmark net."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from torch import Tensor, nn

from engine.config import unknown
from engine.errors import ConfigError, ModelError
from training.models.ir50 import IR50
from training.models.landmark_net import LandmarkNet
from training.models.mobilefacenet import MobileFaceNet
from training.models.poster_rt import RTTrunk
from training.models.trunk import CHANNELS, Taps, channels_of
from training.weights import is_checkpoint, is_own, load_part, load_weights, tensors_of

log = logging.getLogger(__name__)


@runtime_checkable
class Released(Protocol):
    """A network whose authors' checkpoint is known."""

    def load_released(self, state: Mapping[str, Tensor]) -> None:
        """Take the tensors of the authors' checkpoint, in place; others are left over.

        Raises:
            ModelError: One of this network's is missing there or has another shape.
        """
        ...

    def released_names(self) -> dict[str, str]:
        """Map the name of every own state tensor to its name in that checkpoint."""
        ...


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
    # Its weights lie in a file of poster-rt, such as assets/poster-rt.safetensors.
    "rt": RTTrunk,
}
LANDMARK_STREAMS: Final[dict[str, Callable[[], nn.Module]]] = {
    "mobilefacenet": lambda: MobileFaceNet(output_head=False),
    "landmark-net": LandmarkStream,
}


def image_trunk(name: str, weights: str = "") -> nn.Module:
    """Build an image trunk, with weights of its own where a file is named.

    The file is one of safetensors or, for ``ir50``, the checkpoint that POSTER's authors released
    (face.evoLVe's IR-50), in either format.

    Raises:
        ConfigError: Unknown name.
        ModelError: The file does not hold this network's weights.
    """
    return _built("system.image", IMAGE_TRUNKS, name, weights)


def landmark_stream(name: str, weights: str = "") -> nn.Module:
    """Build a frozen landmark stream; as `image_trunk`, the checkpoint being MobileFaceNet's."""
    stream = _built("system.landmarks", LANDMARK_STREAMS, name, "")
    if weights:
        _load(stream.network if isinstance(stream, LandmarkStream) else stream, Path(weights))
    return stream


class _LastTap(nn.Module):
    """An image trunk that gives its last tap alone."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.network(x)[2]
        return y


def last_tap(trunk: nn.Module) -> tuple[nn.Module, int]:
    """Let an image trunk give its last tap (B, C, S, S) alone, and say what C is."""
    return _LastTap(trunk), channels_of(trunk)[2]


def _built(
    key: str, known: dict[str, Callable[[], nn.Module]], name: str, weights: str
) -> nn.Module:
    if name not in known:
        raise ConfigError(f"{key}: {unknown(name, known)}")
    network = known[name]()
    if weights:
        _load(network, Path(weights))
    return network


def _load(network: nn.Module, path: Path) -> None:
    """Read weights in place: ours, or where the network's authors are known theirs."""
    ours = not isinstance(network, Released) and not is_checkpoint(path)
    tensors = {} if ours else tensors_of(path)
    if ours or is_own(network, tensors):
        load = load_part if isinstance(network, RTTrunk) else load_weights
        load(network, path)
        return
    if not isinstance(network, Released):
        raise ModelError(
            f"{path}: a torch checkpoint, but {type(network).__name__} takes safetensors alone"
        )
    try:
        network.load_released(tensors)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    names = {name.removeprefix("module.") for name in tensors}
    left = sorted(names - set(network.released_names().values()))
    over = f"; {len(left)} left over: {left[0]}" if left else ""
    log.info("%s: took %d tensors%s", path, len(names) - len(left), over)
