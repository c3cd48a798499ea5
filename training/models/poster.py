"""POSTER: image and landmark tokens swap attention queries at three widths of their features.

Source: Zheng et al. (2022), "POSTER: a pyramid cross-fusion transformer network"; POSTER
specification, sections 2 and 3, which follow the released weights where paper and code differ.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.models.drop_path import DropPath, drop_rates
from training.models.ir50 import halved
from training.models.poster_rt import SwapAttention
from training.models.trunk import sides_of

PLACES = 49  # of the 7x7 grid
STREAM = 1 + PLACES  # a class token, then one token a place
TOKENS = 2 * STREAM
HEADS = 8

Tokenise = Literal["raw_view", "space_to_depth"]


def raw_view(x: Tensor) -> Tensor:
    """Reread (B, C, 14, 14) in memory order as (B, 49, 4C), as the released weights want it.

    A token holds some five whole channel maps (C = 256), not a place of the picture.
    """
    return x.reshape(x.shape[0], PLACES, 4 * x.shape[1])


def space_to_depth(x: Tensor) -> Tensor:
    """Stack each 2x2 cell of (B, C, 14, 14) into one of 49 tokens in reading order, (B, 49, 4C)."""
    return functional.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)


def grid(x: Tensor) -> Tensor:
    """Take each place of (B, C, 7, 7) for a token in reading order, (B, 49, C)."""
    return x.flatten(2).transpose(1, 2)


TOKENISERS: dict[Tokenise, Callable[[Tensor], Tensor]] = {
    "raw_view": raw_view,
    "space_to_depth": space_to_depth,
}


class CrossBlock(nn.Module):
    """Both streams ask each other, pass an MLP each, and mix their tokens.

    Source: POSTER specification, section 3.2; Zheng et al. (2022), eq. 3 and 4.

    Args:
        dim: Features of a token, a multiple of 8.
        token_mix: End with a learned 100x100 matrix over the tokens (RAF-DB; not AffectNet).
        q_proj: Project the queries, which the paper draws and the released weights do not do.
        drop_path: Share of samples for which a residual branch rests.
    """

    def __init__(
        self, dim: int, *, token_mix: bool = True, q_proj: bool = False, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3, self.norm4 = (_norm(dim) for _ in range(4))
        self.image_attention = SwapAttention(dim, HEADS)
        self.landmark_attention = SwapAttention(dim, HEADS)
        self.image_query = nn.Linear(dim, dim) if q_proj else nn.Identity()
        self.landmark_query = nn.Linear(dim, dim) if q_proj else nn.Identity()
        self.mlp1, self.mlp2 = _mlp(dim), _mlp(dim)
        self.drop = DropPath(drop_path)
        self.token_mix = nn.Conv1d(TOKENS, TOKENS, 1) if token_mix else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Update (B, 100, dim): 50 image tokens, then 50 landmark tokens."""
        image, marks = x.chunk(2, 1)
        a_image, a_marks = self.norm1(x).chunk(2, 1)
        g_image, g_marks = self.norm3(x).chunk(2, 1)
        image = image + self.drop(self.image_attention(a_image, self.landmark_query(a_marks)))
        image = image + self.drop(self.mlp1(self.norm2(image)))
        marks = marks + self.drop(self.landmark_attention(g_marks, self.image_query(g_image)))
        marks = marks + self.drop(self.mlp2(self.norm4(marks)))
        y: Tensor = self.token_mix(torch.cat([image, marks], 1))
        return y


