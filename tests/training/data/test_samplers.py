"""Which rows an epoch shows: counts, caps, and that (seed, epoch) decides all."""

import logging
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ConfigError
from training.data.samplers import (
    SAMPLERS,
    GroupBootstrap,
    InverseFrequency,
    PowerFrequency,
    Refinement,
    SamplerConfig,
    Shuffle,
    sampler,
)

# Sizes 600, 300, 90 and 10 of four classes in 20 groups, and 50 rows without a label.
LABELS = np.repeat(np.arange(-1, 4), (50, 600, 300, 90, 10)).astype(np.intp)
GROUPS = np.array([f"video {i}" for i in np.random.default_rng(0).integers(20, size=1050)])
DRAWS_WITH_LABELS = ("inverse_frequency", "power_frequency", "refinement")


def made(name, seed=7, **parameters):
    return sampler(SamplerConfig(name=name, **parameters), LABELS, GROUPS, seed)


def counts(labels):
    return np.bincount(labels[labels >= 0], minlength=4)


@pytest.mark.parametrize("name", SAMPLERS)
def test_seed_and_epoch_decide_the_order(name):
    one = made(name)
    assert np.array_equal(one.order(3), made(name).order(3))
    assert not np.array_equal(one.order(3), one.order(4))
    assert not np.array_equal(one.order(3), made(name, seed=8).order(3)[: len(one.order(3))])
    assert one.order(3).dtype == np.intp


@pytest.mark.parametrize("name", SAMPLERS)
def test_all_epochs_have_the_same_length(name):
    lengths = {len(made(name).order(epoch)) for epoch in range(5)}
    assert len(lengths) == 1


@pytest.mark.parametrize("name", DRAWS_WITH_LABELS)
def test_rows_without_a_label_are_not_drawn_by_class(name):
    assert (LABELS[made(name).order(0)] >= 0).all()


def test_shuffle_shows_every_row_once():
    assert sorted(Shuffle(100, 0).order(2)) == list(range(100))


def test_inverse_frequency_draws_every_class_equally_often():
    drawn = np.concatenate([InverseFrequency(LABELS, 1).order(epoch) for epoch in range(20)])
    assert len(drawn) == 20 * 1000
    share = counts(LABELS[drawn]) / len(drawn)
    assert np.abs(share - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / len(drawn))
    # With replacement: the ten rows of the last class come often, and each as often as another.
    rows = Counter(drawn[LABELS[drawn] == 3].tolist())
    assert len(rows) == 10
    assert min(rows.values()) > 400


@pytest.mark.parametrize("balance", [0.0, 0.2, 0.5])
def test_power_frequency_draws_a_class_by_its_size_to_one_minus_balance(balance):
    drawn = np.concatenate([PowerFrequency(LABELS, balance, 1).order(e) for e in range(20)])
    wanted = np.array([600, 300, 90, 10]) ** (1 - balance)
    wanted /= wanted.sum()
    share = counts(LABELS[drawn]) / len(drawn)
    assert (np.abs(share - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / len(drawn))).all()


def test_refinement_gives_exactly_per_class_of_each_class():
    for epoch in range(4):
        drawn = Refinement(LABELS, GROUPS, 7, group_cap=40, per_class=30).order(epoch)
        assert counts(LABELS[drawn]).tolist() == [30, 30, 30, 30]


def test_refinement_lets_no_group_above_its_cap_into_the_pool():
    refinement = Refinement(LABELS, GROUPS, 7, group_cap=40, per_class=30)
    for epoch in range(4):
        pool = refinement.pool(epoch)
        assert len(set(pool.tolist())) == len(pool)
        sizes = Counter(GROUPS[LABELS >= 0].tolist())
        assert max(sizes.values()) > 40
        assert Counter(GROUPS[pool].tolist()) == {name: min(n, 40) for name, n in sizes.items()}
        assert (LABELS[pool] >= 0).all()


def test_refinement_draws_from_its_pool():
    refinement = Refinement(LABELS, GROUPS, 7, group_cap=40, per_class=30)
    assert np.isin(refinement.order(2), refinement.pool(2)).all()


def test_refinement_repeats_rows_only_where_the_pool_is_short():
    drawn = Refinement(LABELS, GROUPS, 7, group_cap=512, per_class=90).order(0)
    for label, distinct in enumerate(([90], [90], [90], range(2, 11))):
        rows = drawn[LABELS[drawn] == label]
        assert len(rows) == 90
        assert len(set(rows.tolist())) in distinct


def test_refinement_does_not_favour_the_first_videos():
    labels = np.zeros(1000, np.intp)
    groups = np.repeat([f"video {i}" for i in range(10)], 100)
    drawn = Refinement(labels, groups, 0, group_cap=50, per_class=100).order(0)
    assert len(np.unique(groups[drawn])) == 10
    assert max(Counter(groups[drawn].tolist()).values()) < 25


