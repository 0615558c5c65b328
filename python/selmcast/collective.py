"""One collective operation at rank 0: models come in, one result goes out to all.

Used where a training needs all workers at once, at its start (everybody begins with rank 0's model) and at its end (the
exact average of all models); what happens in between goes over the planned data plane. It is a star: rank 0's link
carries n - 1 models in and out, every other link one of each, which is never more than all-to-all would put on any
link.

The average is exact: sums are in float64, in order of the ranks, rounded once at the end; so all ranks get the same
bits. Of whole numbers the greatest counts. Memory at rank 0: one model in float64, whatever the number of workers: a
rank's bytes are read from its socket only when it is its turn.

A rank whose connection is gone is left out; ``missing`` tells. Thread rule: each rank's connection has a thread;
all state is under one condition.
"""

from __future__ import annotations

import socket
import time
from threading import Condition
from typing import Any, Optional

from selmcast import frames
from selmcast.errors import Error, InvalidInput, ProtocolError, Timeout, Unavailable

DTYPES = {"f4": 4, "f8": 8, "i8": 8}
"""Element types on the wire, with their bytes: float32, float64, int64, little-endian."""


def elements_of(shape: list[int]) -> int:
    count = 1
    for extent in shape:
        count *= extent
    return count


def describe(tensor: list[Any]) -> str:
    return f"'{tensor[0]}' {tensor[1]} {tensor[2]}"


def first_difference(mine: list[Any], theirs: list[Any], my_rank: int, their_rank: int) -> Optional[str]:
    """What to tell a person about two lists of [name, dtype, shape]; None if they are equal."""
    for a, b in zip(mine, theirs):
        if a != b:
            return f"rank {their_rank} has {describe(b)} where rank {my_rank} has {describe(a)}"
    if len(mine) != len(theirs):
        longer, rank = (theirs, their_rank) if len(theirs) > len(mine) else (mine, my_rank)
        return f"only rank {rank} has {describe(longer[min(len(mine), len(theirs))])}"
    return None


def different_setting(
    mine: dict[str, Any], theirs: dict[str, Any], my_rank: int, their_rank: int
) -> Optional[str]:
    """What to tell a person about two lists of settings; None if they are equal."""
    for key in [*mine, *theirs]:
        if mine.get(key) != theirs.get(key):
            return f"rank {their_rank} has {key} {theirs.get(key)} where rank {my_rank} has {key} {mine.get(key)}"
    return None


def check_tensors(tensors: Any, raw_bytes: int) -> None:
    """:raises ProtocolError: not a list of [name, dtype, shape], or not of so many bytes."""
    total = 0
    for tensor in tensors if isinstance(tensors, list) else [None]:
        if not (
            isinstance(tensor, list) and len(tensor) == 3 and tensor[1] in DTYPES and isinstance(tensor[2], list)
        ):
            raise ProtocolError("a collective was announced with something that is no list of tensors")
        total += elements_of(tensor[2]) * DTYPES[tensor[1]]
    if raw_bytes not in (0, total):
        raise ProtocolError(f"a collective of {total} bytes came with {raw_bytes}")


