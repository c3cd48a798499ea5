"""Where a run came from: recipe, seed, commit, and digests of the data and weights it used."""

import hashlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from training.data.packs import pack_folder
from training.recipe import Recipe

TABLES = frozenset({".csv", ".npz"})  # read whole; a picture counts by its name and size


def write_provenance(recipe: Recipe, packs: Sequence[str], files: Sequence[Path] = ()) -> None:
    """Write ``recipe.json`` and ``provenance.json`` into the run folder.

    Args:
        recipe: Of the run, already found to be right.
        packs: Data packs it reads.
        files: Weights it starts from.

    Raises:
        SourceError: A data pack is missing.
    """
    recipe.folder.mkdir(parents=True, exist_ok=True)
    resolved = {"task": recipe.task, **recipe.tables}
    source = {
        "commit": commit(),
        "data": {name: digest(pack_folder(recipe.data, name, recipe.cache)) for name in packs},
        "files": {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }
    for name, content in (("recipe", resolved), ("provenance", source)):
        text = json.dumps(content, indent=2) + "\n"
        (recipe.folder / f"{name}.json").write_text(text, encoding="utf-8")


def digest(folder: Path) -> str:
    """Give a SHA-256 that changes with any table's content and any other file's name or size."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        if path.suffix in TABLES:
            total.update(path.read_bytes())
    return total.hexdigest()


def commit() -> str:
    """Give the commit of the checkout, or ``unknown`` outside of one."""
    command = ["git", "rev-parse", "HEAD"]
    here = Path(__file__).parent
    try:
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
