import pytest

from app.live.identities import Identities

FACES = {1: ("happiness", 0.5, 0.2), 2: ("anger", -0.5, 0.6)}
BOXES = {1: (10.0, 20.0, 50.0, 70.0), 2: (90.0, 20.0, 130.0, 70.0)}


@pytest.fixture
def seen(make_analysis):
    """Give `seen(index, first)`: two faces that move slowly, whom the engine calls first and on."""

    def make(index, first=1, swapped=False):
        moved = {
            face: (box[0] + index / 10, box[1], box[2] + index / 10, box[3])
            for face, box in BOXES.items()
        }
        ids = {1: first, 2: first + 1}
        if swapped:
            ids = {1: first + 1, 2: first}
        faces = {ids[face]: FACES[face] for face in FACES}
        boxes = {ids[face]: moved[face] for face in FACES}
        return make_analysis(index, index / 25, faces, boxes=boxes)

    return make


def places(analysis):
    """Give by id which of the two it is."""
    return {track.id: 1 if track.box[0] < 70 else 2 for track in analysis.tracks}


def test_ids_of_a_film_that_plays_on_are_1_2_3(seen):
    names = Identities()
    for index in range(20):
        assert places(names.named(seen(index, first=7))) == {1: 1, 2: 2}


def test_ten_steps_back_and_forth_make_nobody_new(seen):
    names = Identities()
    for index in range(100):
        names.named(seen(index))
    first = 3
    for index in (*range(98, 80, -1), 10, 50, *range(50, 60), 99):
        analysis = names.named(seen(index, first, swapped=index % 2 == 0))
        assert places(analysis) == {1: 1, 2: 2}
        assert [p.track_id for p in analysis.predictions] == [t.id for t in analysis.tracks]
        first += 2  # the engine knows nobody after a step


def test_somebody_else_at_another_place_is_new_and_no_id_is_used_twice(seen, make_analysis):
    names = Identities()
    for index in range(50):
        names.named(seen(index))
    other = make_analysis(51, 20.0, {9: FACES[1]}, boxes={9: (10.0, 20.0, 50.0, 70.0)})
    assert [track.id for track in names.named(other).tracks] == [3]
    here = make_analysis(52, 1.0, {10: FACES[1]}, boxes={10: (60.0, 75.0, 80.0, 100.0)})
    assert [track.id for track in names.named(here).tracks] == [4]


def test_two_whom_the_engine_takes_for_each_other_after_a_jump_stay_two(seen, make_analysis):
    names = Identities()
    for index in range(40):
        names.named(seen(index))
    # Only the second is where it was; the engine says that it is the first.
    boxes = {1: BOXES[2], 2: (10.0, 78.0, 50.0, 119.0)}
    odd = make_analysis(41, 0.4, {1: FACES[1], 2: FACES[2]}, boxes=boxes)
    named = names.named(odd)
    assert {tuple(t.box.tolist()): t.id for t in named.tracks} == {boxes[1]: 2, boxes[2]: 1}


def test_what_is_said_of_a_face_stays_with_it(seen):
    names = Identities()
    before = seen(0, first=5)
    after = names.named(before)
    for one, other in zip(before.predictions, after.predictions, strict=True):
        assert (one.probabilities == other.probabilities).all()
        assert (one.valence, one.arousal) == (other.valence, other.arousal)


def test_who_is_seen_later_is_not_new_where_others_were_taken_for_each_other(seen, make_analysis):
    names = Identities()
    for index in range(40):
        names.named(seen(index))
    alone = make_analysis(41, 0.4, {2: FACES[1]}, boxes={2: BOXES[1]})  # where the first one is
    assert [track.id for track in names.named(alone).tracks] == [1]
    boxes = {2: BOXES[1], 1: (60.0, 75.0, 90.0, 115.0)}
    both = make_analysis(42, 0.44, {2: FACES[1], 1: FACES[2]}, boxes=boxes)
    assert sorted(track.id for track in names.named(both).tracks) == [1, 2]


def cut_at(make_analysis, cut):
    """Give `shot(index, first)`: one face, and from `cut` on another one in its place."""

    def make(index, first=1):
        face = first + (index >= cut)
        left = 10.0 + 8 * (index >= cut)
        return make_analysis(
            index, index / 25, {face: FACES[1]}, boxes={face: (left, 20.0, left + 40, 70.0)}
        )

    return make


def test_who_comes_after_a_cut_in_the_same_place_is_somebody_else(make_analysis):
    shot, names = cut_at(make_analysis, 20), Identities()
    for index in range(40):
        (track,) = names.named(shot(index)).tracks
        assert track.id == (1 if index < 20 else 2)


def test_stepping_over_a_cut_and_back_keeps_both_ids(make_analysis):
    shot, names = cut_at(make_analysis, 20), Identities()
    for index in range(22):
        names.named(shot(index))
    first = 3
    for index in (20, 19, 18, 19, 20, 21, 19, 20, 5, 19, 20):
        (track,) = names.named(shot(index, first)).tracks
        assert track.id == (1 if index < 20 else 2), index
        first += 2


def test_a_face_known_from_a_run_before_is_known_where_the_film_plays_on(make_analysis):
    shot, names = cut_at(make_analysis, 1000), Identities()
    for index in range(0, 60, 3):
        names.named(shot(index))
    names.named(make_analysis(1, 0.04, {}))  # moved back, to a frame without it
    (track,) = names.named(shot(13, 7)).tracks
    assert track.id == 1
