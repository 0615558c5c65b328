"""``Synchronizer``: exchanges a model with the other ranks, every so many steps."""

from __future__ import annotations

import inspect
from types import TracebackType
from typing import Any, Mapping, Optional

import torch

from selmcast.errors import Error, InvalidInput
from selmcast.manager import Multicast, Sync
from selmcast.report import SyncReport
from selmcast.session import Session, at_end, current
from selmcast.torch.layout import Block, Entry, Model, entries_of, optimizer_entries
from selmcast.worker import Mixing, Payload, Worker, payload_named

OPTIMIZER_STATES = ("local", "average", "reset")
OVERLAPPING = ("ssp", "asp")


class Synchronizer:
    """Call ``step()`` after every step of your optimiser; use it in a ``with`` block, or ``close()`` it.

    Blocks until all ranks are there (with ``optimizer_state="average"`` in the first synchronisation, too), at most the
    session's ``timeout``. All arguments must be the same on all ranks, but for ``receive_buffers`` and
    ``worker_options``; ranks that can meet compare them. Which tensors are synchronised, and how:
    layout.py.

    Memory for a model of S bytes as float32, and of P bytes as it travels, whatever the number of ranks: the block, S;
    the mixer's sum, S; what is sent, P, if it is rounded; and at most ``receive_buffers`` times P for models that
    arrive at the same time.

    :param model: a module, or names and tensors.
    :param sync: ``"bsp"``: rounds in common; ``"ssp"``: nobody starts a round more than ``staleness`` rounds ahead
        of the slowest; ``"asp"``: nobody waits. None: what the manager was started with; bsp if rank 0 starts it.
    :param staleness: of ssp, in synchronisations; None: 4.
    :param min_receivers: of each multicast; below 1 a fraction of the ranks. None: 0.3.
    :param max_age: every pair of ranks meets within ``max_age + 1`` synchronisations (bsp: rounds). None: 7.
    :param planner: who decides whom to reach: ``"auto"``, ``"exact"``, ``"paper"``, ``"random"``, ``"broadcast"``
        (everybody, as all-reduce does), ``"slack"`` (ssp, asp). None: ``"auto"``. :param seed: of planners that
        draw. None: 1.
    :param multicast: how a model reaches its receivers: ``"unicast"``, ``"relay"``, ``"network"`` (IP multicast) or
        ``"auto"`` (docs/multicast.md). None: what the manager was started with; unicast if rank 0 starts it.
    :param overlap: of ssp and asp: ``step()`` returns while a snapshot of the model is still being delivered; what
        arrives meanwhile is mixed in, as a change, by the next one, and at the end by ``close()``. S more memory.
        None: what the manager was started with; no overlap if rank 0 starts it.
    :param every: steps between synchronisations.
    :param payload: how parameters travel: ``"float32"``, ``"float16"``, ``"bfloat16"`` (or ``"bf16"``), ``"int8"``;
        buffers, counters and optimiser state are exact whatever it is (``selmcast.Worker``). None: what ``init()`` was
        told, else SELMCAST_PAYLOAD, else float32.
    :param mixing: ``"average"``, ``"push_sum"`` or ``"staleness"`` (``selmcast.Worker``).
    :param optimizer: needed for ``optimizer_state`` other than ``"local"``.
    :param optimizer_state: ``"local"``: each rank keeps its own; ``"average"``: momentum and the like travel and are
        averaged with the model, at their size; ``"reset"``: forgotten whenever another model was mixed in.
    :param receive_buffers: models that may arrive at the same time; more wait in turn.
    :param worker_options: others of ``selmcast.Worker``, such as ``emulated_uplink_bps``.
    :raises selmcast.Error: ``InvalidInput`` (the model differs from the others': on all ranks, with the first
    difference),
        ``Timeout``, ...
    """

    def __init__(
        self,
        model: Model,
        *,
        sync: Optional[Sync] = None,
        staleness: Optional[int] = None,
        min_receivers: Optional[float] = None,
        max_age: Optional[int] = None,
        planner: Optional[str] = None,
        seed: Optional[int] = None,
        overlap: Optional[bool] = None,
        multicast: Optional[Multicast] = None,
        every: int = 1,
        payload: Optional[Payload] = None,
        mixing: Mixing = "average",
        optimizer: Optional[torch.optim.Optimizer] = None,
        optimizer_state: str = "local",
        receive_buffers: int = 8,
        session: Optional[Session] = None,
        **worker_options: Any,
    ) -> None:
        _check_names(worker_options)
        if overlap and sync not in OVERLAPPING:
            raise InvalidInput(f"overlap: only for sync {' and '.join(OVERLAPPING)}; give sync=...")
        if every < 1:
            raise InvalidInput(f"every={every}: give the steps between two synchronisations, at least 1")
        payload_named(payload)
        if optimizer_state not in OPTIMIZER_STATES:
            raise InvalidInput(f"optimizer_state {optimizer_state!r}: there are {', '.join(OPTIMIZER_STATES)}")
        if optimizer_state != "local" and optimizer is None:
            raise InvalidInput(f"optimizer_state {optimizer_state!r} needs the optimizer")
        # An iterator of names and tensors would be used up by the first look.
        self._model = model if isinstance(model, (torch.nn.Module, dict)) else dict(model)
        self._optimizer = optimizer
        self._optimizer_state = optimizer_state
        self.session = session if session is not None else current()
        self._every = every
        self._steps = 0
        self._rounds = 0  # of all runs, resumed ones included
        self._report: Optional[SyncReport] = None
        self._worker: Optional[Worker] = None
        self._alone = False
        self._closed = False
        self._undrained = False  # something was sent that may still be under way
        self._payload = payload_named(payload if payload is not None else self.session.payload)
        self._worker_options = dict(
            worker_options, mixing=mixing, receive_buffers=receive_buffers, payload=self._payload
        )
        self._wanted = {
            "sync": sync,
            "staleness": staleness,
            "min_receivers": min_receivers,
            "max_age": max_age,
            "planner": planner,
            "seed": seed,
            "overlap": overlap,
            "multicast": multicast,
        }
        self._block = Block(self._entries()) if optimizer_state != "average" else None
        same = {"every": every, "payload": self._payload, "mixing": mixing, "optimizer_state": optimizer_state}
        self.session.agree("Synchronizer", settings={**self._wanted, **same})
        if self._block is not None:
            self._connect(self._block)
            self._catch_up()
        at_end(self.close)
        _open.append(self)

    @property
    def report(self) -> Optional[SyncReport]:
        """What the last synchronisation did; None before the first."""
        return self._report

    @property
    def rounds(self) -> int:
        """Synchronisations of the training so far: those of this rank, or, of one that came while it ran, of the others
        when it caught up. A program that counts its own steps goes on at ``rounds * every``."""
        return self._rounds

    @property
    def every(self) -> int:
        """Steps between synchronisations."""
        return self._every

    @property
    def payload(self) -> str:
        """How parameters travel: its full name."""
        return self._payload

    @property
    def payload_bytes(self) -> int:
        """Bytes that one delivery carries; 0 if there is none: before the first synchronisation with
        ``optimizer_state="average"``, alone, closed."""
        return self._worker.payload_bytes if self._worker is not None else 0

    def step(self) -> Optional[SyncReport]:
        """Counts a step of the optimiser; every ``every``-th one synchronises. Returns its report, else None."""
        self._steps += 1
        return self.synchronize() if self._steps % self._every == 0 else None

    def synchronize(self) -> SyncReport:
        """Exchanges the model now: sends it to those the manager picks, and mixes in, in place, what arrived.

        :raises selmcast.Error: the model is as it was, and the session is over (but for ``InvalidInput``).
        """
        if self._closed:
            raise InvalidInput("this synchroniser is closed")
        entries = self._entries()
        if self._block is None:
            self._block = Block(entries)
            self._connect(self._block)
            if (caught_up := self._catch_up()) is not None:
                self._report = caught_up
                return caught_up
        self._block.check(entries)
        if self._alone:
            return self._done(SyncReport(self._rounds, (), (), 1, 0.0, 0.0, 1.0, self._rounds + 1))
        assert self._worker is not None
        self._block.pack(entries)
        self._undrained = False  # if it fails the session is over
        report = self._worker.synchronize(self._block.flat)
        self._undrained = True
        return self._done(self._mixed(report, entries))

    def _catch_up(self) -> Optional[SyncReport]:
        """Of a rank that came while the training ran: model, and optimiser state if it travels, become the mixture of
        what several others have."""
        if self._worker is None or not self._worker.came_late:
            return None
        assert self._block is not None
        report = self._worker.catch_up(self._block.flat)
        self._block.unpack(self._entries())
        if self._optimizer_state == "reset" and self._optimizer is not None:
            self._optimizer.state.clear()
        self._rounds = report.next_round
        self._steps = report.next_round * self._every
        others = len(report.mixed_with)
        self.session.say(f"caught up: the mixture of {others} others; round {report.next_round} is next")
        return report

    def _mixed(self, report: SyncReport, entries: list[Entry]) -> SyncReport:
        assert self._block is not None
        if report.mixed_with:
            self._block.unpack(entries)
            if self._optimizer_state == "reset" and self._optimizer is not None:
                self._optimizer.state.clear()
        return report

    def drain(self) -> None:
        """With overlap, whoever asked for it: waits until the last snapshot is delivered, and mixes in what has come
        since. Otherwise, and after a ``synchronize()`` that failed, it does nothing. ``close()`` does so too.

        :raises selmcast.Error: as ``synchronize()``.
        """
        if not self._undrained or self._worker is None or self._block is None:
            return
        entries = self._entries()
        self._block.check(entries)
        self._block.pack(entries)
        self._undrained = False
        self._mixed(self._worker.drain(self._block.flat), entries)

    def _done(self, report: SyncReport) -> SyncReport:
        if report.workers == 1 and (self._report is None or self._report.workers > 1) and not self._alone:
            self.session.say("all other workers have left; going on alone")
        self._rounds += 1
        self._report = report
        return report

    def _entries(self) -> list[Entry]:
        entries = entries_of(self._model)
        if self._optimizer_state == "average" and self._optimizer is not None:
            entries += optimizer_entries(self._model, self._optimizer)
        return entries

    def _connect(self, block: Block) -> None:
        session = self.session
        manager = session.manager_for(self._wanted)
        if manager is None:
            self._alone = True
            session.say("alone: one rank, and no manager named; training without exchange")
            return
        session.agree("Synchronizer", tensors=block.announced)  # a mistake is told to all ranks at once, not to one
        self._worker = Worker(manager, f"w{session.launch.rank}", block.announced, **self._worker_options)

    def state_dict(self) -> dict[str, int]:
        """What a resumed run needs besides model and optimiser: where in ``every`` it is. The ranks' ages and what the
        manager has learnt of the links start anew."""
        return {"version": 1, "steps": self._steps, "rounds": self._rounds}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """:raises InvalidInput: of another version."""
        if state.get("version") != 1:
            raise InvalidInput(f"a synchroniser's state of version {state.get('version')}: this release reads 1")
        self._steps = int(state["steps"])
        self._rounds = int(state["rounds"])

    def close(self, why: str = "done") -> None:
        """Leaves the training; the others go on. More than once is fine. With ``overlap`` it drains first, unless there
        is another reason than ``"done"``."""
        if why == "done" and not self._closed:
            try:
                self.drain()
            except Error as error:
                self.session.say(f"not drained (with overlap the last exchange is lost): {error}")
        self._closed = True
        if self in _open:
            _open.remove(self)
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.leave(why)
            worker.close()

    def __enter__(self) -> Synchronizer:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close("done" if error is None else f"{type(error).__name__}: {error}"[:200])


def _check_names(worker_options: Mapping[str, Any]) -> None:
    """:raises InvalidInput: one that neither ``Synchronizer`` nor ``Worker`` has."""
    known = {
        name
        for made in (Synchronizer, Worker)
        for name, parameter in inspect.signature(made).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    unknown = sorted(set(worker_options) - known)
    if unknown:
        raise InvalidInput(f"there is no option {', '.join(unknown)}; there are {', '.join(sorted(known))}")


_open: list[Synchronizer] = []


def close_all(session: Session) -> None:
    """Leaves all trainings of this session."""
    for synchronizer in [one for one in _open if one.session is session]:
        synchronizer.close()
