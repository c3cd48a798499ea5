"""Pictures that no camera gives, on which two forms of a network must agree all the same."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from engine.types import Image

SEED: Final = 0
COLOURS: Final = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (127, 127, 127), (1, 254, 128))

Make = Callable[[np.random.Generator, int], Image]


def _flat(*colour: int) -> Make:
    return lambda _, side: np.full((side, side, 3), colour, np.uint8)


def _noise(random: np.random.Generator, side: int) -> Image:
    return random.integers(0, 256, (side, side, 3), np.uint8)


def _extreme(random: np.random.Generator, side: int) -> Image:
    """Every value at one end of its range or the other."""
    return 255 * random.integers(0, 2, (side, side, 3), np.uint8)


def _board(_: np.random.Generator, side: int) -> Image:
    """Black and white pixels in turn: the steepest edges everywhere."""
    places = np.add.outer(np.arange(side), np.arange(side)) % 2
    return np.repeat(np.asarray(255 * places, np.uint8)[..., None], 3, axis=2)


def _ramp(_: np.random.Generator, side: int) -> Image:
    values = np.asarray(np.linspace(0, 255, side), np.uint8)
    return np.repeat(np.tile(values, (side, 1))[..., None], 3, axis=2)


def _spot(random: np.random.Generator, side: int) -> Image:
    """One bright pixel in the dark: nearly no deviation to normalise by."""
    image = np.zeros((side, side, 3), np.uint8)
    row, column = random.integers(0, side, 2)
    image[row, column] = 255
    return image


# By name, each once before any comes again.
KINDS: Final[Mapping[str, Make]] = {
    "black": _flat(0, 0, 0),
    "white": _flat(255, 255, 255),
    "noise": _noise,
    "extreme": _extreme,
    "board": _board,
    "ramp": _ramp,
    "spot": _spot,
    **{f"colour {colour}": _flat(*colour) for colour in COLOURS},
}


def adversarial_pictures(count: int, side: int, seed: int = SEED) -> list[Image]:
    """Give pictures (side, side, 3), uint8, BGR; the same ones for the same seed."""
    random, makers = np.random.default_rng(seed), list(KINDS.values())
    return [makers[number % len(makers)](random, side) for number in range(count)]
