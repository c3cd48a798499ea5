from dataclasses import replace

import numpy as np
import pytest

from app.window.panels.probabilities import ProbabilitiesPanel
from app.window.theme import DARK, LIGHT, apply_theme
from engine.types import Prediction


@pytest.fixture
def panel(qtbot):
    made = ProbabilitiesPanel()
    qtbot.addWidget(made)
    made.every_s = 0  # no waiting
    made.resize(300, 280)
    made.show()
    return made


def test_says_what_the_face_shows(panel, make_live):
    panel.refresh(make_live(faces=(1,)))
    assert panel.headline.text() == "Happiness 65 %"
    assert panel.word.text() == "sure"
    assert panel.note.text() == "Largest face \N{MIDDLE DOT} reliability 0.60"
    assert panel.bars.accessibleDescription().startswith("happiness 65 %, ")


def test_says_uncertain_in_words(panel, make_live):
    panel.uncertain_below = 0.7
    panel.refresh(make_live(faces=(1,)))
    assert panel.headline.text() == "Happiness 65 %"
    assert panel.word.text() == "unsure"


def test_says_that_the_selected_face_is_away(panel, make_live, make_analysis):
    live = make_live(faces=(1, 2))
    live.select(2)
    panel.refresh(live)
    assert panel.note.text().startswith("Selected face")
    live.add(make_analysis(99, 9.0, {1: ("anger", 0, 0)}), 20, 0)
    panel.refresh(live)
    assert panel.headline.text() == "Not in the picture"
    assert "stays selected" in panel.note.text()
    assert panel.bars.accessibleDescription() == "no numbers"


def test_without_a_face_it_says_so(panel, make_live):
    panel.refresh(make_live(frames=0))
    assert panel.headline.text() == "No face"
    assert not panel.chip.isVisible()


def test_bars_have_the_lengths_of_the_numbers(panel, make_live):
    panel.refresh(make_live(faces=(1,)))
    image = panel.bars.grab().toImage()
    colour = panel.theme.face(1)
    row = image.height() / 8 if image.height() / 8 < 34 else 34
    y = round(1.5 * row)  # happiness is the second row
    filled = sum(image.pixelColor(x, y).name() == colour for x in range(image.width()))
    third = sum(
        image.pixelColor(x, round(2.5 * row)).name() == panel.theme.muted
        for x in range(image.width())
    )
    assert filled > 60
    assert third == pytest.approx(filled * 5 / 65, abs=6)


def test_bars_take_the_keyboards_focus(panel, qtbot):
    panel.bars.setFocus()
    qtbot.waitUntil(panel.bars.hasFocus)
    edge = panel.bars.grab().toImage().pixelColor(1, 1).name()
    assert edge == panel.theme.accent


def test_a_new_theme_shows_at_once(qapp, panel, make_live):
    apply_theme(qapp, "dark")
    panel.refresh(make_live(faces=(1,)))
    assert panel.chip.grab().toImage().pixelColor(4, 12).name() == DARK.face(1)
    apply_theme(qapp, "light")
    assert panel.chip.grab().toImage().pixelColor(4, 12).name() == LIGHT.face(1)
    colours = {
        panel.bars.grab().toImage().pixelColor(x, y).name()
        for x in range(120, 200)
        for y in range(0, 100, 3)
    }
    assert LIGHT.face(1) in colours
    assert DARK.face(1) not in colours


def test_bars_are_of_the_models_classes(panel, make_live, make_analysis):
    live, frame = make_live(faces=(1,)), make_analysis(99, 9.0, {1: ("fear", 0, 0)})
    shares = np.array([0.1, 0.2, 0.7], np.float32)
    said = Prediction(1, shares, 0.0, 0.0, 0.5, ("fear", "blink", "other"))
    live.add(replace(frame, predictions=(said,)), 20, 0)
    panel.refresh(live)
    assert panel.headline.text() == "Other 70 %"
    assert panel.bars.accessibleDescription() == "other 70 %, blink 20 %, fear 10 %"
    image, row = panel.bars.grab().toImage(), min(panel.bars.height() / 3, 34)
    filled = sum(
        image.pixelColor(x, round(2.5 * row)).name() == panel.theme.face(1)
        for x in range(image.width())
    )
    assert filled > 60
    live.add(
        replace(frame, frame=replace(frame.frame, time_s=9.1), tracks=(), predictions=()), 2, 0
    )
    panel.refresh(live)
    assert panel.headline.text() == "No face"
    assert panel.bars.minimumSizeHint().height() < 8 * panel.bars.fontMetrics().height()


def test_model_of_valence_and_arousal_alone_has_no_bars(panel, make_live, make_analysis):
    live, frame = make_live(faces=(1,)), make_analysis(99, 9.0, {1: ("fear", 0, 0)})
    said = Prediction(1, np.zeros(0, np.float32), 0.5, 0.5, None, ())
    live.add(replace(frame, predictions=(said,)), 20, 0)
    panel.refresh(live)
    assert panel.headline.text() == "No expressions"
    assert panel.note.text().endswith("the model knows valence and arousal only")
    assert panel.bars.accessibleDescription() == "no numbers"
    panel.bars.grab()
