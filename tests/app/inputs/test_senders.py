"""The senders printed in docs/inputs.md: run as they stand, but for the port and the name."""

import queue
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.inputs.listener import Listener
from app.inputs.lsl import LslEar
from app.inputs.udp import UdpEar
from app.outputs.address import Address
from app.settings.settings import load_settings

PAGE = (Path(__file__).parents[3] / "docs" / "inputs.md").read_text("utf-8")
UDP, LSL = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def sent(ear, code):
    """Run a sender until its marker comes, and give that."""
    heard = queue.Queue()
    listener = Listener(ear, lambda text, at_s: heard.put(text))
    try:
        for _ in range(5):  # the first may come before the port is open
            with subprocess.Popen([sys.executable, "-c", code]) as process:
                try:
                    return heard.get(timeout=20)
                except queue.Empty:
                    continue
                finally:
                    process.kill()
    finally:
        listener.close()
        assert listener.join()


def test_udp_sender():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        port = made.getsockname()[1]
    assert sent(UdpEar(Address(port=port)), UDP.replace("9002", str(port))) == "trial 1"


@pytest.mark.slow
def test_lsl_sender():
    pytest.importorskip("pylsl", reason="pylsl is not installed")
    code = LSL.replace('"experiment"', '"fer-live docs input"') + "import time; time.sleep(20)\n"
    assert sent(LslEar("fer-live docs input", network=False), code) == "trial 1"


def test_the_settings_of_the_page_are_accepted(tmp_path):
    (toml,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "settings.toml"
    path.write_text(toml)
    settings = load_settings(path)
    assert (settings.hear_udp, settings.hear_udp_host, settings.hear_udp_port) == (
        True,
        "127.0.0.1",
        9002,
    )
    assert (settings.hear_lsl, settings.hear_lsl_stream) == (True, "PsychoPy")
