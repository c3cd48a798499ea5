"""The networks that a model may be chosen from, and what a tick means; no Qt inside."""

from collections.abc import Sequence
from pathlib import Path

from engine.assets import asset_path
from engine.documents import is_file
from engine.errors import ModelError
from engine.networks.bundle import SUFFIX
from engine.networks.manifest import read_manifest
from engine.networks.models import names_of, shipped
from engine.reading.catalogue import Entry, entries_in, entry_of
from engine.reading.offers import offer_of, vocabulary_of


def named(model: str) -> tuple[str, ...]:
    """Split a model's value into names; what names nothing has none."""
    try:
        return names_of(model)
    except ModelError:
        return ()


def listed(model: str) -> list[Entry]:
    """List what may be chosen: what ships, then what lies beside files that are chosen.

    Args:
        model: As in `Settings.model`.

    Returns:
        One entry a name; of several precisions the first, fp32 where there is one. None of what
        ships where that is damaged, which `model_problem` says.
    """
    try:
        entries = [
            entry_of(read_manifest(asset_path(next(iter(files.values())))), name)
            for name, files in shipped().items()
        ]
    except ModelError:
        entries = []
    paths = [Path(name) for name in named(model) if name.endswith(".onnx")]
    for folder in dict.fromkeys(path.parent for path in paths if is_file(path)):
        try:
            entries += entries_in(folder)[0]
        except ModelError:  # what is wrong is said beside the field
            continue
    return entries


def toggled(model: str, name: str) -> str:
    """Add a network to those that are chosen, or take it away; one always stays.

    Args:
        model: As in `Settings.model`; what names nothing is replaced.
        name: Of the network.
    """
    chosen = [one for one in named(model) if not model_problem(one)]
    if name not in chosen:
        return ",".join([*chosen, name])
    rest = [one for one in chosen if one != name]
    return ",".join(rest or [name])


def model_problem(model: str) -> str:
    """Say what is wrong with a model's name, names or path; empty if it may be loaded.

    Args:
        model: As in `Settings.model`.
    """
    try:
        names = names_of(model)
        wrong = next(filter(None, map(_problem, names)), "")
        return wrong or (_together(names) if len(names) > 1 else "")
    except ModelError as error:
        return str(error)


def _problem(name: str) -> str:
    path = Path(name)
    if path.suffix in (".onnx", SUFFIX):
        return "" if is_file(path) else "no such file"
    models = shipped()
    if name in models:
        return ""
    return f"unknown; choose {', '.join(models)}, or an .onnx or {SUFFIX} file"


def _together(names: Sequence[str]) -> str:
    """Say why several networks do not go together; of bundles that is seen when they are opened."""
    models = shipped()
    paths = [
        asset_path(next(iter(models[name].values()))) if name in models else Path(name)
        for name in names
    ]
    if any(path.suffix == SUFFIX for path in paths):
        return ""
    vocabulary_of([offer_of(read_manifest(path)) for path in paths])
    return ""
