"""POSTER++ encoder: three levels of window cross-attention, read together by a small ViT.

Source: POSTER++ (Mao et al. 2023); ARBEx (Wasi et al. 2023), section 3.2, eq. 4-8; ARBEx
specification, section 3. Of POSTER's two directions only landmarks asking the image is left.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.models.drop_path import DropPath, drop_rates
from training.models.ir50 import halved
from training.models.poster import Gate
from training.models.trunk import Taps, channels_of, sides_of
from training.models.window_attention import HEAD_SIZE, WindowCrossAttention

WINDOWS = (28, 14, 7)
TOKENS = 3 * WINDOWS[-1] ** 2 + 1


class Encoded(NamedTuple):
    """What the encoder says of a batch of faces.

    Attributes:
        feature: (B, width), v: the class token after its gate.
        tokens: (B, 148, width), the ViT's normalised tokens, the class token first, ungated.
    """

    feature: Tensor
    tokens: Tensor


class CrossLevel(nn.Module):
    """One level: halve the image map, let the landmarks ask it, pass an MLP (eq. 4-5).

    Args:
        dim: Channels of the image map.
        window: Side of the halved map and of the landmark map.
        landmarks: Channels of the landmark map; a 3x3 convolution mends a difference.
        drop_path: Rate of both residual branches.
        side: Of the image map: 2M, or M, which is not halved.
        head_size: Of the attention.
    """

    def __init__(
        self,
        dim: int,
        window: int,
        landmarks: int,
        drop_path: float,
        *,
        side: int,
        head_size: int = HEAD_SIZE,
    ) -> None:
        super().__init__()
        same = landmarks == dim
        self.landmarks = nn.Identity() if same else nn.Conv2d(landmarks, dim, 3, 1, 1)
        self.halve = nn.Conv2d(dim, dim, 3, side // window, 1)
        self.norm = nn.LayerNorm(dim)
        self.attention = WindowCrossAttention(dim, window, head_size)
        self.attention_scale = nn.Parameter(torch.full((dim,), 1e-5))
        self.mlp_norm = nn.LayerNorm(dim)
        self.mlp = _mlp(dim)
        self.mlp_scale = nn.Parameter(torch.full((dim,), 1e-5))
        self.drop_path = DropPath(drop_path)

    def forward(self, image: Tensor, landmarks: Tensor) -> Tensor:
        """Map (B, dim, side, side) and landmarks (B, C, M, M) to (B, dim, M, M).

        Y = R + DropPath(g1 O), Z = Y + DropPath(g2 MLP(LN(Y))); R is the normalised map.
        """
        shortcut: Tensor = self.norm(self.halve(image).permute(0, 2, 3, 1))
        query = self.landmarks(landmarks).permute(0, 2, 3, 1)
        answer = self.attention(shortcut, query)
        y: Tensor = shortcut + self.drop_path(self.attention_scale * answer)
        y = y + self.drop_path(self.mlp_scale * self.mlp(self.mlp_norm(y)))
        return y.permute(0, 3, 1, 2)


class ViTBlock(nn.Module):
    """Self-attention and an MLP, each after its norm (Dosovitskiy et al. 2021)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = _mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, width) to the same shape."""
        split = self.qkv(self.norm1(x)).reshape(*x.shape[:2], 3, self.heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        answer = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.project(answer.transpose(1, 2).flatten(2))
        y: Tensor = x + self.mlp(self.norm2(x))
        return y


class MultiScaleViT(nn.Module):
    """Read the tokens of all levels at once; the class token answers (eq. 6-8)."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.class_token = nn.Parameter(torch.empty(1, 1, width))
        self.position = nn.Parameter(torch.empty(1, TOKENS, width))
        self.blocks = nn.Sequential(*(ViTBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.gate = Gate(width)
        self.apply(_initialise)
        nn.init.trunc_normal_(self.class_token, std=0.02)
        nn.init.trunc_normal_(self.position, std=0.02)

    def forward(self, x: Tensor) -> Encoded:
        """Map the levels' tokens (B, 147, width) to `Encoded`."""
        # Not len(x): it would fix the batch size of an exported graph.
        x = torch.cat([self.class_token.expand(x.shape[0], -1, -1), x], 1)
        tokens = self.norm(self.blocks(x + self.position))
        return Encoded(self.gate(tokens[:, 0]), tokens)


class PosterPP(nn.Module):
    """Encoder of normalised RGB crops (B, 3, 112, 112) or (B, 3, 224, 224).

    Args:
        image: Trunk with `channels` and `sides`: 56, 28 and 14 as `IR50`, or half of these.
        landmarks: Network with `channels` and taps of sides 28, 14 and 7, as `MobileFaceNet`;
            it freezes itself.
        width: Of the tokens and of the feature.
        depth: Blocks of the ViT.
        heads: Of each of them; divides `width`.
        drop_path: Rate of the last level; 0 in the first, half of it in the second.
        head_size: Of the window attention; divides the trunk's channels.
    """

    def __init__(
        self,
        image: nn.Module,
        landmarks: nn.Module,
        *,
        width: int = 768,
        depth: int = 2,
        heads: int = 8,
        drop_path: float = 0.25,
        head_size: int = HEAD_SIZE,
    ) -> None:
        super().__init__()
        self.image = image
        self.landmarks = landmarks
        dims, marks = channels_of(image), channels_of(landmarks)
        taps = zip(dims, WINDOWS, marks, drop_rates(drop_path, 3), sides_of(image), strict=True)
        self.levels = nn.ModuleList(
            CrossLevel(dim, window, channels, rate, side=side, head_size=head_size)
            for dim, window, channels, rate, side in taps
        )
        self.embeds = nn.ModuleList(
            [
                nn.Sequential(_halving(dims[0], width), _halving(width, width)),
                _halving(dims[1], width),
                nn.Conv2d(dims[2], width, 1),
            ]
        )
        self.vit = MultiScaleViT(width, depth, heads)

    def forward(self, images: Tensor) -> Encoded:
        """Give v and the tokens of `images`; 224 is halved by dropping every other pixel."""
        images = halved(images)
        maps = self.fuse(self.image(images), self.landmarks(images))
        tokens = [
            embed(x).flatten(2).transpose(1, 2) for embed, x in zip(self.embeds, maps, strict=True)
        ]
        encoded: Encoded = self.vit(torch.cat(tokens, 1))
        return encoded

    def fuse(self, image: Taps, landmarks: Taps) -> list[Tensor]:
        """Give each level's map: (B, C1, 28, 28), (B, C2, 14, 14) and (B, C3, 7, 7)."""
        taps = zip(self.levels, image, landmarks, strict=True)
        return [level(picture, marks) for level, picture, marks in taps]


def _halving(cin: int, cout: int) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, 3, 2, 1)


def _mlp(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


def _initialise(module: nn.Module) -> None:
    """Small linears as POSTER++ has them, in place."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)
