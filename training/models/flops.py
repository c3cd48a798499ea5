"""The size of a network: parameters and multiply-accumulates, attention products included."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from training.models.trunk import parameter_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How big a network is.

    Attributes:
        parameters: Trained and frozen ones.
        gmac: Thousand million multiply-accumulates of a forward pass, which is half the FLOPs:
            convolutions, linear layers and attention products.
    """

    parameters: int
    gmac: float

    def as_dict(self) -> dict[str, int | float]:
        """Give the figures by name, ready for JSON."""
        return {"parameters": self.parameters, "gmac": self.gmac}


def size_of(module: nn.Module, example: Tensor) -> Size:
    """Measure a module in eval mode on an example input, whose batch should be one.

    Both may live on the meta device, which costs next to nothing. Source: common
    specification, section 9.
    """
    was_training = module.training
    counter = FlopCounterMode(display=False, custom_mapping=_CPU_ATTENTION)
    with counter, torch.no_grad():
        module.eval()(example)
    module.train(was_training)
    return Size(parameters=parameter_count(module), gmac=counter.get_total_flops() / 2e9)


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:  # noqa: ANN401 - shapes, as torch hands them over
    """Count both products of fused attention on a CPU; torch knows its GPU kernels only."""
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]  # torch's stub


_CPU_ATTENTION = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops}
