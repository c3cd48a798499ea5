"""W-MCSA: landmark queries, image keys and values, inside windows of the image map.

Source: POSTER++ (Mao et al. 2023), window-based multi-head cross-attention; ARBEx (Wasi et al.
2023), eq. 1-3; ARBEx specification, section 3.1. Maps here are channel-last.
"""

import math

import torch
from torch import Tensor, nn

HEAD_SIZE = 32


class WindowCrossAttention(nn.Module):
    """What a landmark map asks of an image map; every window is asked the same.

    Args:
        dim: Channels of both maps, a multiple of `head_size`.
        window: Side M of the landmark map and of the windows.
        head_size: Features of a head, 32 in the paper.

    Raises:
        ValueError: No whole number of heads fits `dim`.
    """

    index: Tensor
    fixed: Tensor | None

    def __init__(self, dim: int, window: int, head_size: int = HEAD_SIZE) -> None:
        super().__init__()
        if dim % head_size:
            raise ValueError(f"dim: must be a multiple of {head_size}, got {dim}")
        self.window, self.head_size = window, head_size
        self.heads = dim // head_size
        self.key_value = nn.Linear(dim, 2 * dim)
        self.project = nn.Linear(dim, dim)
        self.table = nn.Parameter(torch.empty((2 * window - 1) ** 2, self.heads))
        nn.init.trunc_normal_(self.table, std=0.02)
        self.register_buffer("index", relative_index(window), persistent=False)
        self.register_buffer("fixed", None, persistent=False)

    def forward(self, image: Tensor, landmarks: Tensor) -> Tensor:
        """O = merge(softmax(Q K^T / sqrt(head_size) + b_rel) V) W_o, heads concatenated.

        Args:
            image: (B, H, W, dim), normalised; H and W multiples of the window.
            landmarks: (B, M, M, dim), its channels are the queries as they are.

        Returns:
            (B, H, W, dim).
        """
        windows = partition(image, self.window)
        count = (image.shape[1] // self.window) * (image.shape[2] // self.window)
        query = self._heads(landmarks.flatten(1, 2))
        query = query if count == 1 else query.repeat_interleave(count, 0)
        key, value = (self._heads(x) for x in self.key_value(windows).chunk(2, 2))
        answer = (self.weights(query, key) @ value).transpose(1, 2).flatten(2)
        return merge(self.project(answer), self.window, image)

    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        """Map two (windows, heads, M^2, head_size) to attention (windows, heads, M^2, M^2)."""
        # Written out: the fused form has no fast backward pass for a bias that is trained.
        scores = query / math.sqrt(self.head_size) @ key.transpose(2, 3) + self.bias()
        return scores.softmax(3)

    def bias(self) -> Tensor:
        """Relative position bias (heads, M^2, M^2), query first."""
        if self.fixed is not None:
            return self.fixed
        return self.table[self.index].permute(2, 0, 1)

    def fix_bias(self) -> None:
        """Gather the bias once and for all, in place: a graph then holds it as a constant.

        The table is not trained from here on.
        """
        self.fixed = self.bias().detach().contiguous()

    def _heads(self, x: Tensor) -> Tensor:
        """(windows, M^2, dim) to (windows, heads, M^2, head_size)."""
        return x.reshape(*x.shape[:2], self.heads, self.head_size).transpose(1, 2)


def relative_index(window: int) -> Tensor:
    """Row of the bias table for every pair of places, (M^2, M^2) int64.

    (h - h' + M - 1)(2M - 1) + (w - w' + M - 1), from 0 to (2M - 1)^2 - 1.
    """
    side = torch.arange(window)
    apart = side[:, None] - side + window - 1
    rows = apart[:, None, :, None] * (2 * window - 1)
    return (rows + apart[None, :, None, :]).reshape(window**2, window**2)


def partition(x: Tensor, window: int) -> Tensor:
    """Cut maps (B, H, W, C) into windows (B * H/M * W/M, M^2, C), row by row.

    Raises:
        ValueError: H or W is no multiple of the window.
    """
    batch, height, width, channels = x.shape
    if height == width == window:
        return x.flatten(1, 2)
    if height % window or width % window:
        raise ValueError(f"x: sides must be multiples of {window}, got {height} x {width}")
    grid = x.reshape(batch, height // window, window, width // window, window, channels)
    return grid.transpose(2, 3).reshape(-1, window**2, channels)


def merge(windows: Tensor, window: int, like: Tensor) -> Tensor:
    """Undo `partition`; the batch and the sides are those of `like`, (B, H, W, C)."""
    batch, height, width, channels = like.shape
    if height == width == window:
        return windows.reshape(like.shape)
    grid = height // window, width // window
    cells = windows.reshape(batch, *grid, window, window, channels).transpose(2, 3)
    return cells.reshape(like.shape)
