"""A worker of a training: ``Worker``. With PyTorch you will want ``selmcast.torch`` instead, which is built on it."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Iterable, Literal, Optional, Sequence, Union

from selmcast import _core
from selmcast.errors import InvalidInput
from selmcast.report import SyncReport

Role = Literal["parameter", "buffer", "counter", "frozen"]
Mixing = Literal["average", "push_sum", "staleness"]
Payload = Literal["float32", "float16", "bfloat16", "int8", "fp32", "fp16", "bf16"]
Tensor = Union[tuple[str, Sequence[int]], tuple[str, Sequence[int], Role]]
"""Name, shape and role (``"parameter"`` if left out) of one float32 tensor, row-major."""

_ROLES = ("parameter", "buffer", "counter", "frozen")
_MIXINGS = ("average", "push_sum", "staleness")
_PAYLOADS = ("float32", "float16", "bfloat16", "int8")
_SHORT_PAYLOADS = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


def _number_of(value: str, names: Sequence[str], what: str) -> int:
    if value not in names:
        raise InvalidInput(f"{what} {value!r}: there are {', '.join(names)}")
    return names.index(value)


def payload_named(asked: Optional[str]) -> str:
    """The full name of what was asked for; None: what SELMCAST_PAYLOAD says (``selmcast run --payload``), else
    ``"float32"``.

    :raises InvalidInput: there is no such payload, or SELMCAST_PAYLOAD says another one.
    """
    said = os.environ.get("SELMCAST_PAYLOAD") or None
    names = [_SHORT_PAYLOADS.get(name, name) for name in (asked, said) if name is not None]
    for name in names:
        _number_of(name, _PAYLOADS, "payload")
    if len(set(names)) > 1:
        raise InvalidInput(
            f"the program asks for payload {names[0]}, SELMCAST_PAYLOAD (selmcast run --payload) says {names[1]}: make "
            "them the same, or drop one"
        )
    return names[0] if names else "float32"


def _streams_asked() -> int:
    said = os.environ.get("SELMCAST_STREAMS") or "1"
    if not (said.isascii() and said.isdigit()):
        raise InvalidInput(f"SELMCAST_STREAMS is {said!r}: give a number of connections, 1 to 16")
    return int(said)


class Worker:
    """Takes part in a training; use it in a ``with`` block, or ``close()`` it.

    Blocks until all workers of the training are there: at most ``connect_timeout`` until the manager answers, then the
    manager's join timeout (60 s by default). Ctrl-C ends every wait. All calls release the GIL.

    Threads: a worker belongs to one thread at a time; ``leave()`` may be called from any and ends a ``synchronize()``
    that is under way.

    :param manager: ``"host:port"``.
    :param name: unique in the training; ids are given in natural order of the names (w2 before w10).
    :param tensors: what the parameters are, the same on all workers in the same order: ``(name, shape)`` or
        ``(name, shape, role)``. Roles: ``"parameter"`` and ``"buffer"`` are averaged; of a ``"counter"`` (whole
        numbers, exact up to 2**24) the greatest counts; ``"frozen"`` is sent but left alone by the receiver.
    :param mixing: ``"average"``; ``"push_sum"``, unbiased where some reach more receivers than others; ``"staleness"``,
        a model weighs 1 / (1 + rounds that its sender is behind). The same on all workers.
    :param payload: how parameters travel: ``"float32"``, ``"float16"``, ``"bfloat16"`` (``"bf16"``) or ``"int8"``; 4,
        2, 2 and 1.06 bytes a value. Rounded without bias; relative errors below 2**-10 and 2**-7, of int8 below a 127th
        of the greatest of 64 neighbours (docs/python.md). Only what is received is rounded, and only roles
        ``"parameter"`` and ``"frozen"``. None: SELMCAST_PAYLOAD, else float32. The same on all workers.
    :param receive_buffers: models held while they arrive; more senders than that wait in turn.
    :param declared_uplink_bps: what the link is believed to carry (bit/s of payload) until the manager has learnt
        better.
    :param emulated_uplink_bps: for experiments on one machine: all sending of this worker shares this; None: the link.
    :param data_host: the address at which this worker listens for its peers; None: that of ``interface``, of the one
        that SELMCAST_INTERFACE names, or of the one that leads to the manager.
    :param interface: "eth1", for one; not together with ``data_host``.
    :param advertised: ``"host"`` or ``"host:port"`` where peers find this worker, if that is not where it listens
        (behind address translation, in a container); None: what SELMCAST_ADVERTISED says, if it is set.
    :param connect_timeout: seconds.
    :param streams: connections, 1 to 16, that one delivery goes over at once, for paths so long that one does not fill
        them (docs/data_plane.md); None: SELMCAST_STREAMS, else 1. Ranks need not agree.
    :raises selmcast.Error: ``InvalidInput``, ``Unavailable`` (no manager), ``Rejected`` (by the manager, with its
        reason: the first tensor that differs, for one), ``Timeout``.
    """

    def __init__(
        self,
        manager: str,
        name: str,
        tensors: Iterable[Tensor],
        *,
        mixing: Mixing = "average",
        receive_buffers: int = 8,
        declared_uplink_bps: float = 1e9,
        declared_downlink_bps: float = 1e9,
        emulated_uplink_bps: Optional[float] = None,
        emulated_downlink_bps: Optional[float] = None,
        data_host: Optional[str] = None,
        data_port: int = 0,
        connect_timeout: float = 20.0,
        interface: Optional[str] = None,
        advertised: Optional[str] = None,
        payload: Optional[Payload] = None,
        streams: Optional[int] = None,
    ) -> None:
        if interface is None and data_host is None:
            interface = os.environ.get("SELMCAST_INTERFACE") or None
        if advertised is None:
            advertised = os.environ.get("SELMCAST_ADVERTISED") or None
        listed = []
        for tensor in tensors:
            role = tensor[2] if len(tensor) > 2 else "parameter"  # type: ignore[misc]
            listed.append((tensor[0], [int(n) for n in tensor[1]], _number_of(role, _ROLES, "role")))
        self._core = _core.Worker(
            manager,
            name,
            listed,
            _number_of(mixing, _MIXINGS, "mixing"),
            receive_buffers,
            (declared_uplink_bps, declared_downlink_bps),
            (emulated_uplink_bps or 0.0, emulated_downlink_bps or 0.0),
            data_host,
            data_port,
            connect_timeout,
            interface,
            advertised,
            _number_of(payload_named(payload), _PAYLOADS, "payload"),
            _streams_asked() if streams is None else streams,
        )

    @property
    def id(self) -> int:
        """From 0, in natural order of the workers' names."""
        return self._core.id

    @property
    def workers_at_start(self) -> int:
        """Workers of the training when this one came, this one included."""
        return self._core.count

    @property
    def payload_bytes(self) -> int:
        """Bytes that one delivery carries, as the payload makes them."""
        return self._core.payload_bytes

    @property
    def came_late(self) -> bool:
        """Whether the training ran already when this worker came (the manager must be ``elastic``): ``catch_up()`` is
        due before the first ``synchronize()``."""
        return self._core.late

    def catch_up(self, parameters: Any) -> SyncReport:
        """Of a worker that came late: writes the mixture of several others' models over ``parameters``, whatever they
        are; ``next_round`` of the report is the round to compute then. Otherwise does nothing.

        :param parameters: as of ``synchronize()``.
        :raises selmcast.Error: as ``synchronize()``.
        """
        return SyncReport(*self._core.catch_up(parameters))

    def synchronize(self, parameters: Any) -> SyncReport:
        """Sends these parameters to the receivers that the manager picked and mixes in what arrived, in place.

        :param parameters: float32, contiguous, writable, on the CPU, as many values as the tensors announced, one
            tensor after the other: a numpy array, anything with a buffer, or anything with DLPack, such as a torch
            tensor without gradient. No copy is made.
        :returns: what was done. Blocks until then: with rounds in common (bsp) until the round is over, else until the
            own multicast is complete and the rule of staleness allows the next round; at most the manager's patience.
        :raises TypeError: another type, or memory that cannot be written in place.
        :raises selmcast.Error: the parameters are as they were, and the session is over (but for ``InvalidInput``).
        """
        return SyncReport(*self._core.synchronize(parameters))

    def drain(self, parameters: Any) -> SyncReport:
        """After the last ``synchronize()``, where the manager was started with ``overlap``: waits until the snapshot
        that is still being delivered has arrived, and mixes in, in place, what has come since. Otherwise does nothing.

        :param parameters: as of ``synchronize()``.
        :raises selmcast.Error: as ``synchronize()``.
        """
        return SyncReport(*self._core.drain(parameters))

    def leave(self, why: str = "done") -> None:
        """Says goodbye to the manager; the others go on. Every later ``synchronize()`` raises ``Cancelled``.

        :param why: any other reason than ``"done"`` is an interruption, and the manager misses this worker.
        """
        self._core.leave(why)

    def close(self) -> None:
        """Leaves and frees everything. Takes about a second at most; more than once is fine."""
        self._core.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if error is not None:
            self.leave(f"{type(error).__name__}: {error}"[:200])
        self.close()
