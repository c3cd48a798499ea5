"""Ids in a world of square faces, seen by a network that finds the face nearest to its crop."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analyze import AnalyzerConfig
from engine.errors import ConfigError
from engine.faces.appearance import OTHER, SAME, appearance_of, likeness
from engine.faces.followed import STEADY, STIRRED
from engine.faces.landmarks import box_of, five_points
from engine.faces.tracker_config import TrackerConfig
from engine.faces.tracking import EMERGING, Tracker
from engine.types import Detection, Face, Sighting

SIZE = (1000, 600)


def crop_of(name):
    """Give somebody's face: eight coloured stripes, so that two people are not alike."""
    colours = np.random.default_rng(sum(map(ord, name))).integers(40, 255, (8, 1, 3), np.uint8)
    stripes = np.repeat(np.repeat(colours, 14, axis=0), 112, axis=1)
    return Face(stripes, np.eye(2, 3, dtype=np.float32))


GRID = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 17), np.linspace(-0.5, 0.5, 4)), -1)


def face_at(x, y, side=100.0):
    return (GRID.reshape(68, 2) * side + (x, y)).astype(np.float32)


def mixed(name, other):
    """Give a face the upper half of which is somebody else's."""
    crop = crop_of(name).crop.copy()
    crop[:50] = crop_of(other).crop[:50]
    return Face(crop, np.eye(2, 3, dtype=np.float32))


def sight(landmarks, presence=0.95, name="a"):
    return Sighting(crop_of(name), landmarks, presence, ())


def detect(landmarks, score=0.9):
    return Detection(box_of(landmarks), score, five_points(landmarks))


UNIT = five_points(face_at(0, 0, side=1.0))


def middle(five):
    """Give the centre of the face that has these five points."""
    side = np.linalg.norm(five[1] - five[0]) / np.linalg.norm(UNIT[1] - UNIT[0])
    return five.mean(axis=0) - side * UNIT.mean(axis=0)


def follow(tracker, time_s, detections, sightings):
    """Advance one frame; give what came of it and the centres that were looked at."""
    looked = []

    def locate(points):
        looked.append([tuple(middle(five).round(2)) for five in points])
        return list(sightings[: len(points)])

    return tracker.follow(time_s, SIZE, detect=lambda: detections, locate=locate), looked[0]


@dataclass
class World:
    """Visible faces by name; a crop shows the one whose centre is nearest, if near enough."""

    tracker: Tracker = field(default_factory=lambda: Tracker(TrackerConfig()))
    time_s: float = 0.0
    passes: int = 0
    recovers: bool = True  # else the detector sees nothing while faces are followed
    reach_px: float = 60.0
    looked: list = field(default_factory=list)  # centres, call by call of the last frame

    def see(self, landmarks, visible):
        centre = landmarks.mean(axis=0)
        gaps = {name: np.linalg.norm(face.mean(axis=0) - centre) for name, face in visible.items()}
        name = min(gaps, key=gaps.get, default=None)
        if name is None or gaps[name] > self.reach_px:
            return sight(landmarks, presence=0.05)
        return sight(visible[name], name=name)

    def step(self, **visible):
        """Advance one frame of 1/30 s; give the ids by face."""
        located, self.looked = [], []

        def look():
            self.passes += 1
            found = [detect(face) for face in visible.values()]
            return found if self.recovers or not located else []

        def locate(points):
            self.looked.append([tuple(middle(five).round(2).tolist()) for five in points])
            seen = [self.see(face_at(*middle(five)), visible) for five in points]
            located.append(seen)
            return seen

        followed = self.tracker.follow(self.time_s, SIZE, detect=look, locate=locate)
        self.time_s += 1 / 30
        tracks = [track for track, _ in followed]
        assert [track.id for track in tracks] == sorted({track.id for track in tracks})
        for track, sighting in followed:
            assert any(sighting is seen for call in located for seen in call)
            np.testing.assert_array_equal(track.landmarks, sighting.landmarks)
            np.testing.assert_array_equal(track.box, box_of(track.landmarks))
        ids = {}
        for track in tracks:
            centre = track.landmarks.mean(axis=0)
            name = min(
                visible, key=lambda name: np.linalg.norm(visible[name].mean(axis=0) - centre)
            )
            assert name not in ids, "two tracks on one face"
            ids[name] = track.id
        return ids


def test_followed_face_keeps_its_id():
    world = World()
    ids = [world.step(a=face_at(200 + 8 * step, 300)) for step in range(60)]
    assert ids == [{"a": 1}] * 60


def test_detector_runs_on_the_first_frame_then_every_tenth():
    world, due = World(Tracker(TrackerConfig(detect_every=10))), []
    for step in range(31):
        before = world.passes
        world.step(a=face_at(200, 300))
        due += [step] * (world.passes - before)
    assert due == [0, 10, 20, 30]


def test_detector_runs_on_every_frame_while_there_is_no_face():
    world = World()
    for _ in range(7):
        assert world.step() == {}
    assert world.passes == 7


