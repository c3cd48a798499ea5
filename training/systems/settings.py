"""What the systems' settings share: what the trainer asks of them."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field

from engine.config import Side, checked
from training.data.table import FaceTable

Classes = Annotated[int, Field(ge=2)]


@checked()
class Starting:
    """Settings that may say what a network starts from.

    Attributes:
        STARTS: The keys that do, such as paths of weights; by default they say nothing.
    """

    STARTS: ClassVar[tuple[str, ...]] = ()

    def files(self) -> list[Path]:
        """List the weights files that it starts from or is fed by."""
        named = [getattr(self, key) for key in self.STARTS]
        return [Path(name) for name in named if name and isinstance(name, str)]

    def bare(self) -> Self:
        """Give the same settings for a network that starts from nothing."""
        defaults = {each.name: each.default for each in fields(self) if each.name in self.STARTS}
        return replace(self, **defaults)


@checked()
class SystemSettings(Starting):
    """What the trainer asks of any system's settings; the answers here suit most.

    Attributes:
        classes: C.
        input_size: Side of the crops it takes, pixels.
    """

    classes: Classes
    input_size: Side

    @property
    def expressions(self) -> bool:
        """Whether it learns to tell expressions apart."""
        return True

    @property
    def affect(self) -> bool:
        """Whether it learns valence and arousal."""
        return False

    @property
    def affect_least(self) -> int:
        """How many faces of a batch must have valence and arousal for its loss to count them."""
        return int(self.affect)

    @property
    def needs_gray(self) -> bool:
        """Whether the engine shows it gray crops, whatever it was trained on."""
        return False

    @property
    def needs_twins(self) -> bool:
        """Whether its loss compares the answers to a face and to its twin."""
        return False

    @property
    def needs_prior(self) -> bool:
        """Whether its loss asks how votes spread over the classes."""
        return False

    def check_start(self, start: str) -> None:
        """Refuse to train without weights that it cannot do without.

        Args:
            start: Weights of the whole system; empty for none.

        Raises:
            ConfigError: There are none.
        """

    def check_pictures(self, table: FaceTable) -> None:
        """Refuse pictures that were not made ready as it asks.

        Raises:
            ConfigError: They were not.
        """
