"""The receivers printed in docs/outputs: run as they stand, but for the port and the name."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.outputs.address import Address
from app.outputs.lsl import LslConfig
from app.outputs.outputs import OutputsConfig, open_outputs

DOCS = Path(__file__).parents[3] / "docs" / "outputs"
FACES = {3: ("anger", -0.5, 0.25)}


def _receive(page, old, new, config, make_analysis):
    """Run a page's receiver, send it frames until it prints a line, and give the line."""
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    assert old in code
    assert len(code.splitlines()) < 15
    analysis = make_analysis(0, 0.0, FACES)
    with (
        open_outputs(config) as outputs,
        subprocess.Popen(
            [sys.executable, "-c", code.replace(old, new)], stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        try:
            done = threading.Event()
            limit = threading.Timer(40, process.kill)
            limit.start()
            lines = []

            def read():
                lines.append(process.stdout.readline().strip())
                done.set()

            reader = threading.Thread(target=read)
            reader.start()
            while not done.wait(0.05):
                outputs.send(analysis)
            reader.join()
        finally:
            limit.cancel()
            limit.join()
            process.kill()
    return lines[0]


@pytest.mark.slow
def test_osc_receiver(make_analysis, port):
    pytest.importorskip("pythonosc", reason="python-osc is not installed")
    config = OutputsConfig(osc=Address(port=port))
    line = _receive("osc.md", "9000", str(port), config, make_analysis)
    assert line == "face 3: anger 65%, valence -0.50"


def test_udp_receiver(make_analysis, port):
    config = OutputsConfig(udp=Address(port=port))
    line = _receive("udp.md", "9001", str(port), config, make_analysis)
    assert line == "face 3: anger, valence -0.50"


@pytest.mark.slow
def test_lsl_receiver(make_analysis):
    pytest.importorskip("pylsl", reason="pylsl is not installed")
    config = OutputsConfig(lsl=LslConfig(name="fer-live docs"))
    line = _receive("lsl.md", '"fer-live"', '"fer-live docs"', config, make_analysis)
    assert re.fullmatch(r"\d+\.\d{3}: face 3, valence -0\.50", line)