@pytest.mark.parametrize(("frames", "number"), [(1, 1), (25, 1), (85, 1), (92, 2)])
def test_face_that_comes_back_within_three_seconds_keeps_its_id(frames, number):
    world = World()
    assert world.step(a=face_at(300, 300)) == {"a": 1}
    assert [world.step() for _ in range(frames)] == [{}] * frames
    assert world.step(a=face_at(310, 305)) == {"a": number}


@pytest.mark.parametrize("frames", [1, 25])
def test_somebody_else_at_the_place_of_a_lost_face_gets_a_new_id(frames):
    world = World()
    assert world.step(a=face_at(300, 300)) == {"a": 1}
    assert [world.step() for _ in range(frames)] == [{}] * frames
    assert world.step(b=face_at(300, 300)) == {"b": 2}
    assert world.step(a=face_at(500, 300), b=face_at(300, 300))["b"] == 2


def test_somebody_else_at_the_place_of_a_followed_face_gets_a_new_id():
    world = World()
    ids = [world.step(**{"ab"[step >= 5]: face_at(300, 300)}) for step in range(10)]
    assert ids == [{"a": 1}] * 5 + [{"b": 2}] * 5


def test_two_who_swap_their_places_keep_their_ids():
    world, left, right = World(), face_at(200, 300), face_at(700, 300)
    assert [world.step(a=left, b=right) for _ in range(4)] == [{"a": 1, "b": 2}] * 4
    assert [world.step(a=right, b=left) for _ in range(4)] == [{"a": 1, "b": 2}] * 4


def test_one_who_fades_into_another_becomes_the_other():
    tracker, here = Tracker(TrackerConfig()), face_at(300, 300)
    one, other = (crop_of(name).crop.astype(np.float32) for name in "ab")
    shares, ids = [0.0] * 60 + list(np.linspace(0, 1, 30)) + [1.0] * 100, []
    for step, share in enumerate(shares):
        crop = Face((one + share * (other - one)).astype(np.uint8), np.eye(2, 3, dtype=np.float32))
        seen = [Sighting(crop, here, 0.95, ())]
        locate = lambda points, seen=seen: seen * len(points)  # noqa: E731
        followed = tracker.follow(step / 30, SIZE, detect=lambda: [detect(here)], locate=locate)
        ids.append([track.id for track, _ in followed])
    assert ids[:60] == [[1]] * 60
    assert ids[-40:] == [ids[-1]] * 40
    assert ids[-1] != [1]


def test_face_that_looks_the_same_goes_on_over_what_may_be_a_cut():
    tracker, here = Tracker(TrackerConfig()), face_at(300, 300)
    ids = []
    for step, name in enumerate("aaabbb"):
        followed = tracker.follow(
            step / 30,
            SIZE,
            detect=lambda: [detect(here)],
            locate=lambda points, name=name: [sight(here, name=name)] * len(points),
            cut=step in (2, 3, 4),
        )
        ids += [track.id for track, _ in followed]
    assert ids == [1, 1, 1, 2, 2, 2]


def test_what_the_detector_does_not_see_is_no_face_in_the_place_of_another():
    tracker, here = Tracker(TrackerConfig()), face_at(300, 300)
    follow(tracker, 0.0, [detect(here)], [sight(here, name="a")])
    assert follow(tracker, 0.1, [], [sight(here, name="b")])[0] == []


@pytest.mark.parametrize(("relink", "number"), [(True, 1), (False, 2)])
def test_relinked_face_gets_its_id_back_at_any_time_and_place(relink, number):
    world = World(Tracker(TrackerConfig(relink=relink)))
    assert world.step(a=face_at(200, 300)) == {"a": 1}
    for _ in range(200):
        world.step()
    assert world.step(a=face_at(800, 200, 160)) == {"a": number}


def test_weak_presence_keeps_a_face_but_starts_none():
    tracker = Tracker(TrackerConfig(presence_start=0.5, presence_keep=0.3))
    here = [detect(face_at(300, 300))]

    def at(time_s, presence):
        return follow(tracker, time_s, here, [sight(face_at(300, 300), presence)])[0]

    assert at(0.0, 0.4) == []
    assert [track.id for track, _ in at(0.1, 0.6)] == [1]
    ((track, _),) = at(0.2, 0.4)
    assert (track.id, track.score) == (1, 0.4)
    assert at(0.3, 0.2) == []


def test_face_that_leaves_the_frame_is_lost_when_less_than_two_fifths_are_inside():
    world = World()
    ids = [world.step(a=face_at(60 - 5 * step, 300)) for step in range(30)]
    assert ids == [{"a": 1}] * 15 + [{}] * 15


def test_two_detections_of_one_face_make_one_track():
    face, other = face_at(300, 300), face_at(310, 305)
    seen = [sight(face), sight(face_at(301, 300))]
    followed, looked = follow(Tracker(TrackerConfig()), 0.0, [detect(face), detect(other)], seen)
    assert looked == [(300, 300), (310, 305)]
    ((track, sighting),) = followed
    assert track.id == 1
    assert sighting is seen[0]


def test_detection_of_a_followed_face_is_not_new():
    tracker = Tracker(TrackerConfig(detect_every=1))
    seen = [sight(face_at(300, 300)), sight(face_at(700, 300))]
    follow(tracker, 0.0, [detect(face_at(300, 300))], seen)
    near, far = detect(face_at(315, 290)), detect(face_at(700, 300))
    assert follow(tracker, 0.1, [near, far], seen)[1] == [(300, 300), (700, 300)]


