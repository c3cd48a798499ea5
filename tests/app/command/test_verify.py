"""Rows are read again and compared; the same dictionary says everywhere where they come from."""

import csv
import json
import shutil

import av
import pytest

from app.command.cli import main
from app.command.verify import DIFFERS
from engine.assets import asset_path
from engine.origin import AT_THE_END, differences, origin_in, read_origin

ENDINGS = (".csv", ".jsonl", ".parquet")


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A folder with a film of the demo's first second, and everything that is written of it."""
    folder = tmp_path_factory.mktemp("read")
    shutil.copy(asset_path("demo.mp4"), folder / "film.mp4")
    film = str(folder / "film.mp4")
    for ending in ENDINGS:
        rows = str(folder / f"rows{ending}")
        assert main([film, "--duration", "1", "--records", rows, "--quiet"]) == 0
    for ending in (".mp4", ".mkv", ".mov"):
        out = str(folder / f"out{ending}")
        assert main([film, "--duration", "1", "--out", out, "--quiet"]) == 0
    return folder


def test_the_same_dictionary_is_everywhere(read, capsys):
    film = str(read / "film.mp4")
    options = ["--duration", "1", "--records", str(read / "again.csv"), "--json", "--overwrite"]
    assert main([film, *options]) == 0
    said = json.loads(capsys.readouterr().out)["provenance"]
    assert said["input"]["name"] == "film.mp4"
    assert said["input"]["size"] == (read / "film.mp4").stat().st_size
    assert said["frames"] == {"seen": 25, "analysed": 25, "faceless": 0, "dropped": 0}
    assert [network["kind"] for network in said["networks"]] == [
        *("detector", "landmarks", "expression")
    ]
    for ending in ENDINGS:
        assert differences(said, read_origin(read / f"rows{ending}")) == []
    for ending in (".mp4", ".mkv", ".mov"):
        with av.open(str(read / f"out{ending}")) as container:
            tagged = origin_in(container.metadata)
        known = {name: value for name, value in said.items() if name not in AT_THE_END}
        assert differences(known, tagged) == []


def test_it_names_no_folder_user_or_computer(read):
    text = json.dumps(read_origin(read / "rows.csv"))
    for private in (str(read), read.name, "/root", "/home"):
        assert private not in text


def test_a_film_with_covered_faces_does_not_name_its_input(read):
    out = read / "covered.mp4"
    assert main([str(read / "film.mp4"), "--duration", "1", "--blur", "--out", str(out)]) == 0
    with av.open(str(out)) as container:
        said = origin_in(container.metadata)["input"]
    assert (said["name"], said["sha256"]) == (None, None)
    assert said["width"] == 640


@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_come_again(read, capsys, ending):
    assert main(["--verify", str(read / f"rows{ending}")]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("the same" if ending == ".parquet" else "the same, byte for byte")


def test_a_changed_option_is_named_and_what_it_changes(read, capsys):
    assert main(["--verify", str(read / "rows.csv"), "--smooth", "0"]) == DIFFERS
    first, second, *rest = capsys.readouterr().out.splitlines()
    assert first.endswith("rows.csv: differs")
    assert second == "options.analyzer.smooth: 0.25, 0.0"
    assert any(line.startswith("reliability: in ") for line in rest)


def changed(folder, path, edit):
    """Write rows beside `path` with one value changed, and what says where they come from."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    names = rows[0]
    edit({name: names.index(name) for name in names}, rows[1:])
    made = folder / "changed.csv"
    with made.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    shutil.copy(f"{path}.json", f"{made}.json")
    return made


@pytest.mark.parametrize(
    ("column", "by", "same"),
    [
        ("x", 0.4, True),
        ("x", 0.6, False),
        ("valence", 8e-4, True),
        ("valence", 2e-3, False),
        ("score", 8e-4, True),
        ("face_id", 1, False),
    ],
)
def test_rounding_of_another_processor_is_the_same_and_more_is_not(
    read, tmp_path, capsys, column, by, same
):
    def edit(places, rows):
        kind = int if column == "face_id" else float
        rows[7][places[column]] = str(kind(rows[7][places[column]]) - by)

    made = changed(tmp_path, read / "rows.csv", edit)
    assert main(["--verify", str(made), str(read / "film.mp4")]) == (0 if same else DIFFERS)
    said = capsys.readouterr().out
    assert ("but for rounding" if same else f"{column}: in 1 rows, most in frame") in said


def test_another_film_is_named(read, tmp_path, capsys):
    shutil.copy(asset_path("demo.mp4"), tmp_path / "other.mp4")
    with (tmp_path / "other.mp4").open("ab") as film:
        film.write(b"\0\0\0\x08free")
    assert main(["--verify", str(read / "rows.csv"), str(tmp_path / "other.mp4")]) == 0
    assert "input.sha256: " in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["no file", "no form", "gone", "no json"])
def test_what_says_nothing_is_refused_in_one_line(read, tmp_path, capsys, damage):
    rows = tmp_path / "rows.csv"
    if damage != "gone":
        shutil.copy(read / "rows.csv", rows)
    content = {"no form": "{}", "no json": "nonsense"}.get(damage)
    if content is not None:
        (tmp_path / "rows.csv.json").write_text(content)
    assert main(["--verify", str(rows), str(read / "film.mp4")]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert "rows.csv" in line


def test_a_film_that_is_not_there_is_asked_for(read, tmp_path, capsys):
    for name in ("rows.csv", "rows.csv.json"):
        shutil.copy(read / name, tmp_path)
    assert main(["--verify", str(tmp_path / "rows.csv")]) == 3
    assert "name the film" in capsys.readouterr().err


def test_live_rows_cannot_be_verified(read, tmp_path, capsys):
    rows = tmp_path / "live.csv"
    film = str(read / "film.mp4")
    assert main([film, "--duration", "0.3", "--live", "--records", str(rows), "--quiet"]) == 0
    assert main(["--verify", str(rows), film]) == 2
    assert "cannot be verified" in capsys.readouterr().err


def test_rows_that_have_something_of_their_name_beside_them_are_not_begun(read, tmp_path, capsys):
    (tmp_path / "rows.csv.json").write_text("mine")
    assert main([str(read / "film.mp4"), "--records", str(tmp_path / "rows.csv")]) == 5
    assert "rows.csv.json: exists already" in capsys.readouterr().err
    assert not (tmp_path / "rows.csv").exists()
