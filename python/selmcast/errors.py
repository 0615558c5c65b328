"""Errors of the world (peers, the network, users), one class for each code of ``selmcast/c/selmcast.h``.

The text says what went wrong, where, and the remedy. After an error of ``Worker.synchronize`` the parameters are as
they were before the call and the session is over, except for ``InvalidInput``, which changes nothing.
"""

from __future__ import annotations


class Error(RuntimeError):
    """Anything that SelMcast reports. ``code`` is its name in the C interface, e.g. ``"timeout"``."""

    code = "internal"


class InvalidInput(Error, ValueError):
    """Options or arguments that cannot be used; nothing was changed."""

    code = "invalid_input"


class ProtocolError(Error):
    """A peer said something it may not say, or speaks another version."""

    code = "protocol"


class Corrupt(Error):
    """Bytes that do not match their checksum."""

    code = "corrupt"


class Unavailable(Error, ConnectionError):
    """Nobody there, or the connection was lost."""

    code = "unavailable"


class Timeout(Error, TimeoutError):
    """A bounded wait ended."""

    code = "timeout"


class Rejected(Error):
    """The manager refused, with its reason: a model that differs from the others', a name taken, ..."""

    code = "rejected"


class IoError(Error, OSError):
    """The operating system refused: a port in use, a file that cannot be written, ..."""

    code = "io"


class Cancelled(Error):
    """The worker has left, or was interrupted."""

    code = "cancelled"


_CLASSES: dict[str, type[Error]] = {
    cls.code: cls
    for cls in (Error, InvalidInput, ProtocolError, Corrupt, Unavailable, Timeout, Rejected, IoError, Cancelled)
}


def make(code: str, message: str) -> Error:
    """The error that stands for a code of the C interface."""
    return _CLASSES.get(code, Error)(message)
