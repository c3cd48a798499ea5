"""poster-rt: POSTER's landmark-image cross-fusion, small enough for a CPU in real time.

Two streams (image trunk, frozen landmark network), query swap, three scales. At strides 4 and
8 the landmark map queries the image map inside 7x7 windows and the answer joins the image
stream (POSTER++ / ARBEx, window cross-attention); at stride 16 both streams become tokens and
swap queries in both directions (POSTER). See docs/decisions/0003 for what was left out.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.faces.preprocessing import STD
from engine.types import CLASSES
from training.models.landmark_net import LandmarkNet
from training.models.trunk import CHANNELS, Taps, Trunk, stage, stem
from training.types import Answer

WINDOW = 7
BLOCKS = (2, 3, 3)  # residual units of the image stream's stages
HEADS = (2, 4, 5)  # of the attention behind each stage


class WindowFusion(nn.Module):
    """Landmark queries, image keys and values, in windows of 7x7.

    Source: POSTER++ (Mao et al. 2023), W-MCSA; ARBEx specification, section 3.1. The relative
    position bias is a full table: windows are small here.
    """

    def __init__(self, dim: int, query_dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.image_norm = nn.BatchNorm2d(dim)
        self.query_norm = nn.BatchNorm2d(query_dim)
        self.query = nn.Linear(query_dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.project = nn.Linear(dim, dim)
        self.bias = nn.Parameter(torch.zeros(heads, WINDOW**2, WINDOW**2))
        nn.init.trunc_normal_(self.bias, std=0.02)

    def forward(self, image: Tensor, landmarks: Tensor) -> Tensor:
        """Add what the landmarks ask of the image: (B, dim, H, W) and (B, query_dim, H, W)."""
        query = self._heads(self.query(windows(self.query_norm(landmarks))))
        pair = self.key_value(windows(self.image_norm(image)))
        key, value = (self._heads(x) for x in pair.chunk(2, 1))
        # Written out: the fused form has no fast backward pass for a bias that is trained.
        scores = (query * query.shape[3] ** -0.5) @ key.transpose(2, 3) + self.bias
        answer = (scores.softmax(3) @ value).transpose(1, 2).flatten(0, 1).flatten(1)
        y: Tensor = unwindowed(self.project(answer), image.shape[2])
        return image + y

    def _heads(self, x: Tensor) -> Tensor:
        """(windows * 49, C) to (windows, heads, 49, C / heads)."""
        return x.reshape(-1, WINDOW**2, self.heads, x.shape[1] // self.heads).transpose(1, 2)


def windows(x: Tensor) -> Tensor:
    """Cut (B, C, S, S) into (B * windows * 49, C): two axes, so that ONNX gets one Gemm a layer."""
    count, channels = x.shape[2] // WINDOW, x.shape[1]
    # A window's row stays one piece: cheap to move.
    rows = x.permute(0, 2, 3, 1).reshape(-1, count, WINDOW, count, WINDOW * channels)
    return rows.transpose(2, 3).reshape(-1, channels)


def unwindowed(x: Tensor, side: int) -> Tensor:
    """Undo `windows` for maps of `side`."""
    count, channels = side // WINDOW, x.shape[1]
    rows = x.reshape(-1, count, count, WINDOW, WINDOW * channels).transpose(2, 3)
    return rows.reshape(-1, side, side, channels).permute(0, 3, 1, 2)


class SwapAttention(nn.Module):
    """Attention whose queries are the other stream's tokens, unprojected (POSTER, eq. 3-4)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.key_value = nn.Linear(dim, 2 * dim)
        self.project = nn.Linear(dim, dim)

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """Map two (B, T, dim) streams to the update (B, T, dim) of `own`."""
        query = self._heads(other)
        key, value = (self._heads(x) for x in self.key_value(own).chunk(2, 2))
        y = functional.scaled_dot_product_attention(query, key, value)
        merged: Tensor = self.project(y.transpose(1, 2).reshape(own.shape))
        return merged

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(-1, x.shape[1], self.heads, x.shape[2] // self.heads).transpose(1, 2)


class TokenFusionBlock(nn.Module):
    """Both streams ask each other, then pass an MLP each (POSTER specification, 3.2)."""

    def __init__(self, dim: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.drop_path = drop_path
        self.norms = nn.ModuleList(nn.LayerNorm(dim, eps=1e-6) for _ in range(4))
        self.image_attention = SwapAttention(dim, heads)
        self.landmark_attention = SwapAttention(dim, heads)
        self.image_mlp = _mlp(dim)
        self.landmark_mlp = _mlp(dim)

    def forward(self, image: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
        """Update both (B, T, dim) streams from their states at the block's input."""
        a, g = self.norms[0](image), self.norms[2](landmarks)
        image = image + self._drop(self.image_attention(a, g))
        landmarks = landmarks + self._drop(self.landmark_attention(g, a))
        image = image + self._drop(self.image_mlp(self.norms[1](image)))
        landmarks = landmarks + self._drop(self.landmark_mlp(self.norms[3](landmarks)))
        return image, landmarks

    def _drop(self, x: Tensor) -> Tensor:
        """Stochastic depth per sample (Huang et al. 2016)."""
        if not self.training or self.drop_path == 0:
            return x
        keep = 1 - self.drop_path
        mask = x.new_empty(len(x), 1, 1).bernoulli_(keep) / keep
        return x * mask


def _mlp(dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))


class PosterRT(nn.Module):
    """Expression, valence-arousal, landmarks and presence of (B, 3, 112, 112) crops.

    The image stream sees the crop gray, averaged to 56x56 and standardised: FER+ pictures are
    gray and 48 pixels wide, and what training never had (colour, fine detail, a camera's
    exposure) must not reach the classifier live.
    """

    luminance: Tensor

    def __init__(
        self,
        landmark_net: LandmarkNet | None = None,
        *,
        classes: int = CLASSES,
        channels: tuple[int, int, int] = CHANNELS,
        blocks: tuple[int, int, int] = BLOCKS,
        depth: int = 1,
        dropout: float = 0.2,
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        c1, c2, c3 = channels
        self.landmark_net = landmark_net or LandmarkNet()
        self.landmark_net.requires_grad_(False)
        self.stem = stem(1, c1, cin=1)
        self.register_buffer("luminance", luminance())
        self.stage1 = stage(c1, c1, blocks[0], stride=1)
        self.fuse1 = WindowFusion(c1, CHANNELS[0], heads=HEADS[0])
        self.stage2 = stage(c1, c2, blocks[1])
        self.fuse2 = WindowFusion(c2, CHANNELS[1], heads=HEADS[1])
        self.stage3 = stage(c2, c3, blocks[2])
        self.landmark_tokens = nn.Linear(CHANNELS[2], c3)
        self.position = nn.Parameter(torch.zeros(1, WINDOW**2 + 1, c3))
        self.blocks = nn.ModuleList(TokenFusionBlock(c3, HEADS[2], drop_path) for _ in range(depth))
        self.norm = nn.LayerNorm(3 * c3, eps=1e-6)
        self.dropout = nn.Dropout(dropout)
        self.expression = nn.Linear(3 * c3, classes)
        self.affect = nn.Linear(3 * c3, 2)

    def train(self, mode: bool = True) -> "PosterRT":
        """Switch modes; the frozen landmark network stays in eval, its statistics fixed."""
        super().train(mode)
        self.landmark_net.eval()
        return self

    def forward(self, images: Tensor) -> Answer:
        """Judge ImageNet-normalised RGB (B, 3, 112, 112).

        Extras: ``landmarks`` (B, 68, 2), fraction of the crop, and ``presence`` (B,), logit of a
        well-centred face.
        """
        with torch.no_grad():
            landmarks, presence, taps = self.landmark_net(images)
        feature = self.feature(images, taps)
        extras = {"landmarks": landmarks, "presence": presence}
        return Answer(self.expression(feature), torch.tanh(self.affect(feature)), feature, extras)

    def fuse(self, x: Tensor, taps: Taps) -> tuple[Tensor, Tensor]:
        """Map crops and the landmark network's taps to logits (B, C) and valence-arousal (B, 2)."""
        feature = self.feature(x, taps)
        return self.expression(feature), torch.tanh(self.affect(feature))

    def feature(self, x: Tensor, taps: Taps) -> Tensor:
        """Map crops and the landmark network's taps to what the heads read, (B, D)."""
        y = self.stem(standardised(x, self.luminance))
        y = self.fuse1(self.stage1(y), taps[0])
        y = self.fuse2(self.stage2(y), taps[1])
        image = _tokens(self.stage3(y)) + self.position
        marks = self.landmark_tokens(_tokens(taps[2]))
        for block in self.blocks:
            image, marks = block(image, marks)
        feature = self.norm(torch.cat([image[:, 0], image[:, 1:].mean(1), marks[:, 0]], 1))
        read: Tensor = self.dropout(feature)
        return read


def start_from_landmarks(model: PosterRT) -> None:
    """Copy the landmark trunk into the image stream wherever shapes agree, in place.

    Both trunks are built alike; a face's parts need not be learnt twice.
    """
    source = model.landmark_net.trunk.state_dict()
    own = model.state_dict()
    fits = {name: x for name, x in source.items() if name in own and own[name].shape == x.shape}
    model.load_state_dict({**own, **fits})


def standardised(x: Tensor, weights: Tensor) -> Tensor:
    """(B, 3, 112, 112) RGB to (B, 1, 56, 56): gray, each crop with mean 0 and deviation 1."""
    gray = functional.conv2d(x, weights.expand(1, 3, 2, 2) / 4, stride=2)
    # Twice: what rounding left of the mean is divided by hardly more than 0.02 on a flat picture.
    for _ in range(2):
        gray = gray - gray.mean((2, 3), keepdim=True)
    deviation = (gray * gray).mean((2, 3), keepdim=True).sqrt()  # in ONNX, cheaper than a power
    return gray / (deviation + 0.02)


def luminance() -> Tensor:
    """Weights (1, 3, 1, 1) that turn ImageNet-normalised RGB into gray up to a constant."""
    weights = torch.tensor([0.299, 0.587, 0.114]) * torch.tensor(STD)  # ITU-R BT.601
    return weights.reshape(1, 3, 1, 1)


class RTTrunk(Trunk):
    """The image stream of `PosterRT` without its cross-fusion, an image trunk for other systems.

    Names and shapes of its weights are those of `PosterRT`.

    Attributes:
        channels: Of the taps.
        sides: Of the taps.
    """

    channels: tuple[int, int, int] = CHANNELS
    sides: tuple[int, int, int] = (28, 14, 7)
    luminance: Tensor

    def __init__(self) -> None:
        super().__init__(stem_stride=1, cin=1, blocks=BLOCKS)
        self.register_buffer("luminance", luminance())

    def forward(self, x: Tensor) -> Taps:
        """Map normalised RGB (B, 3, 112, 112) to taps (B, channels[i], sides[i], sides[i])."""
        return super().forward(standardised(x, self.luminance))


def _tokens(x: Tensor) -> Tensor:
    """(B, C, H, W) to (B, 1 + H * W, C), the class token first: the mean of the others."""
    tokens = x.flatten(2).transpose(1, 2)
    return torch.cat([tokens.mean(1, keepdim=True), tokens], 1)
