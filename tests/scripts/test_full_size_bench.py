"""What the papers' systems cost in full size, tried on small ones."""

import pytest

from engine.errors import ConfigError
from scripts.benches import full_size

SMALL = full_size.RECIPES / "ferplus-small-dan.toml"


def test_weights_that_a_recipe_names_are_left_out():
    recipe = full_size.without_weights(full_size.RECIPES / "rafdb-poster-l.toml")
    assert recipe.tables["system"] == {"name": "poster"}
    assert recipe.tables["poster"]["depth"] == 8


def test_every_recipe_of_the_table_is_there():
    assert all((full_size.RECIPES / f"{name}.toml").is_file() for name in full_size.NAMES)


def test_a_system_is_built_written_and_timed():
    cost = full_size.cost_of(SMALL, rounds=2)
    assert (cost.name, cost.side) == ("ferplus-small-dan", 112)
    assert 2e6 < cost.parameters < 3e6
    assert cost.megabytes == pytest.approx(4 * cost.parameters / 1e6, rel=0.1)
    assert 0.1 < cost.gmac < 0.3
    assert cost.milliseconds > 0.5


def test_a_recipe_of_something_else_is_refused():
    with pytest.raises(ConfigError, match="name"):
        full_size.cost_of(full_size.RECIPES / "landmarks.toml", rounds=1)
