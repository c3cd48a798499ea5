"""Measure stages, speed and memory of the installed project; prints Markdown.

    scripts/bench                          # the bundled clip
    scripts/bench CLIP... --repeats 5      # clips of one's own
    scripts/bench --soak 30                # memory over a looped half hour as well

This is `fer-bench --parts stages,command --out -`; its other parts measure the networks. Ratios
compare runs that take turns. Run it on a machine that does nothing else.
"""

import argparse
import sys

from export.bench.cli import main

parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
parser.add_argument("clips", nargs="*", help="videos; default the bundled one")
parser.add_argument("--repeats", default="5", help="runs behind each median (5)")
parser.add_argument("--soak", metavar="MINUTES", help="length of the looped video")
options = parser.parse_args()
arguments = ["--parts", "stages,command", "--out", "-", "--repeats", options.repeats]
arguments += ["--soak", options.soak] if options.soak else []
arguments += ["--clips", *options.clips] if options.clips else []
sys.exit(main(arguments))
