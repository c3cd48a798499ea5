"""The plot: written, complete, and readable."""

from itertools import combinations

import cv2
import numpy as np
import pytest

import export.bench.drawing
from export.bench.drawing import LOOKS, draw_frontier, extent
from export.bench.published import ComparedSystem, stated_systems
from training.report.drawing import COLOURS

MEASURED = [
    ComparedSystem(
        name=name,
        kind="measured",
        accuracy=accuracy,
        accuracy_source="its manifest",
        parameters=2.716,
        gmac=0.281,
        ms=ms,
    )
    for name, accuracy, ms in (("poster-rt fp32", 85.4, 3.4), ("poster-rt int8", 85.2, 2.4))
]


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Give `drawn(systems)`: the picture and the labels of each panel."""
    panels, place = [], export.bench.drawing.place_labels

    def keep(axes, marks):
        panels.append((axes, place(axes, marks)))

    monkeypatch.setattr(export.bench.drawing, "place_labels", keep)

    def draw(systems):
        path = tmp_path / "plot.png"
        draw_frontier(systems, path)
        return cv2.imread(str(path)), panels

    return draw


def test_picture_shows_every_kind_in_its_colour(drawn):
    image, panels = drawn([*stated_systems(), *MEASURED])
    assert image.shape[0] > 500
    assert image.shape[1] > 1500
    assert len(panels) == 3
    for colour, _, _ in LOOKS.values():
        blue_green_red = [int(colour[k : k + 2], 16) for k in (5, 3, 1)]
        assert (np.abs(image.astype(int) - blue_green_red).max(axis=2) < 8).sum() > 100
        assert colour in COLOURS


def test_no_label_touches_another_or_leaves_its_panel(drawn):
    _, panels = drawn([*stated_systems(), *MEASURED])
    for axes, texts in panels:
        boxes = [extent(text) for text in texts]
        assert boxes
        for one, other in combinations(boxes, 2):
            assert not one.overlaps(other)
        inside = axes.get_window_extent()
        assert all(inside.contains(*box.min) and inside.contains(*box.max) for box in boxes)


def test_every_system_with_a_cost_is_named_once_a_panel(drawn):
    systems = [*stated_systems(), *MEASURED]
    _, panels = drawn(systems)
    names = [", ".join(text.get_text() for text in texts) for _, texts in panels]
    assert "CERN" in names[0]
    assert "CERN" in names[1], "counted here"
    assert "VGG16" not in "".join(names), "no cost is stated"
    assert sorted(names[2].split(", ")) == ["poster-rt fp32", "poster-rt int8"]


def test_panel_that_nobody_states_is_left_out(drawn):
    _, panels = drawn(stated_systems())
    assert len(panels) == 2


def test_published_systems_are_told_apart_by_what_they_start_from(drawn):
    systems = [*stated_systems(), *MEASURED]
    _, panels = drawn(systems)
    shown = {s.look for s in systems if s.parameters is not None}
    assert {"nothing", "ImageNet", "faces", "here", "measured"} == shown
    (legend,) = panels[0][0].figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        said for look, (_, _, said) in LOOKS.items() if look in shown
    ]
    marks = [(colour, shape) for colour, shape, _ in LOOKS.values()]
    assert len({colour for colour, _ in marks}) == len({shape for _, shape in marks}) == len(LOOKS)