def test_the_biggest_faces_are_taken_up_to_the_limit():
    tracker = Tracker(TrackerConfig(max_faces=2, detect_every=1))
    found = [
        detect(face_at(200 * number, 300, side)) for number, side in ((1, 50), (2, 150), (3, 90))
    ]
    seen = [sight(face_at(400, 300, 150)), sight(face_at(600, 300, 90))]
    assert follow(tracker, 0.0, found, seen)[1] == [(400, 300), (600, 300)]
    assert follow(tracker, 0.1, found, seen)[1] == [(400, 300), (600, 300)]


# Pixels between the centres below which the nearer face hides the other; faces are 100 wide.
@pytest.mark.parametrize("covered_px", [20, 45, 75])
@pytest.mark.parametrize("speed", [8, 14])
@pytest.mark.parametrize("order", [1, -1])
def test_crossing_faces_keep_their_ids(speed, covered_px, order):
    """Hidden, the farther face's track slides onto the nearer face, or sees none at all."""
    world = World()
    ids = []
    for step in range(800 // speed):
        x = 100 + speed * step
        visible = {"near": face_at(x, 310), "far": face_at(1000 - x, 290, 90)}
        if abs(1000 - 2 * x) < covered_px:
            del visible["far"]
        ids.append(world.step(**dict(list(visible.items())[::order])))
    assert set(ids[0].values()) == {1, 2}
    assert ids[-1] == ids[0]


@pytest.mark.parametrize("covered_px", [45, 75])
def test_face_that_another_walks_past_keeps_its_id(covered_px):
    world = World()
    ids = []
    for x in range(200, 800, 10):
        visible = {"walks": face_at(x, 300), "stands": face_at(500, 300)}
        if abs(x - 500) < covered_px:
            del visible["stands"]
        ids.append(world.step(**visible))
    assert ids[-1] == ids[0]


@pytest.mark.parametrize("side", [100, 6])
@pytest.mark.parametrize("place", [(700, 300), (300, 500)])
def test_face_lost_far_from_any_other_comes_back_as_itself(side, place):
    world = World()
    here, there = face_at(300, 300, side), face_at(*place, side)
    assert set(world.step(a=here, b=there).values()) == {1, 2}
    world.step(a=here)
    for _ in range(12):
        ids = world.step(a=here, b=there)
    assert ids["b"] == 2


def test_face_covered_for_too_long_is_a_new_face():
    world = World(Tracker(TrackerConfig(hidden_s=0.5)))
    world.step(a=face_at(300, 300), b=face_at(370, 300))
    for _ in range(3):
        world.step(a=face_at(340, 300))
    for _ in range(30):
        world.step(a=face_at(300, 300))
    for _ in range(12):
        ids = world.step(a=face_at(300, 300), b=face_at(450, 300))
    assert ids["b"] == 3


def test_detector_runs_often_while_a_face_is_covered():
    world = World(Tracker(TrackerConfig(detect_every=30)))
    world.step(a=face_at(300, 300), b=face_at(420, 300))
    world.step(a=face_at(360, 300))
    before = world.passes
    for _ in range(9):
        world.step(a=face_at(360, 300))
    assert world.passes - before == 3


PLACES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=5, unique=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=25))
def test_ids_are_never_reused(film):
    world, lost, last = World(Tracker(TrackerConfig(detect_every=2, hidden_s=0))), set(), set()
    for places in film:
        visible = {f"{x},{y}": face_at(100 + 200 * x, 120 + 180 * y) for x, y in places}
        ids = set(world.step(**visible).values())
        assert not ids & lost
        lost |= last - ids
        last = ids


@pytest.mark.parametrize("name", ["detect_every", "max_faces"])
def test_config_below_one_is_refused(name):
    with pytest.raises(ConfigError, match=rf"tracker\.{name}: must be at least 1, got 0"):
        TrackerConfig(**{name: 0})


def test_face_that_jumped_further_than_its_crop_keeps_its_id():
    jumps = [face_at(x, 300) for x in (200, 200, 200, 270, 270)]
    assert [World().step(a=jumps[0])] == [{"a": 1}]
    world, left_behind = World(), World(recovers=False)
    assert [world.step(a=face) for face in jumps] == [{"a": 1}] * 5
    assert [left_behind.step(a=face) for face in jumps][3] == {}


def test_steady_motion_is_expected():
    world = World(recovers=False)
    ids = [world.step(a=face_at(100 + 20 * step + 1.2 * step**2, 300)) for step in range(20)]
    assert ids == [{"a": 1}] * 20


def test_detection_far_away_is_not_the_missing_face():
    world = World()
    world.step(a=face_at(200, 300))
    assert world.step(b=face_at(700, 300)) == {"b": 2}


def test_reset_gives_every_face_a_new_id():
    world = World()
    world.step(a=face_at(200, 300), b=face_at(600, 300))
    world.tracker.reset()
    assert sorted(world.step(a=face_at(200, 300), b=face_at(600, 300)).values()) == [3, 4]


