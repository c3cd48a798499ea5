"""Too little memory, too few open files: one line, a documented code, nothing left over."""

import os

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs ulimit")

MORE = [pytest.mark.long, pytest.mark.slow]
CODES = (3, 4, 5, 6)
LITTLE = {"fer-train": ("training/recipes/detector.toml",), "fer-grid": ("none",)}


def more(values, few):
    return [value if value in few else pytest.param(value, marks=MORE) for value in values]


def judge(code, said, folder, hidden):
    """The outputs are new or as before, and nobody is told more than a line."""
    out, rows = folder / "out.mp4", folder / "rows.csv"
    old = out.read_bytes() == b"old video", rows.read_bytes() == b"old rows"
    assert hidden() == []
    names = sorted(path.name for path in folder.iterdir() if path.suffix != ".json")
    assert names == ["out.mp4", "rows.csv"]
    if code == 0:
        assert old == (False, False)
        return
    assert code in CODES, said
    (line,) = (line for line in said.splitlines() if ": warning: " not in line)
    assert line.startswith("fer-video: ")
    assert all(old) or "(kept: " in line, line


@pytest.mark.parametrize(
    "limit",
    [
        *more([f"-v {mib * 1024}" for mib in (64, 300, *range(650, 1300, 50))], ["-v 716800"]),
        *more([f"-n {count}" for count in range(5, 21)], ["-n 7"]),
    ],
)
def test_shortage_is_one_line_and_leaves_nothing(start, tmp_path, hidden, limit):
    (tmp_path / "out.mp4").write_text("old video")
    (tmp_path / "rows.csv").write_text("old rows")
    words = ("--duration", 0.4, "--out", tmp_path / "out.mp4", "--records", tmp_path / "rows.csv")
    program = start(
        "fer-video", "assets/demo.mp4", *words, "--overwrite", "--quiet", before=f"ulimit {limit};"
    )
    judge(*program.end(), tmp_path, hidden)


@pytest.mark.parametrize("name", more(LITTLE, ["fer-grid"]))
def test_libraries_that_do_not_fit_are_one_line(start, name):
    code, said = start(name, *LITTLE[name], before="ulimit -v 300000;").end()
    assert code == 6, said
    (line,) = said.splitlines()
    assert line.startswith(f"{name}: not enough memory")
