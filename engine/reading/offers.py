"""What networks say of a face, and which of several is asked for what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.errors import ModelError
from engine.labels import EXPRESSIONS, Vocabulary, ordered
from engine.networks.manifest import ExpressionFacts, Manifest
from engine.record import MEASURES, RESERVED

LOGITS: Final = "logits"
AFFECT: Final = "valence_arousal"
CONFIDENCE: Final = "confidence"  # a network's own reliability: ARBEx's k(q)
OWN: Final = (CONFIDENCE, *MEASURES)  # a number a face each
# Of the distribution that the same network gives; that of another has its own.
_OF_EXPRESSIONS: Final = (CONFIDENCE, "primary_confidence")


@dataclass(frozen=True, slots=True)
class Offer:
    """What one network says of a face.

    Attributes:
        name: Of the network.
        labels: Its classes, in the order of `engine.labels.ordered`; none without expressions.
        affect: It was taught valence and arousal.
        measures: Its own numbers, some of `OWN`.
    """

    name: str
    labels: tuple[str, ...]
    affect: bool
    measures: tuple[str, ...]

    @property
    def derivable(self) -> bool:
        """Whether any of its classes has a published place on the plane."""
        return any(label in EXPRESSIONS for label in self.labels)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of several networks is asked for what: the first that has it.

    Attributes:
        expression: Place of the network with the classes; None where none knows any.
        affect: Place of the one with valence and arousal; None where there are none.
        derived: They follow from its classes.
        measures: Place of the network by the name of the number.
    """

    expression: int | None
    affect: int | None
    derived: bool
    measures: dict[str, int]


def offer_of(manifest: Manifest, outputs: Sequence[str] | None = None) -> Offer:
    """Say what a network gives.

    Args:
        manifest: Of the network.
        outputs: What its graph has, where that is open; else what the manifest says.

    Raises:
        ModelError: Its classes are not several, each once, or are called like other columns.
    """
    facts = manifest.read(ExpressionFacts)
    stated = facts.outputs or (LOGITS, AFFECT)
    if outputs is not None and facts.outputs:
        for lacking in (name for name in facts.outputs if name not in outputs):
            raise ModelError(f"{manifest.name}: gives no {lacking}, but {', '.join(outputs)}")
    there = stated if outputs is None else outputs
    labels = _checked(manifest.name, facts.labels)
    if labels and facts.temperature is None:
        raise ModelError(f"{manifest.name}: temperature: missing; its labels need one")
    if not labels and AFFECT not in there:
        raise ModelError(f"{manifest.name}: has neither labels nor {AFFECT}: nothing to read")
    measures = tuple(name for name in OWN if name in facts.outputs)
    return Offer(manifest.name, ordered(labels), AFFECT in there, measures)


def _checked(name: str, labels: Sequence[str]) -> Sequence[str]:
    if labels and (len(set(labels)) != len(labels) or len(labels) < 2):
        raise ModelError(f"{name}: labels: expected several, each once, got {list(labels)}")
    for label in labels:
        if label in RESERVED:
            raise ModelError(
                f"{name}: labels: {label} is the name of another column of the rows; "
                "call the class otherwise in the model's manifest"
            )
    return labels


def choose_outputs(offers: Sequence[Offer]) -> Choice:
    """Take each output from the first network that has it.

    Raises:
        ModelError: A network has nothing that those before it do not have.
    """
    expression = _first(bool(offer.labels) for offer in offers)
    affect = _first(offer.affect for offer in offers)
    derived = affect is None and expression is not None and offers[expression].derivable
    measures: dict[str, int] = {}
    for name in OWN:
        place = _first(name in offer.measures for offer in offers)
        if name in _OF_EXPRESSIONS:
            own = expression is not None and name in offers[expression].measures
            place = expression if own else None
        if place is not None:
            measures[name] = place
    for place, offer in enumerate(offers):
        if place not in (expression, affect, *measures.values()):
            others = " and ".join(each.name for each in offers[:place])
            raise ModelError(f"model {offer.name}: has nothing that {others} lacks; leave it out")
    return Choice(expression, expression if derived else affect, derived, measures)


def _first(having: Iterable[bool]) -> int | None:
    return next((place for place, has in enumerate(having) if has), None)


def vocabulary_of(offers: Sequence[Offer]) -> Vocabulary:
    """Say what several networks, at least one, say of a face together.

    Raises:
        ModelError: As `choose_outputs`.
    """
    choice = choose_outputs(offers)
    labels = () if choice.expression is None else offers[choice.expression].labels
    return Vocabulary(labels, tuple(name for name in MEASURES if name in choice.measures))