def test_new_face_must_be_further_inside_than_a_followed_one():
    edge = face_at(-3, 300)  # about half of its box is inside
    assert World().step(a=edge) == {}
    world = World()
    world.step(a=face_at(40, 300))
    assert world.step(a=edge) == {"a": 1}


def test_sure_small_face_is_taken_before_a_doubtful_larger_one():
    tracker = Tracker(TrackerConfig(max_faces=1))
    doubtful, sure = face_at(200, 300, 110), face_at(600, 300, 100)
    seen = [detect(doubtful, score=0.6), detect(sure, score=0.9)]
    _, centres = follow(tracker, 0.0, seen, [sight(sure)])
    assert centres == [(600, 300)]


def test_faces_are_taken_by_their_area_where_both_are_sure():
    tracker = Tracker(TrackerConfig(max_faces=1))
    small, large = face_at(200, 300, 100), face_at(600, 300, 110)
    seen = [detect(small), detect(large)]
    _, centres = follow(tracker, 0.0, seen, [sight(large)])
    assert centres == [(600, 300)]


def test_one_detection_is_one_of_two_lost_faces():
    world = World(reach_px=10)
    assert world.step(a=face_at(300, 300), b=face_at(380, 300)) == {"a": 1, "b": 2}
    assert world.step(b=face_at(340, 300)) == {"b": 2}
    assert world.looked == [[(300, 300), (380, 300)], [(340, 300)]]


def test_lost_face_is_the_nearest_of_the_detections():
    world = World(reach_px=10)
    world.step(a=face_at(300, 300))
    assert world.step(far=face_at(370, 300), a=face_at(250, 300)) == {"a": 1, "far": 2}
    assert world.looked == [[(300, 300)], [(250, 300), (370, 300)]]


def test_detection_of_a_face_that_is_followed_is_not_the_missing_one():
    world = World(reach_px=10)
    assert world.step(a=face_at(300, 300), b=face_at(380, 300)) == {"a": 1, "b": 2}
    assert world.step(a=face_at(300, 300)) == {"a": 1}
    assert world.looked == [[(300, 300), (380, 300)], []]


def test_expected_motion_blends_the_last_steps_speed_with_the_one_before():
    tracker, looked = Tracker(TrackerConfig()), []
    # Pixels a second: 0, then half of 100, then half of that and of 50, then of nothing.
    for time_s, x in [(0.0, 300), (0.1, 310), (0.3, 320), (0.5, 320), (0.6, 320)]:
        face = face_at(x, 300)
        looked += follow(tracker, time_s, [detect(face)], [sight(face)])[1]
    assert [centre[0] for centre in looked] == pytest.approx([300, 300, 320, 330, 322.5], abs=0.02)


@pytest.mark.parametrize("x", [260, 340])
def test_face_is_expected_no_further_than_half_its_side_away(x):
    tracker = Tracker(TrackerConfig())
    for time_s, face in [(0.0, face_at(300, 300)), (0.1, face_at(x, 300))]:
        follow(tracker, time_s, [detect(face)], [sight(face)])
    ((_, sighting),), ((looked, _),) = follow(tracker, 5.1, [], [sight(face_at(x, 300))])
    half_side = 0.5 * np.sqrt(np.prod(box_of(face_at(0, 0))[2:] - box_of(face_at(0, 0))[:2]))
    assert looked - x == pytest.approx(np.sign(x - 300) * half_side, abs=0.02)
    assert sighting.landmarks[:, 0].mean() == pytest.approx(x)


@pytest.mark.parametrize(("side", "same"), [(58, False), (62, True), (168, True), (172, False)])
def test_missing_face_is_found_again_at_a_like_size_only(side, same):
    world = World(reach_px=10)
    world.step(a=face_at(300, 300))
    assert world.step(a=face_at(330, 300, side)) == ({"a": 1} if same else {})


@pytest.mark.parametrize(("side", "same"), [(57, False), (60, True), (165, True), (168, False)])
def test_covered_face_comes_back_at_a_like_size_only(side, same):
    world = World()
    front = face_at(300, 300)
    assert world.step(front=front, back=face_at(370, 300)) == {"front": 1, "back": 2}
    assert [world.step(front=front) for _ in range(2)] == [{"front": 1}] * 2
    for _ in range(3):
        ids = world.step(front=front, back=face_at(400, 300, side))
    assert ids == {"front": 1, "back": 2 if same else 3}


def test_tracker_left_alone_follows_as_the_analyzer_does():
    mine, config = TrackerConfig(), AnalyzerConfig()
    assert (mine.detect_every, mine.max_faces) == (config.detect_every, config.max_faces)


@pytest.mark.parametrize(("gap", "number"), [(84, 1), (120, 1), (130, 2)])
def test_face_that_looks_the_same_is_known_within_what_it_may_have_moved(gap, number):
    """Its side, 114 pixels with the forehead, and a tenth of it in a thirtieth of a second."""
    world = World(reach_px=10)
    world.step(a=face_at(300, 300))
    assert world.step(a=face_at(300 + gap, 300)) == {"a": number}


