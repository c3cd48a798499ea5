"""Several systems on the same faces, side by side: which, and how they are opened."""

from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from engine.analyze import (
    AnalyzerConfig,
    check_networks,
    config_vocabulary,
    models_of,
    open_reader,
    sources_of,
)
from engine.errors import ConfigError, ModelError
from engine.labels import Vocabulary
from engine.networks.bundle import SUFFIX
from engine.networks.models import names_of
from engine.reading.compared import ComparedReader
from engine.reading.fusion import shared_landmarks

LEAST: Final = 2
MOST: Final = 12  # systems whose columns can be told apart on a screen


def systems_of(config: AnalyzerConfig) -> dict[str, AnalyzerConfig]:
    """Give the systems that a config names with commas, by what they are called.

    That is the name of one that ships; else the file's, and its path where two files are called
    alike.

    Raises:
        ConfigError: It names one system, or too many.
        ModelError: A name is missing, or there twice.
    """
    names = names_of(config.model)
    if not LEAST <= len(names) <= MOST:
        raise ConfigError(
            f"--compare {config.model}: names {len(names)}; name {LEAST} to {MOST} networks with "
            "commas between them"
        )
    short = [_short(name) for name in names]
    called = [
        one if short.count(one) == 1 else name for one, name in zip(short, names, strict=True)
    ]
    return {one: replace(config, model=name) for one, name in zip(called, names, strict=True)}


def _short(name: str) -> str:
    return Path(name).stem if Path(name).suffix in (".onnx", SUFFIX) else name


def check_comparison(config: AnalyzerConfig) -> None:
    """Find out what is wrong with a comparison before it is made.

    Raises:
        ConfigError: As `systems_of`.
        ModelError: Unknown model, missing or damaged file, a device that is not there, a network
            that is named twice, or two that follow faces by different landmark networks.
    """
    seen: dict[str, str] = {}
    manifests = []
    for name, one in systems_of(config).items():
        check_networks(one)
        (manifest,) = models_of(one)
        if manifest.sha256 in seen:
            raise ModelError(
                f"model {name}: is the same network as {seen[manifest.sha256]}; name each once"
            )
        seen[manifest.sha256] = name
        manifests.append(manifest)
    shared_landmarks(manifests)


def open_comparison(config: AnalyzerConfig) -> ComparedReader:
    """Load the networks that read expressions.

    Raises:
        FerError: As `check_comparison`.
    """
    check_comparison(config)
    with ExitStack() as opened:
        readers = {
            name: opened.enter_context(closing(open_reader(one)))
            for name, one in systems_of(config).items()
        }
        opened.pop_all()
    return ComparedReader(readers)


def comparison_vocabulary(config: AnalyzerConfig) -> Vocabulary:
    """Say what the systems may say of a face together; nothing is loaded.

    Raises:
        FerError: As `check_comparison`.
    """
    systems = systems_of(config)
    first, *others = (config_vocabulary(one) for one in systems.values())
    for other in others:
        first = first.joined(other)
    return replace(first, systems=tuple(systems))


def comparison_sources(config: AnalyzerConfig) -> dict[str, dict[str, str | None]]:
    """Say by system where each of its outputs comes from, as `engine.analyze.sources_of`.

    Raises:
        FerError: As `check_comparison`.
    """
    return {name: sources_of(one) for name, one in systems_of(config).items()}
