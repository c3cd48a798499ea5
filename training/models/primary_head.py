"""ARBEx's primary classifier, whose distribution reliability balancing then corrects."""

from torch import Tensor, nn


class PrimaryHead(nn.Module):
    """MLP g: two times Linear, ReLU, Dropout, BatchNorm; then a Linear.

    Source: ARBEx (Wasi et al. 2023), section 4; ARBEx specification, section 4.
    """

    def __init__(self, dim: int, classes: int, *, hidden: int = 64, dropout: float = 0.5) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_layer(dim, hidden, dropout),
            *_layer(hidden, hidden, dropout),
            nn.Linear(hidden, classes),
        )

    def forward(self, embedding: Tensor) -> Tensor:
        """Map embeddings (B, dim) to logits (B, C); their softmax is p (eq. 9)."""
        logits: Tensor = self.layers(embedding)
        return logits


def _layer(cin: int, cout: int, dropout: float) -> tuple[nn.Module, ...]:
    return nn.Linear(cin, cout), nn.ReLU(), nn.Dropout(dropout), nn.BatchNorm1d(cout)