@pytest.mark.parametrize(("gap", "new"), [(48, False), (52, True)])
def test_detection_half_of_which_is_followed_already_is_not_new(gap, new):
    tracker = Tracker(TrackerConfig(detect_every=1))
    here, there = face_at(300, 300), face_at(300 + gap, 300)
    follow(tracker, 0.0, [detect(here)], [sight(here)])
    _, centres = follow(tracker, 0.1, [detect(there)], [sight(here), sight(here)])
    assert centres == [(300, 300), (300 + gap, 300)][: 1 + new]


@pytest.mark.parametrize(("gap", "free"), [(48, False), (52, True)])
def test_detection_half_of_which_is_followed_already_is_no_missing_face(gap, free):
    world = World(reach_px=10)
    assert world.step(a=face_at(300, 300), b=face_at(375, 300)) == {"a": 1, "b": 2}
    detected = detect(face_at(300 + gap, 300))
    calls = []

    def locate(points):
        calls.append([tuple(middle(five).round(2).tolist()) for five in points])
        return [world.see(face_at(*place), {"a": face_at(300, 300)}) for place in calls[-1]]

    world.tracker.follow(0.1, SIZE, detect=lambda: [detected], locate=locate)
    assert calls == [[(300, 300), (375, 300)], [(300 + gap, 300)] if free else []]


@pytest.mark.parametrize(("gap", "ids"), [(54, [1]), (56, [1, 2])])
def test_sightings_that_overlap_by_nearly_a_half_are_one_face(gap, ids):
    tracker = Tracker(TrackerConfig())
    one, other = face_at(300, 300), face_at(300 + gap, 300)
    apart = [detect(face_at(300, 300)), detect(face_at(700, 300))]
    found, _ = follow(tracker, 0.0, apart, [sight(one), sight(other)])
    assert [track.id for track, _ in found] == ids


@pytest.mark.parametrize(("gap", "ids"), [(54, [1]), (56, [1, 2])])
def test_two_tracks_that_slid_onto_one_face_are_one(gap, ids):
    tracker = Tracker(TrackerConfig())
    one, other = face_at(300, 300), face_at(420, 300)
    seen = [detect(one), detect(other)]
    follow(tracker, 0.0, seen, [sight(one), sight(other)])
    slid = [sight(one), sight(face_at(300 + gap, 300))]
    found, _ = follow(tracker, 0.1, [], slid)
    assert [track.id for track, _ in found] == ids


@pytest.mark.parametrize(("gap", "covered"), [(88, True), (92, False)])
def test_lost_face_a_tenth_of_which_another_covers_is_behind_it(gap, covered):
    """Half of it is still the other's when it comes out again."""
    tracker, front, back = Tracker(TrackerConfig()), face_at(300, 300), face_at(300 + gap, 300)
    both, emerging = [detect(front), detect(back)], Sighting(mixed("b", "a"), back, 0.95, ())
    assert (
        EMERGING < likeness(*(appearance_of(f.crop) for f in (crop_of("b"), emerging.face))) < OTHER
    )
    follow(tracker, 0.0, both, [sight(front, name="a"), sight(back, name="b")])
    follow(tracker, 0.1, both[:1], [sight(front, name="a"), sight(back, presence=0.1)])
    for step in range(3):
        seen = [sight(front, name="a"), emerging]
        found, _ = follow(tracker, 0.5 + step / 30, both, seen)
    assert [track.id for track, _ in found] == [1, 2 if covered else 3]


@pytest.mark.parametrize(("absent_s", "same"), [(2.9, True), (3.1, False)])
def test_covered_face_keeps_its_id_for_three_seconds(absent_s, same):
    tracker = Tracker(TrackerConfig(detect_every=1))
    front, back = face_at(300, 300), face_at(370, 300)
    both, seen = [detect(front), detect(back)], [sight(front, name="a"), sight(back, name="b")]
    follow(tracker, 10.0, both, seen)
    follow(tracker, 10.1, both[:1], [seen[0], sight(back, presence=0.1)])
    found, _ = follow(tracker, 10.1 + absent_s, both, seen)
    assert [track.id for track, _ in found] == [1, 2 if same else 3]


@pytest.mark.parametrize(("presence", "starts", "keeps"), [(0.29, 0, 0), (0.3, 0, 1), (0.5, 1, 1)])
def test_presence_starts_and_keeps_a_face_from_the_limits_on(presence, starts, keeps):
    face = face_at(300, 300)
    tracker = Tracker(TrackerConfig())
    assert len(follow(tracker, 0.0, [detect(face)], [sight(face, presence)])[0]) == starts
    tracker = Tracker(TrackerConfig())
    follow(tracker, 0.0, [detect(face)], [sight(face)])
    assert len(follow(tracker, 0.1, [], [sight(face, presence)])[0]) == keeps