class PyramidBlock(nn.Module):
    """A cross block a level; then the small level joins the medium one, and that the large one.

    Source: POSTER specification, section 2, "depth x PyramidBlock".
    """

    def __init__(
        self, dim: int, *, token_mix: bool = True, q_proj: bool = False, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        self.large, self.medium, self.small = (
            CrossBlock(dim // share, token_mix=token_mix, q_proj=q_proj, drop_path=drop_path)
            for share in (1, 2, 4)
        )
        self.up_small = nn.ConvTranspose1d(TOKENS, TOKENS, 2, 2)
        self.up_medium = nn.ConvTranspose1d(TOKENS, TOKENS, 2, 2)

    def forward(self, large: Tensor, medium: Tensor, small: Tensor) -> tuple[Tensor, ...]:
        """Update the levels (B, 100, dim), (B, 100, dim / 2) and (B, 100, dim / 4)."""
        small = self.small(small)
        medium = self.medium(medium) + self.up_small(small)
        large = self.large(large) + self.up_medium(medium)
        return large, medium, small


class PyramidFusion(nn.Module):
    """From 49 image and 49 landmark tokens to one class token (POSTER specification, section 2).

    Class tokens are means, not parameters. The convolutions that make the narrow levels take
    tokens for channels and stride over features.
    """

    def __init__(
        self,
        dim: int,
        depth: int,
        *,
        token_mix: bool = True,
        q_proj: bool = False,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.zeros(1, STREAM, dim))
        self.down_medium = nn.Conv1d(TOKENS, TOKENS, 2, 2)
        self.down_small = nn.Conv1d(TOKENS, TOKENS, 4, 4)
        self.blocks = nn.ModuleList(
            PyramidBlock(dim, token_mix=token_mix, q_proj=q_proj, drop_path=rate)
            for rate in drop_rates(drop_path, depth)
        )
        self.norm = _norm(dim)

    def forward(self, image: Tensor, marks: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse two (B, 49, dim) streams.

        Returns:
            The image's class token (B, dim) before and after the final layer norm; the
            landmarks' class token has no further use.
        """
        large = torch.cat([_with_class(image) + self.position, _with_class(marks)], 1)
        levels = large, self.down_medium(large), self.down_small(large)
        for block in self.blocks:
            levels = block(*levels)
        token = levels[0][:, 0]
        return token, self.norm(token)


class Gate(nn.Module):
    """z = f * sigmoid(W2 relu(W1 f)), the "SE" block of the released code."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim), nn.Sigmoid())

    def forward(self, f: Tensor) -> Tensor:
        """Map (B, dim) to (B, dim)."""
        z: Tensor = f * self.gate(f)
        return z


class PosterFeatures(NamedTuple):
    """What POSTER's body says of a crop.

    Attributes:
        z: (B, dim), what a classifier reads.
        class_token: (B, dim), the fused class token before the final layer norm.
        image_token: (B, dim), mean of the projected image tokens, no landmark in it.
    """

    z: Tensor
    class_token: Tensor
    image_token: Tensor


class Poster(nn.Module):
    """POSTER without its classifier; depth 4, 6 and 8 are POSTER-s, -m and -l.

    Args:
        image: Trunk with attributes `channels` and `sides` whose third tap is
            (B, channels[2], 14, 14); or of side 7, whose places are the tokens.
        landmarks: Frozen network, always in eval, with attribute `channels` whose third tap is
            (B, channels[2], 7, 7); projected where its channels are not `dim`.
        dim: Features of a token at the widest level, a multiple of 32; 512 in the paper.
        depth: Pyramid blocks.
        tokenise: How the image's third tap of side 14 becomes 49 tokens.
        token_mix: See `CrossBlock`.
        q_proj: See `CrossBlock`.
        drop_path: Of the last block; it rises linearly from 0 in the first.
    """

    def __init__(
        self,
        image: nn.Module,
        landmarks: nn.Module,
        *,
        dim: int = 512,
        depth: int = 4,
        tokenise: Tokenise = "raw_view",
        token_mix: bool = True,
        q_proj: bool = False,
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        self.image, self.landmarks = image, landmarks
        ready = sides_of(image)[2] ** 2 == PLACES
        self.tokenise = grid if ready else TOKENISERS[tokenise]
        self.image_project = nn.Linear((1 if ready else 4) * _last_channels(image), dim)
        width = _last_channels(landmarks)
        self.landmark_project = nn.Identity() if width == dim else nn.Linear(width, dim)
        self.fusion = PyramidFusion(
            dim, depth, token_mix=token_mix, q_proj=q_proj, drop_path=drop_path
        )
        self.gate = Gate(dim)

    def forward(self, images: Tensor) -> PosterFeatures:
        """Read ImageNet-normalised RGB crops, (B, 3, 112, 112) or (B, 3, 224, 224)."""
        images = halved(images)
        with torch.no_grad():
            marks = self.landmarks(images)[2]
        x_image = self.image_project(self.tokenise(self.image(images)[2]))
        x_marks = self.landmark_project(grid(marks))
        token, f = self.fusion(x_image, x_marks)
        return PosterFeatures(self.gate(f), token, x_image.mean(1))


def _last_channels(stream: nn.Module) -> int:
    channels = stream.channels
    if not isinstance(channels, tuple) or len(channels) != 3:
        raise TypeError(f"channels: expected three numbers, got {channels!r}")
    return int(channels[2])


def _with_class(x: Tensor) -> Tensor:
    """(B, 49, dim) to (B, 50, dim): the mean token first."""
    return torch.cat([x.mean(1, keepdim=True), x], 1)


def _norm(dim: int) -> nn.LayerNorm:
    return nn.LayerNorm(dim, eps=1e-6)


def _mlp(dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
