"""What is measured of a command as a process of its own."""

import sys

from export.bench import claims


def test_memory_is_that_of_the_command(tmp_path, monkeypatch):
    takes = "import time; kept = bytearray(80 << 20); time.sleep(0.5)"
    monkeypatch.setattr(claims, "COMMAND", (sys.executable, "-c", takes))
    sizes = claims.resident(tmp_path / "in.mp4", tmp_path / "out.mp4")
    assert 80 < max(sizes) / claims.MIB < 160
