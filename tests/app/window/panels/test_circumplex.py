import numpy as np
import pytest

from app.live.state import LiveState
from app.window.panels.circumplex import CircumplexPanel, trails
from app.window.theme import apply_theme


@pytest.fixture
def panel(qtbot):
    made = CircumplexPanel()
    qtbot.addWidget(made)
    made.every_s = 0  # no waiting
    made.resize(320, 340)
    made.show()
    return made


def test_a_trail_ends_at_the_newest_values(make_live):
    live = make_live(frames=100)
    trail = trails(live)[2]
    newest = live.analysis.predictions[1]
    np.testing.assert_allclose(trail[-1], [newest.valence, newest.arousal], atol=1e-6)
    assert trail.dtype == np.float32


def test_a_trail_is_as_long_as_its_time(make_live):
    live = make_live(frames=500)
    assert len(trails(live, length_s=2.0)[1]) == pytest.approx(21, abs=2)


def test_a_trail_starts_anew_after_an_absence(make_analysis):
    live = LiveState()
    for index in range(10):
        live.add(make_analysis(index, index / 10, {1: ("anger", -0.9, -0.9)}), 20, 0)
    for index in range(10):
        live.add(make_analysis(index, 3 + index / 10, {1: ("anger", 0.5, 0.5)}), 20, 0)
    np.testing.assert_allclose(trails(live)[1], 0.5)


def test_a_face_that_left_has_no_trail(make_live, make_analysis):
    live = make_live(faces=(1, 2))
    live.add(make_analysis(999, 10.0, {2: ("anger", 0, 0)}), 20, 0)
    assert set(trails(live)) == {2}


def test_the_place_is_said_in_words(panel, make_analysis):
    live = LiveState()
    assert panel.plane.spoken() == "no face"
    live.add(make_analysis(0, 0.0, {1: ("anger", -0.5, 0.25)}), 20, 0)
    panel.refresh(live)
    expected = "face 1: valence -0.50, arousal +0.25"
    assert panel.plane.accessibleDescription() == expected


def test_the_point_is_drawn_where_its_values_are(panel, make_analysis):
    live = LiveState()
    live.add(make_analysis(0, 0.0, {1: ("anger", -0.3, -0.6)}), 20, 0)
    panel.refresh(live)
    area = panel.plane.area()
    at = panel.plane.at(area, -0.3, -0.6)
    assert at.x() < area.center().x()
    assert at.y() > area.center().y()
    image = panel.plane.grab().toImage()
    assert image.pixelColor(round(at.x()), round(at.y())).name() == panel.theme.face(1)


def test_after_a_rewind_faces_of_later_have_no_trail(make_live, make_analysis):
    live = make_live(frames=500, faces=(1, 2))
    live.add(make_analysis(0, 0.0, {1: ("anger", 0.1, 0.2)}), 20, 0)
    assert set(trails(live)) == {1}


@pytest.mark.parametrize("valence_arousal", [(0.8, 0.5), (0.0, -1.0), (0.0, 1.0), (1.0, 0.0)])
def test_ids_of_faces_at_one_place_do_not_cover_one_another(panel, make_analysis, valence_arousal):
    live = LiveState()
    faces = dict.fromkeys(range(1, 9), ("happiness", *valence_arousal))
    live.add(make_analysis(0, 0.0, faces), 20, 0)
    live.select(3)
    panel.refresh(live)
    plane = panel.plane
    order = [3, *(face for face in faces if face != 3)]
    places = plane.chip_places(plane.area(), order)
    away = places[3].center().y() - plane.at(plane.area(), *valence_arousal).y()
    assert abs(away) <= 1.1 * plane.fontMetrics().height()  # an axis' word may be in the way
    words = plane.word_places(plane.area()).values()
    assert len(words) == 4
    for face, place in places.items():
        assert plane.rect().toRectF().contains(place)
        assert not any(place.intersects(places[other]) for other in places if other != face)
        assert not any(map(place.intersects, words))


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("text_size", [100, 150, 200])
@pytest.mark.parametrize("size", [(320, 340), (440, 230), (230, 260), (700, 300)])
def test_words_of_the_plane_are_whole_and_apart(qtbot, qapp, speak, language, text_size, size):
    speak(language)
    apply_theme(qapp, "dark", text_size)
    panel = CircumplexPanel()
    qtbot.addWidget(panel)
    panel.resize(*size)
    panel.show()
    plane = panel.plane
    area = plane.area()
    names = plane.name_places(area)
    places = [*names.values(), *plane.word_places(area).values()]
    for place in places:
        assert plane.rect().toRectF().contains(place)
        assert sum(map(place.intersects, places)) == 1  # itself
    if text_size == 100 and size != (230, 260):
        assert len(names) >= 7
    apply_theme(qapp, "dark", 100)
