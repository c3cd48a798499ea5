"""Data, models, losses and trainers that produce the full models."""

from typing import Final

LIBRARIES: Final = ("torch", "lightning-fabric", "timm")  # named by each command's --version
