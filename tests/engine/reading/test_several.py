"""Several networks as one: each output from the first that has it."""

import numpy as np
import pytest

from engine.errors import ModelError
from engine.networks.manifest import load_manifest
from engine.reading.fusion import Fusion
from engine.reading.offers import Offer, choose_outputs, vocabulary_of
from engine.reading.several import Several
from engine.types import Face, Sighting

FEW = ("neutral", "fear")
STILL = np.eye(2, 3, dtype=np.float32)
FACE = Sighting(
    Face(np.zeros((112, 112, 3), np.uint8), STILL), np.zeros((68, 2), np.float32), 1, ()
)
PICTURE = np.zeros((120, 120, 3), np.uint8)


def offer(name, labels=(), *, affect=False, measures=()):
    return Offer(name, labels, affect, measures)


def test_each_output_is_the_first_ones_that_has_it():
    offers = [
        offer("dan", FEW),
        offer("ada", ("anger", "fear"), measures=("quality",)),
        offer("dan-va", affect=True),
    ]
    choice = choose_outputs(offers)
    assert (choice.expression, choice.affect, choice.derived) == (0, 2, False)
    assert choice.measures == {"quality": 1}
    assert vocabulary_of(offers).labels == FEW
    assert vocabulary_of(offers).measures == ("quality",)


def test_affect_that_was_taught_wins_over_what_follows_from_classes():
    both = choose_outputs([offer("dan", FEW), offer("rt", FEW, affect=True)])
    assert (both.affect, both.derived) == (1, False)
    alone = choose_outputs([offer("dan", FEW)])
    assert (alone.affect, alone.derived) == (0, True)
    own = choose_outputs([offer("own", ("blink", "yawn"))])
    assert (own.affect, own.derived) == (None, False)


def test_confidence_belongs_to_the_network_of_the_classes():
    arbex = offer("arbex", FEW, measures=("confidence", "primary_confidence"))
    assert choose_outputs([arbex, offer("va", affect=True)]).measures == {
        "confidence": 0,
        "primary_confidence": 0,
    }
    with pytest.raises(ModelError, match="model arbex: has nothing that dan lacks; leave it out"):
        choose_outputs([offer("dan", FEW), arbex])


def test_network_that_adds_nothing_is_named():
    with pytest.raises(ModelError, match="model b: has nothing that a and va lacks; leave it out"):
        choose_outputs([offer("a", FEW), offer("va", affect=True), offer("b", FEW)])


def test_networks_are_read_together(tiny_network):
    made = [
        tiny_network("dan", FEW, always="fear"),
        tiny_network("dan-va", affect=True, own=["quality"]),
    ]
    fusions = [Fusion(load_manifest(path), "cpu", threads=1) for path in made]
    several = Several(fusions)
    assert (several.labels, several.derived, several.measures) == (FEW, False, ("quality",))
    assert (several.device, several.precision) == ("cpu", "fp32")
    first, second = several.read([FACE, FACE], [PICTURE, PICTURE])
    assert first.logits.tolist() == [0, 4]
    assert first.valence_arousal.tolist() == [0.5, -0.25]
    assert second.measures.tolist() == [0.75]
    several.close()
    with pytest.raises(ModelError, match="the session is closed"):
        several.read([FACE], [PICTURE])


def test_networks_that_cannot_be_joined_are_closed(tiny_network):
    fusions = [
        Fusion(load_manifest(tiny_network(name, FEW)), "cpu", threads=1) for name in ("a", "b")
    ]
    with pytest.raises(ModelError, match="model b: has nothing that a lacks"):
        Several(fusions)
    for fusion in fusions:
        with pytest.raises(ModelError, match="the session is closed"):
            fusion.read([FACE], [PICTURE])