def test_refinement_shuffles_the_classes_among_each_other():
    drawn = LABELS[Refinement(LABELS, GROUPS, 7, group_cap=512, per_class=90).order(0)]
    assert (np.diff(drawn) != 0).sum() > 200


def test_a_class_outside_the_pool_is_drawn_from_all_its_rows():
    labels = np.array([0] * 999 + [1], np.intp)
    one_video = np.array(["video"] * 1000)
    refinement = Refinement(labels, one_video, 0, group_cap=10, per_class=5)
    epochs = [e for e in range(20) if 999 not in refinement.pool(e)]
    assert epochs
    assert all(counts(labels[refinement.order(e)])[:2].tolist() == [5, 5] for e in epochs)


def test_a_bag_holds_whole_groups_as_often_as_they_were_drawn():
    bag = GroupBootstrap(GROUPS, 5)
    sizes, held = Counter(GROUPS.tolist()), Counter(GROUPS[bag.rows()].tolist())
    times = {name: held[name] / sizes[name] for name in held}
    assert all(value == int(value) for value in times.values())
    assert sum(times.values()) == len(sizes)
    assert max(times.values()) > 1


def test_out_of_bag_rows_are_those_of_the_groups_never_drawn():
    bag = GroupBootstrap(GROUPS, 5)
    inside, outside = set(GROUPS[bag.rows()]), set(GROUPS[bag.out_of_bag()])
    assert outside
    assert not inside & outside
    assert sorted(set(bag.rows()) | set(bag.out_of_bag())) == list(range(len(GROUPS)))


def test_members_of_an_ensemble_have_bags_of_their_own_that_last_the_run():
    bag = GroupBootstrap(GROUPS, 5)
    assert np.array_equal(np.sort(bag.order(0)), np.sort(bag.order(9)))
    assert not np.array_equal(bag.out_of_bag(), GroupBootstrap(GROUPS, 6).out_of_bag())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=60), st.integers(0, 99))
def test_bag_and_rest_share_out_all_groups(names, seed):
    bag = GroupBootstrap(np.array(names), seed)
    assert set(bag.rows().tolist()).isdisjoint(bag.out_of_bag().tolist())
    assert len(set(bag.rows().tolist())) + len(bag.out_of_bag()) == len(names)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-1, 3), st.sampled_from("abc")), min_size=1, max_size=60),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_refinement_keeps_its_promises_on_any_table(rows, group_cap, per_class):
    labels = np.array([label for label, _ in rows], np.intp)
    groups = np.array([group for _, group in rows])
    if (labels < 0).all():
        return
    refinement = Refinement(labels, groups, 0, group_cap, per_class)
    present = set(labels[labels >= 0].tolist())
    assert Counter(labels[refinement.order(1)].tolist()) == dict.fromkeys(present, per_class)
    available = Counter(groups[labels >= 0].tolist())
    held = Counter(groups[refinement.pool(1)].tolist())
    assert held == {name: min(size, group_cap) for name, size in available.items()}


def test_unknown_sampler_lists_those_there_are():
    with pytest.raises(
        ConfigError,
        match=r"sampler\.name: 'balanced' is unknown; choose shuffle, inverse_frequency",
    ):
        SamplerConfig(name="balanced")


@pytest.mark.parametrize("wrong", [{"balance": 1.5}, {"group_cap": 0}, {"per_class": 0}])
def test_parameter_out_of_range_is_named(wrong):
    with pytest.raises(ConfigError, match=rf"sampler\.{next(iter(wrong))}"):
        SamplerConfig(**wrong)


@pytest.mark.parametrize("name", DRAWS_WITH_LABELS)
def test_drawing_by_class_without_labels_is_refused(name):
    nothing = np.full(4, -1, np.intp)
    with pytest.raises(ConfigError, match=name):
        sampler(SamplerConfig(name=name), nothing, np.array(list("abcd")), 0)


def test_config_reaches_the_sampler():
    made_one = made("refinement", group_cap=3, per_class=2)
    assert (made_one.group_cap, made_one.per_class) == (3, 2)
    assert made("power_frequency", balance=0.5).balance == 0.5


def test_log_says_how_many_faces_a_bag_leaves_out(caplog):
    bag = GroupBootstrap(GROUPS, 5)
    with caplog.at_level(logging.INFO, "training.data.samplers"):
        sampler(SamplerConfig(name="group_bootstrap"), np.zeros(len(GROUPS), np.intp), GROUPS, 5)
    outside = len(GROUPS) - len(set(bag.rows().tolist()))
    assert outside > 0
    said = f"bag 5: {len(bag.rows())} faces; {outside} of {len(GROUPS)} in no drawn group"
    assert caplog.messages == [said]
