"""Frames of the rendezvous (rendezvous.py): a JSON object and, behind it, raw bytes.

16 bytes, big-endian: ``SMR1``, length of the JSON (4 bytes), length of the raw bytes (8); then both. Nothing here
trusts the peer: lengths are bounded, and JSON is data, never code.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

from selmcast.errors import ProtocolError, Timeout, Unavailable

_HEADER = struct.Struct("!4sIQ")
_MAGIC = b"SMR1"
JSON_BYTES_MAX = 64 << 20
GREETING_BYTES_MAX = 64 << 10
"""Of who has not said yet that it is a rank of this job."""
CHUNK_BYTES = 1 << 20


def tune(connection: socket.socket) -> None:
    """Small frames at once; a peer that vanished is noticed within half a minute."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)


def receive_into(connection: socket.socket, memory: memoryview) -> None:
    """Fills ``memory`` (bytes). :raises Unavailable: the connection ended. :raises Timeout: the socket's."""
    filled = 0
    while filled < len(memory):
        try:
            count = connection.recv_into(memory[filled:])
        except TimeoutError:
            raise Timeout("the other side of the rendezvous is silent") from None
        except OSError as error:
            raise Unavailable(f"the rendezvous was lost: {error}") from None
        if count == 0:
            raise Unavailable("the other side of the rendezvous has closed the connection")
        filled += count


def discard(connection: socket.socket, count: int) -> None:
    """Reads ``count`` bytes that nobody wants."""
    memory = memoryview(bytearray(min(count, CHUNK_BYTES)))
    while count > 0:
        piece = memory[: min(count, len(memory))]
        receive_into(connection, piece)
        count -= len(piece)


def send(connection: socket.socket, message: dict[str, Any], raw: tuple[memoryview, ...] = ()) -> None:
    """``raw``: the pieces of the raw bytes, each a view of bytes."""
    text = json.dumps(message).encode()
    try:
        connection.sendall(_HEADER.pack(_MAGIC, len(text), sum(len(piece) for piece in raw)) + text)
        for piece in raw:
            connection.sendall(piece)
    except TimeoutError:
        raise Timeout("the other side of the rendezvous does not read") from None
    except OSError as error:
        raise Unavailable(f"the rendezvous was lost: {error}") from None


def receive(connection: socket.socket, json_bytes_max: int = JSON_BYTES_MAX) -> tuple[dict[str, Any], int]:
    """The next JSON object, and how many raw bytes follow it, still to be read."""
    header = bytearray(_HEADER.size)
    receive_into(connection, memoryview(header))
    magic, json_bytes, raw_bytes = _HEADER.unpack(header)
    if magic != _MAGIC or json_bytes > json_bytes_max:
        raise ProtocolError("what is on the other side is no rendezvous of selmcast of this version")
    text = bytearray(json_bytes)
    receive_into(connection, memoryview(text))
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise ProtocolError("the other side of the rendezvous sent no JSON") from None
    if not isinstance(message, dict):
        raise ProtocolError("the other side of the rendezvous sent no JSON object")
    return message, raw_bytes