@pytest.mark.parametrize(
    ("presence", "again", "x", "calls"),
    [(0.6, 0.95, 300, 2), (0.6, 0.5, 310, 2), (0.91, 0.99, 310, 1), (0.29, 0.95, 300, 2)],
    ids=["better there", "worse there", "sure", "lost: looked for"],
)
def test_a_face_that_hardly_looks_like_one_is_seen_where_the_detector_has_it(
    presence, again, x, calls
):
    tracker = Tracker(TrackerConfig(detect_every=1))
    face, off = face_at(300, 300), face_at(310, 310, 80)
    follow(tracker, 0.0, [detect(face)], [sight(face)])
    looked = []

    def locate(points):
        looked.append([tuple(middle(five).round(2)) for five in points])
        return [sight(face, again) if len(looked) > 1 else sight(off, presence)][: len(points)]

    ((track, _),) = tracker.follow(0.1, SIZE, detect=lambda: [detect(face)], locate=locate)
    assert (track.id, round(float(track.landmarks[:, 0].mean()))) == (1, x)
    assert len([call for call in looked if call]) == calls
    assert looked[0] == [(300, 300)]


@pytest.mark.parametrize(
    ("x", "number"), [(975, 1), (700, 2)], ids=["cut off by the frame", "whole, in the middle"]
)
def test_who_walks_in_is_one_person_though_the_first_crops_held_a_half(x, number):
    """Landmarks of half a face lie in the half that shows: place, size and looks are wrong."""
    tracker = Tracker(TrackerConfig())
    half, whole = face_at(x, 300, 45), face_at(x - 60, 300, 100)
    follow(tracker, 0.0, [detect(half)], [sight(half, name="half")])
    shown = [sight(half, 0.1, name="half"), sight(whole, name="whole")]

    def locate(points):
        return [shown[int(abs(middle(five)[0] - x) > 30)] for five in points]

    ((track, _),) = tracker.follow(0.04, SIZE, detect=lambda: [detect(whole)], locate=locate)
    assert track.id == number
    assert track.landmarks[:, 0].mean() == pytest.approx(x - 60)


