"""Be a program in a process that has its libraries imported already, as `fork` gives one.

Not a test: `start` in `conftest.py` has it run where a test needs a process of its own, but not one
that begins with Python's own start, which takes longer than most of what these tests do.
"""

import os
import runpy
import signal
import sys
from collections.abc import Sequence


def run(argv: Sequence[str], out: str, said: str) -> None:
    """Be `fer-video`, or a script.

    Args:
        argv: As `sys.argv`.
        out: The file for stdout.
        said: The file for stderr.
    """
    for number, name in ((1, out), (2, said)):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    for name in ("SIGTERM", "SIGHUP"):  # the server that forks may ignore some
        signal.signal(signal.Signals[name], signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = list(argv)
    if argv[0].endswith(".py"):
        runpy.run_path(argv[0], run_name="__main__")
        return
    from app.entry import video

    sys.exit(video())


if __name__ == "forked":
    run(*ARGUMENTS)  # noqa: F821 - of `runpy`
