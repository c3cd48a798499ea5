"""Tell engines that this user built on this machine from engines of others.

A serialized TensorRT engine is native code: reading one is running it. Model files come from
anywhere, so an engine is read only where its description carries a signature that nobody else
can make.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

from engine.errors import SinkError
from engine.files import written
from engine.folders import cache_folder


def sign(text: bytes) -> str:
    """Sign a text with this user's secret, made the first time.

    Raises:
        SinkError: The secret cannot be kept.
    """
    return _signature(_secret(), text)


def is_signed(text: bytes, signature: object) -> bool:
    """Say whether `sign` made this signature, for this user and this text."""
    try:
        secret = _path().read_bytes()
    except OSError:
        return False
    if not isinstance(signature, str) or not signature.isascii():  # else it cannot be compared
        return False
    return hmac.compare_digest(_signature(secret, text), signature)


def _signature(secret: bytes, text: bytes) -> str:
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def _path() -> Path:
    return cache_folder() / "engine-secret"


def _secret() -> bytes:
    path = _path()
    try:
        if not path.exists():
            with written(path, mode=0o600) as partial:
                partial.write_bytes(secrets.token_bytes(32))
        return path.read_bytes()
    except OSError as error:
        raise SinkError(f"{path}: cannot be written: {error.strerror or error}") from error
