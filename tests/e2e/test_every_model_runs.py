"""Every network that ships runs by its name, from the demo to video and rows."""

import pytest

from app.command.cli import main
from engine.networks.models import shipped
from tests.e2e.test_annotate_a_video import read_rows

NAMES = sorted(shipped())


def test_the_seeds_systems_that_ship_are_there():
    assert {"poster-rt", "dan", "dan-va"} <= set(NAMES)


@pytest.mark.parametrize("name", [*NAMES, "dan,dan-va"])
def test_a_network_that_ships_reads_the_film_by_its_name(name, make_clip, stage, tmp_path):
    portrait, ground = stage.load_portrait(), stage.backdrop(0.0)
    face = stage.compose(ground, portrait, [stage.Place(x=320, y=180, side=260)])[0]
    clip = make_clip("short.mp4", [face] * 6)
    video, rows = tmp_path / "a.mp4", tmp_path / "rows.csv"
    given = [str(clip), "--model", name, "--out", str(video), "--records", str(rows), "--quiet"]
    assert main(given) == 0
    assert [row["face_id"] for row in read_rows(rows)] == ["1"] * 6
    labels = {row["expression"] for row in read_rows(rows)}
    assert labels == ({""} if name == "dan-va" else {"happiness"})
    assert all(float(row["valence"]) > 0.3 for row in read_rows(rows))
    assert {row["affect_source"] for row in read_rows(rows)} == {"derived"}
    assert video.stat().st_size > 0
