"""poster-rt's cross-fusion with what is constant worked out beforehand: same answers, less work.

Each step is exact algebra on a trained network in eval mode (docs/speed.md has what it saves):

- batch norms in front of a linear layer, and the attention's scale, go into its weights;
- the bias of keys goes: it adds the same to all scores of a query, which softmax does not see;
- the bias of values goes into the layer behind: the weights of an answer add up to one;
- of the last block only the class tokens and the image tokens' mean are read: what else it would
  compute is left out, and a linear layer of a mean is computed once.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.models.poster_rt import (
    WINDOW,
    PosterRT,
    SwapAttention,
    TokenFusionBlock,
    WindowFusion,
    standardised,
    unwindowed,
    windows,
)

PLACES = WINDOW**2


class FoldedFusion(nn.Module):
    """What the ONNX file computes: poster-rt without its landmark network."""

    spread: Tensor
    pool: Tensor

    def __init__(self, model: PosterRT) -> None:
        super().__init__()
        self.model = model.eval()
        self.fuse1 = _FoldedWindows(model.fuse1)
        self.fuse2 = _FoldedWindows(model.fuse2)
        self.last = _FoldedBlock(model.blocks[-1])  # type: ignore[arg-type]  # of nn.ModuleList
        mean = torch.full((1, PLACES), 1 / PLACES)
        # Products with constants: places to tokens, class token first; tokens to the two read.
        self.register_buffer("spread", torch.cat([mean, torch.eye(PLACES)]))
        first = torch.eye(1, PLACES + 1)
        self.register_buffer("pool", torch.cat([first, functional.pad(mean, (1, 0))]))

    def forward(
        self, crops: Tensor, map4: Tensor, map8: Tensor, map16: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Map crops and the landmark network's taps to logits and valence-arousal."""
        model = self.model
        y = model.stem(standardised(crops, model.luminance))
        y = self.fuse1(model.stage1(y), map4)
        y = self.fuse2(model.stage2(y), map8)
        image = self._tokens(model.stage3(y)) + model.position
        marks = _linear(self._tokens(map16), model.landmark_tokens)
        for block in list(model.blocks)[:-1]:
            image, marks = block(image, marks)
        read, mark = self.last(image, marks, self.pool)
        feature = model.norm(torch.cat([read.flatten(1), mark], 1))
        return model.expression(feature), torch.tanh(model.affect(feature))

    def _tokens(self, x: Tensor) -> Tensor:
        """(B, C, 7, 7) to (B, 50, C), the class token first: the mean of the others."""
        return self.spread @ x.flatten(2).transpose(1, 2)


class _FoldedWindows(nn.Module):
    """`WindowFusion` in eval mode."""

    @torch.no_grad()
    def __init__(self, block: WindowFusion) -> None:
        super().__init__()
        self.heads = block.heads
        dim = block.project.out_features
        scale = (dim // block.heads) ** -0.5
        gain, shift = _affine(block.query_norm)
        weight, bias = block.query.weight, block.query.bias
        self.query = _layer(weight * gain * scale, (weight @ shift + bias) * scale)
        gain, shift = _affine(block.image_norm)
        key, value = block.key_value.weight.chunk(2)
        constant = value @ shift + block.key_value.bias.chunk(2)[1]
        self.key = _layer(key * gain)
        self.value = _layer(value * gain)
        self.project = _onto(block.project, constant)
        self.bias = nn.Parameter(block.bias.clone())

    def forward(self, image: Tensor, landmarks: Tensor) -> Tensor:
        """Add what the landmarks ask of the image: (B, dim, H, W) and (B, query_dim, H, W)."""
        x = windows(image)
        query = self._split(self.query(windows(landmarks)))
        scores = query @ self._split(self.key(x)).transpose(2, 3) + self.bias
        answer = scores.softmax(3) @ self._split(self.value(x))
        merged = answer.transpose(1, 2).reshape(-1, self.project.in_features)
        return image + unwindowed(self.project(merged), image.shape[2])

    def _split(self, x: Tensor) -> Tensor:
        """(windows * 49, C) to (windows, heads, 49, C / heads)."""
        return x.reshape(-1, PLACES, self.heads, x.shape[1] // self.heads).transpose(1, 2)


class _FoldedSwap(nn.Module):
    """`SwapAttention` in eval mode, asked by any number of tokens."""

    @torch.no_grad()
    def __init__(self, block: SwapAttention) -> None:
        super().__init__()
        self.heads = block.heads
        dim = block.project.out_features
        key, value = block.key_value.weight.chunk(2)
        self.key = _layer(key * (dim // block.heads) ** -0.5)
        self.value = _layer(value)
        self.project = _onto(block.project, block.key_value.bias.chunk(2)[1])

    def forward(self, own: Tensor, query: Tensor) -> Tensor:
        """Map tokens (B, T, dim) and queries (B, U, dim) to the update (B, U, dim) of `own`."""
        key, value = (self._split(_linear(own, layer)) for layer in (self.key, self.value))
        scores = self._split(query) @ key.transpose(2, 3)
        answer = (scores.softmax(3) @ value).transpose(1, 2).reshape(query.shape)
        return _linear(answer, self.project)

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(-1, x.shape[1], self.heads, x.shape[2] // self.heads).transpose(1, 2)


class _FoldedBlock(nn.Module):
    """The last `TokenFusionBlock` in eval mode: only what is read of it."""

    def __init__(self, block: TokenFusionBlock) -> None:
        super().__init__()
        self.block = block
        self.image_attention = _FoldedSwap(block.image_attention)
        self.landmark_attention = _FoldedSwap(block.landmark_attention)

    def forward(self, image: Tensor, landmarks: Tensor, pool: Tensor) -> tuple[Tensor, Tensor]:
        """Map two (B, T, dim) streams to image tokens (B, 2, dim) and a landmark token (B, dim).

        Args:
            image: Tokens, the class token first.
            landmarks: Tokens, the class token first.
            pool: (2, T), what is read of the image tokens: the class token, the others' mean.
        """
        block = self.block
        a, g = block.norms[0](image), block.norms[2](landmarks)
        image = image + self.image_attention(a, g)
        mark = landmarks[:, :1] + self.landmark_attention(g, a[:, :1])
        mark = mark[:, 0]
        mark = mark + block.landmark_mlp(block.norms[3](mark))
        rise, gelu, fall = block.image_mlp
        hidden = gelu(_linear(block.norms[1](image), rise))
        return pool @ image + _linear(pool @ hidden, fall), mark


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Give factor and summand of a batch norm in eval mode."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return gain, norm.bias - norm.running_mean * gain


def _layer(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight = nn.Parameter(weight.clone())
    if bias is not None:
        layer.bias = nn.Parameter(bias.clone())
    return layer


def _onto(layer: nn.Linear, constant: Tensor) -> nn.Linear:
    """Give a layer that takes its input less `constant`."""
    return _layer(layer.weight, layer.weight @ constant + layer.bias)


def _linear(x: Tensor, layer: nn.Module) -> Tensor:
    """Apply a layer to (B, T, C) as two axes: ONNX then gets one Gemm, bias included."""
    y: Tensor = layer(x.reshape(-1, x.shape[2]))
    return y.reshape(x.shape[0], x.shape[1], y.shape[1])
