"""Where a run came from: recipe, seed, commit, and digests of the data and weights it used."""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import MISSING, asdict, field, fields
from pathlib import Path
from typing import Any

from engine.config import checked
from engine.documents import read_object
from engine.errors import ConfigError, ModelError
from engine.files import write_text
from engine.installed import commit
from training.documents import read_as
from training.trainer.recipe import Recipe
from training.weights import file_digest

REMEDY = "choose another --out or remove its folder"
# Where a run goes on may differ from where it began.
PLACE = frozenset(
    {"loop.workers", "loop.minutes", "loop.accelerator", "loop.devices", "loop.nodes"}
)
CHECKPOINT, MODEL = (
    "checkpoint.safetensors",
    "model.safetensors",
)  # as `training.trainer.loop` has them


def write_provenance(
    recipe: Recipe,
    configs: Mapping[str, Any],
    data: Mapping[str, str],
    files: Sequence[Path] = (),
) -> None:
    """Write ``recipe.json``, defaults filled in, and ``provenance.json`` into the run folder.

    A run that goes on keeps what it began with; a commit that trains on is added.

    Args:
        recipe: Of the run.
        configs: Its tables as the dataclasses they were understood as, by name.
        data: Digest of everything it reads, by name (`training.data`).
        files: Weights it starts from.

    Raises:
        ConfigError: The folder holds a run of another recipe, of other data or from other weights;
            a setting that its recipe does not know yet counts as the default.
        ModelError: What the folder says of its run, or one of `files`, cannot be read.
        SinkError: The folder cannot be written.
    """
    resolved = {"task": recipe.task, **{name: asdict(table) for name, table in configs.items()}}
    _refuse_another(recipe.folder, resolved, _at_default(configs))
    source = {
        "commits": [commit()],
        "data": dict(data),
        "files": {str(path): file_digest(path) for path in files},
    }
    if (recipe.folder / CHECKPOINT).exists():
        source = _gone_on(recipe.folder, source)
    for name, content in (("recipe", resolved), ("provenance", source)):
        write_text(recipe.folder / f"{name}.json", json.dumps(content, indent=2) + "\n")


def _refuse_another(folder: Path, resolved: Mapping[str, Any], at_default: Set[str]) -> None:
    path = folder / "recipe.json"
    if not path.exists():
        return
    before, now = _flat(read_object(path, ModelError, REMEDY)), _flat(resolved)
    for name in sorted((before.keys() | now.keys()) - PLACE):
        was, is_ = before.get(name), now.get(name)
        if was != is_ and not (was is None and name in at_default):
            raise _another(folder, "of another recipe", name, was, is_)


def _gone_on(folder: Path, now: Mapping[str, Any]) -> dict[str, Any]:
    """Give where a run that is there came from, with the commit that trains on.

    Raises:
        ConfigError: It was of other data, or from other weights.
    """
    path = folder / "provenance.json"
    before, known = read_object(path, ModelError, REMEDY), read_as(path, _Source, REMEDY)
    for key, what in (("data", "of other data"), ("files", "from other weights")):
        said, found = getattr(known, key), now[key]
        for name in sorted(said.keys() | found.keys()):
            was, is_ = _digest_in(said.get(name)), _digest_in(found.get(name))
            if was != is_:
                raise _another(folder, what, name, was, is_)
    before.pop("commit", None)
    commits = list(known.commits) or [known.commit]
    if not (folder / MODEL).exists() and commits[-1:] != now["commits"]:
        commits = [*commits, *now["commits"]]
    return {**now, **before, "commits": commits}


@checked("")
class _Source:
    """What ``provenance.json`` says; before there were several commits, it named one."""

    data: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    commits: tuple[str, ...] = ()
    commit: str = "unknown"


def _digest_in(said: str | None) -> str | None:
    """Give the digest, shortened, without the place of the labels: those may be moved."""
    return None if said is None else said.rpartition(" ")[2][:16]


def _another(folder: Path, what: str, name: str, was: object, is_: object) -> ConfigError:
    return ConfigError(
        f"{folder}: holds a run {what} ({name} was {was}, is {is_}); "
        "choose another --out or remove it"
    )


def _at_default(configs: Mapping[str, Any]) -> set[str]:
    """Name the settings that have their default value, by their dotted names."""
    names = set()
    for table, config in configs.items():
        for each in fields(config):
            made = each.default_factory
            default = each.default if made is MISSING else made()
            if getattr(config, each.name) == default:
                names.add(f"{table}.{each.name}")
    return names


def _flat(tables: Mapping[str, Any]) -> dict[str, str]:
    """Give every setting by its dotted name, as JSON, in which tuples and lists are one."""
    rows: dict[str, str] = {}
    for name, value in tables.items():
        inner = value if isinstance(value, Mapping) else {"": value}
        rows |= {f"{name}.{key}".rstrip("."): json.dumps(item) for key, item in inner.items()}
    return rows