class Collective:
    """``kind``: ``"average"``, or ``"root"`` (everybody gets what rank ``root`` has; only that one sends bytes)."""

    def __init__(self, name: str, world_size: int, gone: set[int], condition: Condition) -> None:
        self._name = name
        self._world_size = world_size
        self._gone = gone  # the server's, under `condition`
        self._condition = condition
        self._first: Optional[tuple[int, dict[str, Any]]] = None  # who came first, with what
        self._deadline = 0.0
        self._folded: set[int] = set()
        self._sums: list[Any] = []
        self._error: Optional[Error] = None
        self._finished = False
        self.answered: set[int] = set()  # under `condition`

    @property
    def missing(self) -> list[int]:
        """Once there is a result: the ranks that are not in it, the same for all who ask."""
        return sorted(set(range(self._world_size)) - self._folded)

    def take_part(self, rank: int, message: dict[str, Any], raw_bytes: int, connection: socket.socket) -> list[Any]:
        """Reads this rank's bytes in its turn and returns the result, a list of arrays.

        :raises Error: what went wrong, on every rank the same. The raw bytes are read in any case.
        """
        try:
            self._agree(rank, message, raw_bytes)
            self._wait(lambda: self._turn_of(rank), "its turn")
        except Error:
            frames.discard(connection, raw_bytes)
            raise
        try:
            if raw_bytes > 0:
                self._fold(message["tensors"], connection)
        except Error as error:
            self._fail(Unavailable(f"rank {rank} was lost in the middle of {self._name}: {error}"))
            raise
        with self._condition:
            self._folded.add(rank)
            self._condition.notify_all()
        self._wait(lambda: len(self._folded | self._gone) == self._world_size, "all ranks")
        return self._result(message)

    def wait_for_answers(self, rank: int) -> None:
        """Until all others have their answer, or are gone."""
        self._wait(lambda: len(self.answered | self._gone | {rank}) == self._world_size, "answers to be read")

    # ---- agreement -------------------------------------------------------------------------------------------------

    def _agree(self, rank: int, message: dict[str, Any], raw_bytes: int) -> None:
        check_tensors(message.get("tensors"), raw_bytes)
        if not isinstance(message.get("settings"), dict):
            raise ProtocolError("a collective was announced without settings")
        with self._condition:
            if self._first is None:
                self._first = (rank, message)
                self._deadline = time.monotonic() + float(message["timeout"])
            first, theirs = self._first
            if (theirs["kind"], theirs["root"]) != (message["kind"], message["root"]):
                what = f"rank {rank} calls {message['what']} where rank {first} calls {theirs['what']}"
                self._fail(InvalidInput(f"{what}: all ranks must call the same, in the same order"))
            elif why := different_setting(theirs["settings"], message["settings"], first, rank):
                self._fail(InvalidInput(f"{message['what']}: {why}: all ranks must ask for the same"))
            elif why := first_difference(theirs["tensors"], message["tensors"], first, rank):
                self._fail(InvalidInput(f"{message['what']}: the models differ: {why}"))
            self._raise_error()

    def _turn_of(self, rank: int) -> bool:
        return all(other in self._folded or other in self._gone for other in range(rank))

    def _wait(self, condition: Any, what: str) -> None:
        with self._condition:
            while self._error is None and not condition():
                left = self._deadline - time.monotonic()
                if left <= 0:
                    missing = sorted(set(range(self._world_size)) - self._folded - self._gone)
                    self._fail(Timeout(f"{self._name}: waited for {what}, but nothing came of ranks {missing}"))
                    break
                self._condition.wait(min(left, 1.0))
            self._raise_error()

    def _fail(self, error: Error) -> None:
        with self._condition:
            self._error = self._error or error
            self._condition.notify_all()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    # ---- arithmetic, by one thread at a time: whose turn it is -----------------------------------------------------

    def _fold(self, tensors: list[Any], connection: socket.socket) -> None:
        import numpy

        first = not self._sums
        if first:
            kinds = {"f4": numpy.float64, "f8": numpy.float64, "i8": numpy.int64}
            self._sums = [numpy.empty(elements_of(shape), kinds[dtype]) for _, dtype, shape in tensors]
        for (_, dtype, _), total in zip(tensors, self._sums):
            step = frames.CHUNK_BYTES // DTYPES[dtype]
            for begin in range(0, len(total), step):
                part = total[begin : begin + step]
                piece = numpy.empty(len(part), "<" + dtype)
                frames.receive_into(connection, memoryview(piece.data).cast("B"))
                if first:
                    part[:] = piece
                elif dtype == "i8":
                    numpy.maximum(part, piece, out=part)
                else:
                    part += piece

    def _result(self, message: dict[str, Any]) -> list[Any]:
        with self._condition:
            if not self._finished:
                self._finished = True
                if message["kind"] == "root" and message["root"] not in self._folded:
                    root = f"rank {message['root']}, whose model is wanted,"
                    self._fail(Unavailable(f"{message['what']}: {root} is gone"))
                elif message["kind"] == "average":
                    self._divide(message["tensors"])
                else:
                    self._round(message["tensors"])
            self._raise_error()
            return self._sums

    def _divide(self, tensors: list[Any]) -> None:
        for total, (_, dtype, _) in zip(self._sums, tensors):
            if dtype != "i8":
                total /= len(self._folded)
        self._round(tensors)

    def _round(self, tensors: list[Any]) -> None:
        self._sums = [total.astype("<" + dtype, copy=False) for total, (_, dtype, _) in zip(self._sums, tensors)]