# Width and height of the frame, and how a face lies over its edge by a fraction.
EDGES = {
    "left": lambda inside: face_at(100 * inside - 50, 300),
    "right": lambda inside: face_at(SIZE[0] + 50 - 100 * inside, 300),
    "top": lambda inside: face_at(500, 130 * inside - 50),
    "bottom": lambda inside: face_at(500, SIZE[1] + 80 - 130 * inside),
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize(("inside", "starts", "keeps"), [(0.38, 0, 0), (0.42, 0, 1), (0.62, 1, 1)])
def test_so_much_of_a_face_must_be_inside_the_frame(edge, inside, starts, keeps):
    face = EDGES[edge](inside)
    tracker = Tracker(TrackerConfig())
    assert len(follow(tracker, 0.0, [detect(face)], [sight(face)])[0]) == starts
    tracker, before = Tracker(TrackerConfig()), face_at(500, 300)
    follow(tracker, 0.0, [detect(before)], [sight(before)])
    assert len(follow(tracker, 0.1, [], [sight(face)])[0]) == keeps


def test_faces_beyond_the_most_are_counted_where_the_detector_looked():
    world = World(Tracker(TrackerConfig(max_faces=2, detect_every=3)))
    crowd = {name: face_at(150 + 150 * at, 300) for at, name in enumerate("abcde")}
    counts = []
    for _ in range(4):
        world.step(**crowd)
        counts.append(world.tracker.left_out)
    assert counts == [3, 0, 0, 3]
    world.step(**{name: crowd[name] for name in "ab"})
    assert world.tracker.left_out == 0


def test_what_begins_anew_counts_from_one():
    world = World()
    assert world.step(a=face_at(200, 300), b=face_at(400, 300)).keys() == {"a", "b"}
    world.tracker.begin_anew()
    assert world.step(a=face_at(210, 300)) == {"a": 1}
    world.tracker.reset()
    assert world.step(a=face_at(210, 300)) == {"a": 2}


def partly(rows):
    """Give a face whose uppermost rows are somebody else's."""
    crop = crop_of("a").crop.copy()
    crop[:rows] = crop_of("b").crop[:rows]
    return Face(crop, np.eye(2, 3, dtype=np.float32))


def partly_alike(low, high):
    """Give so many rows that a face is between `low` and `high` like itself."""
    whole = appearance_of(partly(0).crop)
    alike = [likeness(whole, appearance_of(partly(rows).crop)) for rows in range(112)]
    return next(rows for rows in range(112) if low + 0.01 < alike[rows] < high - 0.01)


@pytest.mark.parametrize(("rate", "number"), [(30, 2), (10, 2), (1, 1)])
def test_sudden_change_is_somebody_else_and_a_slow_one_is_not(rate, number):
    tracker, here, rows = Tracker(TrackerConfig()), face_at(300, 300), partly_alike(OTHER, SAME)
    for step in range(20):
        seen = Sighting(partly(rows * (step >= 10)), here, 0.95, ())
        found, _ = follow(tracker, step / rate, [detect(here)], [seen] * 2)
    assert [track.id for track, _ in found] == [number]


@pytest.mark.parametrize(("low", "high"), [(OTHER, SAME), (0.56, 0.62)])
def test_face_in_a_picture_of_noise_is_not_sudden(low, high):
    """Its looks change from frame to frame, about as much as they lately did."""
    tracker, here, rows = Tracker(TrackerConfig()), face_at(300, 300), partly_alike(low, high)
    ids = []
    for step in range(40):
        seen = Sighting(partly(rows * (step % 2)), here, 0.95, ())
        found, _ = follow(tracker, step / 30, [detect(here)], [seen] * 2)
        ids += [track.id for track, _ in found]
    assert ids == [1] * 40


def test_half_of_a_face_beside_the_one_that_covered_it_waits_to_be_known():
    """Too little of it shows to be told from anybody."""
    tracker, front, back = Tracker(TrackerConfig()), face_at(300, 300), face_at(380, 300)
    both, ids = [detect(front), detect(back)], []
    follow(tracker, 0.0, both, [sight(front, name="a"), sight(back, name="b")])
    follow(tracker, 0.1, both[:1], [sight(front, name="a"), sight(back, presence=0.1)])
    for step in range(9):
        name = "c" if step < 6 else "b"  # the detector looks at every third frame
        seen = [sight(front, name="a"), sight(back, name=name)]
        found, _ = follow(tracker, 0.5 + step / 30, both, seen)
        ids.append([track.id for track, _ in found])
    assert ids[0] == [1]
    assert ids[-1] == [1, 2]
    assert {number for several in ids for number in several} == {1, 2}


def test_half_of_a_face_beside_another_waits_for_a_while_only():
    tracker, front, back = Tracker(TrackerConfig()), face_at(300, 300), face_at(380, 300)
    both = [detect(front), detect(back)]
    follow(tracker, 0.0, both, [sight(front, name="a"), sight(back, name="b")])
    follow(tracker, 0.1, both[:1], [sight(front, name="a"), sight(back, presence=0.1)])
    for step in range(20):
        seen = [sight(front, name="a"), sight(back, name="c")]
        found, _ = follow(tracker, 0.5 + step / 30, both, seen)
    assert [track.id for track, _ in found] == [1, 3]


@pytest.mark.parametrize("gone", [0, 200])
def test_with_one_face_in_the_film_there_is_one_id(gone):
    """Whatever she looks like, wherever she is, and after a cut."""
    world = World(Tracker(TrackerConfig(faces=1)))
    assert world.step(a=face_at(300, 300)) == {"a": 1}
    for _ in range(gone):
        world.step()
    assert world.step(b=face_at(300, 300)) == {"b": 1}
    for _ in range(gone):
        world.step()
    assert [world.step(c=face_at(800, 200, 160)) for _ in range(2)][-1] == {"c": 1}
    world.tracker.reset()
    assert world.step(a=face_at(300, 300)) == {"a": 1}


def test_with_one_face_a_cut_to_another_look_keeps_it():
    tracker, here = Tracker(TrackerConfig(faces=1)), face_at(300, 300)
    follow(tracker, 0.0, [detect(here)], [sight(here, name="a")])
    found = tracker.follow(
        1 / 30,
        SIZE,
        detect=list,
        locate=lambda points: [sight(here, name="b")] * len(points),
        cut=True,
    )
    assert [track.id for track, _ in found] == [1]


def test_with_one_face_who_looks_like_her_is_she():
    """A passer-by is nearer to the camera when she comes back."""
    world = World(Tracker(TrackerConfig(faces=1, detect_every=1)))
    assert world.step(a=face_at(300, 300)) == {"a": 1}
    assert [world.step() for _ in range(150)] == [{}] * 150
    for _ in range(3):
        ids = world.step(near=face_at(700, 300, 200), a=face_at(300, 300))
        assert ids == {"a": 1}
    assert world.tracker.left_out == 1


def test_with_two_faces_there_is_no_third_id():
    world = World(Tracker(TrackerConfig(faces=2)))
    assert world.step(a=face_at(200, 300), b=face_at(600, 300)) == {"a": 1, "b": 2}
    for _ in range(150):
        world.step()
    both = [world.step(b=face_at(200, 300), a=face_at(600, 300), c=face_at(800, 300)) for _ in "12"]
    assert both[-1] == {"a": 1, "b": 2}
    for _ in range(150):
        world.step(a=face_at(600, 300))
    assert [world.step(a=face_at(600, 300), c=face_at(200, 300)) for _ in range(12)][-1] == {
        "a": 1,
        "c": 2,
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=25), st.integers(1, 3))
def test_there_are_never_more_ids_than_faces(film, faces):
    world = World(Tracker(TrackerConfig(detect_every=2, faces=faces)))
    for places in film:
        visible = {f"{x},{y}": face_at(100 + 200 * x, 120 + 180 * y) for x, y in places}
        ids = set(world.step(**visible).values())
        assert ids <= set(range(1, faces + 1))


def test_relinked_faces_are_known_after_a_loop_of_the_film():
    world = World(Tracker(TrackerConfig(relink=True)))
    assert world.step(a=face_at(200, 300), b=face_at(600, 300)) == {"a": 1, "b": 2}
    world.tracker.reset()
    world.time_s = 0.0
    assert world.step(b=face_at(200, 300), a=face_at(600, 300)) == {"a": 1, "b": 2}


