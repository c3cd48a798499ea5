"""Draw accuracy against cost anew: measured networks of a benchmark, today's published figures.

python -m scripts.benches.plot docs/benchmarks/2026-11-27-networks/bench.json docs/accuracy.png
"""

from collections.abc import Sequence
from pathlib import Path

from engine.command import Parser, libraries, run_command
from engine.documents import read_object
from engine.errors import ConfigError
from export.bench.drawing import draw_frontier
from export.bench.published import ComparedSystem, stated_systems


def main(argv: Sequence[str] | None = None) -> int:
    """Draw; return the exit code."""
    return run_command("plot", _draw, argv)


def _draw(argv: Sequence[str]) -> None:
    parse = Parser(prog="plot", version=libraries("matplotlib"), description=__doc__)
    parse.add_argument("bench", type=Path, help="bench.json of fer-bench --parts networks")
    parse.add_argument("out", type=Path, help="the picture")
    options = parse.parse_args(argv)
    draw_frontier([*measured(options.bench), *stated_systems()], options.out)


def measured(bench: Path) -> list[ComparedSystem]:
    """Read the measured systems of a benchmark.

    Raises:
        ConfigError: It holds none.
    """
    rows = read_object(bench, ConfigError).get("systems")
    systems = [ComparedSystem(**row) for row in rows or () if row["kind"] == "measured"]
    if not systems:
        raise ConfigError(f"{bench}: no measured systems; name the bench.json of fer-bench")
    return systems


if __name__ == "__main__":
    raise SystemExit(main())
