import csv
import io

import pytest

from app.session.statistics import SessionStatistics
from app.session.statistics_table import COLUMNS, as_text, row_of, save_table
from engine.errors import ConfigError, SinkError


@pytest.fixture
def rows(make_analysis):
    statistics = SessionStatistics()
    for index in range(11):
        label = "anger" if index < 5 else "happiness"
        statistics.add(make_analysis(index, index / 10, {2: (label, 0.5, -0.25)}))
    return [row_of(face) for face in statistics.faces()]


def test_text_holds_the_numbers(rows):
    (row,) = csv.DictReader(io.StringIO(as_text(rows)))
    assert row["face"] == "2"
    assert float(row["seen_s"]) == pytest.approx(1.0)
    assert float(row["anger"]) == pytest.approx(0.5, abs=1e-3)
    assert float(row["happiness"]) == pytest.approx(0.5, abs=1e-3)
    assert (float(row["valence"]), float(row["arousal"])) == (0.5, -0.25)


def test_the_clipboard_gets_tabs(rows):
    head, line, end = as_text(rows, "\t").split("\n")
    assert head.split("\t") == list(COLUMNS)
    assert len(line.split("\t")) == len(COLUMNS)
    assert end == ""


def test_a_file_is_replaced_whole(rows, tmp_path):
    path = tmp_path / "statistics.csv"
    path.write_text("old")
    save_table(path, rows)
    assert path.read_text() == as_text(rows)
    assert [file.name for file in tmp_path.iterdir()] == ["statistics.csv"]


def test_what_cannot_be_written_is_an_error(rows, tmp_path):
    with pytest.raises(ConfigError, match="unknown ending"):
        save_table(tmp_path / "statistics.txt", rows)
    with pytest.raises(SinkError, match="does not exist"):
        save_table(tmp_path / "missing" / "statistics.csv", rows)