def test_face_that_slid_onto_the_one_in_front_is_covered_by_it():
    """Both tracks are lost at once: one sees nothing, the other sees the face in front."""
    tracker, front, back = Tracker(TrackerConfig()), face_at(300, 300), face_at(380, 300)
    both, ids = [detect(front), detect(back)], []
    follow(tracker, 0.0, both, [sight(front, name="a"), sight(back, name="b")])
    lost = [sight(front, presence=0.1), sight(front, name="a")]
    seen = iter([lost, [], [sight(front, name="a")]])
    tracker.follow(0.1, SIZE, detect=list, locate=lambda points: next(seen)[: len(points)])
    for step in range(12):
        behind = Sighting(mixed("b", "a"), back, 0.95, ()) if step < 6 else sight(back, name="b")
        found, _ = follow(tracker, 0.5 + step / 30, both, [sight(front, name="a"), behind])
        ids.append([track.id for track, _ in found])
    assert ids[-1] == [1, 2]


def alike_faces():
    """Give a face and one that is nearly the same: above the limit from frame to frame."""
    rows = partly_alike(STEADY + 0.02, STIRRED - 0.02)
    return partly(0), partly(rows)


def test_two_who_are_alike_and_swap_places_keep_their_ids():
    tracker, (one, other) = Tracker(TrackerConfig()), alike_faces()
    left, right = face_at(200, 300), face_at(700, 300)
    both = [detect(left), detect(right)]
    for step in range(20):
        crops = (one, other) if step < 10 else (other, one)
        seen = [Sighting(c, at, 0.95, ()) for c, at in zip(crops, (left, right), strict=True)]
        found, _ = follow(tracker, step / 30, both, seen)
    assert [(track.id, int(track.box[0] < 400)) for track, _ in found] == [(1, 0), (2, 1)]


@pytest.mark.parametrize(("x", "ids"), [(420, [1, 2]), (700, [1, 3])])
def test_face_that_changes_little_by_little_beside_another_is_going_behind_it(x, ids):
    tracker, front, back = Tracker(TrackerConfig()), face_at(300, 300), face_at(x, 300)
    both = [detect(front), detect(back)]
    for step in range(90):
        crop = partly(min(111, max(0, 2 * (step - 40))))
        seen = [sight(front, name="c"), Sighting(crop, back, 0.95, ())]
        found, _ = follow(tracker, step / 30, both, seen)
    assert [track.id for track, _ in found] == ids


def seen(tracker, time_s, *, whole, glanced, sightings):
    """Advance one frame in which a glance and a whole look see different faces."""
    calls = []

    def look(kind, found):
        calls.append(kind)
        return found

    def locate(points):
        return [min(sightings, key=lambda s: _gap(s, five)) for five in points]

    followed = tracker.follow(
        time_s,
        SIZE,
        detect=lambda: look("whole", whole),
        glance=lambda: look("glance", glanced),
        locate=locate,
    )
    return [track.id for track, _ in followed], calls


def _gap(sighting, five):
    return float(np.linalg.norm(sighting.landmarks.mean(axis=0) - five.mean(axis=0)))


def test_a_glance_between_whole_looks_takes_up_new_faces():
    a, b = face_at(200, 300), face_at(700, 300)
    sightings, tracker = [sight(a, name="a"), sight(b, name="b")], Tracker(TrackerConfig())
    both = [detect(a), detect(b)]
    assert seen(tracker, 0.0, whole=both[:1], glanced=[], sightings=sightings) == ([1], ["whole"])
    for step in (1, 2, 3):
        found = seen(tracker, step / 30, whole=both, glanced=both, sightings=sightings)
        assert found == ([1], [])
    found = seen(tracker, 4 / 30, whole=both, glanced=both, sightings=sightings)
    assert found == ([1, 2], ["glance"])


def test_a_glance_and_a_whole_look_in_one_frame_take_up_no_more_than_may_be_followed():
    a, b, c = face_at(200, 300), face_at(500, 300), face_at(800, 300)
    tracker = Tracker(TrackerConfig(max_faces=2))
    sightings = [sight(a, name="a"), sight(b, name="b"), sight(c, name="c")]
    three = [detect(a), detect(b), detect(c)]
    seen(tracker, 0.0, whole=three[:1], glanced=[], sightings=sightings)
    gone = [sight(a, presence=0.05), *sightings[1:]]
    ids, calls = seen(tracker, 0.12, whole=three[1:], glanced=[three[1]], sightings=gone)
    assert calls == ["glance", "whole"]
    assert len(ids) <= 2


@pytest.mark.parametrize(("side", "every"), [(99.0, 3), (101.0, 10)])
def test_only_a_small_lost_face_is_sought_in_every_third_frame_where_there_are_glances(side, every):
    a, small = face_at(200, 300), face_at(700, 300, side=side)
    tracker, whole = Tracker(TrackerConfig()), []
    sightings = [sight(a, name="a"), sight(small, name="b")]
    seen(tracker, 0.0, whole=[detect(a), detect(small)], glanced=[], sightings=sightings)
    sightings[1] = sight(small, presence=0.05)
    for step in range(1, 25):
        _, calls = seen(
            tracker, step / 30, whole=[detect(a)], glanced=[detect(a)], sightings=sightings
        )
        whole += [step] * ("whole" in calls)
    assert whole[0] == 1  # where it was lost
    assert set(np.diff(whole[1:])) == {every}
