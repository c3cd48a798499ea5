"""Errors raised on purpose, each with the exit code the command line ends with."""

from typing import ClassVar


class FerError(Exception):
    """Root of every error whose message is safe to show to a user."""

    exit_code: ClassVar[int] = 1


class ConfigError(FerError):
    """A setting is unknown, of the wrong type or out of range."""

    exit_code = 2


class SourceError(FerError):
    """A camera, stream or file is missing, busy, lost or unreadable."""

    exit_code = 3


class ModelError(FerError):
    """Weights, manifest, execution provider or tensor shape do not fit."""

    exit_code = 4


class SinkError(FerError):
    """An output cannot be written: no permission, no codec, disk full."""

    exit_code = 5
