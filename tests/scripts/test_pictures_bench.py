"""What pictures cost: a row for each way, whatever it took."""

import pytest

from scripts.benches.pictures import main

pytestmark = pytest.mark.slow


def test_every_way_has_a_row(make_clip, capsys):
    clip = make_clip("a.mp4")
    assert main([str(clip), "--repeats", "1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("a.mp4, ")
    rows = [line.split(" | ")[0].strip("| ") for line in said if line.startswith("| ")][2:]
    assert rows == [
        *("decode", "decode + encode", "--records", "--out", "--overlay soft", "--blur")
    ]


def test_what_cannot_be_run_is_said(tmp_path, capsys):
    (tmp_path / "a.mp4").write_bytes(b"no film")
    assert main([str(tmp_path / "a.mp4"), "--repeats", "1"]) != 0
    assert len(capsys.readouterr().err.splitlines()) == 1
