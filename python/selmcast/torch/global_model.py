"""All ranks at once, at the start and at the end: ``broadcast_parameters`` and ``consensus``.

Both go over the rendezvous (selmcast/collective.py), not over the planned data plane: exact, the same bits on all
ranks, every tensor in its own type.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

import torch

from selmcast.session import Session, current
from selmcast.torch.layout import Model, entries_of, named_tensors
from selmcast.torch.synchronizer import close_all

_WIRE = {"f4": torch.float32, "f8": torch.float64, "i8": torch.int64}


def _wire_type(tensor: torch.Tensor) -> str:
    if not tensor.is_floating_point():
        return "i8"
    return "f8" if tensor.dtype == torch.float64 else "f4"


class _Copies:
    """Copies of tensors as they travel, in the CPU's memory, and their bytes."""

    def __init__(self, named: list[tuple[str, torch.Tensor]], *, filled: bool) -> None:
        self.announced: list[list[Any]] = []
        self.copies: list[torch.Tensor] = []
        for name, tensor in named:
            kind = _wire_type(tensor)
            # The type on the wire is not the tensor's: the name shows both, so that mixed-up types are told apart.
            self.announced.append([f"{name} ({str(tensor.dtype).removeprefix('torch.')})", kind, list(tensor.shape)])
            copy = torch.empty(tensor.shape, dtype=_WIRE[kind])
            if filled:
                copy.copy_(tensor.detach())
            self.copies.append(copy)

    @property
    def bytes(self) -> tuple[memoryview, ...]:
        return tuple(memoryview(copy.numpy().reshape(-1)).cast("B") for copy in self.copies if copy.numel())


def broadcast_parameters(
    model: Model, root: int = 0, *, session: Optional[Session] = None, timeout: float = 600.0
) -> None:
    """Gives every rank the parameters and buffers of rank ``root``, frozen ones and integers too, bit for bit.

    Call it on all ranks, before the first step. :param timeout: seconds to wait for the slowest rank.

    A rank that was started again (`selmcast run --elastic`) gets nothing here, but the others' mixture when it makes
    its ``Synchronizer``; what is frozen it must have by itself.

    :raises selmcast.Error: ``InvalidInput``: the models differ (with the first difference: name, type, shape), or ranks
        call different things; ``Timeout``: a rank did not come; ``Unavailable``: ``root`` is gone.
    """
    session = session if session is not None else current()
    if session.launch.world_size == 1 or session.came_again:
        return
    named = [(name, tensor) for name, tensor, _ in named_tensors(model)]
    is_root = session.launch.rank == root
    travelling = _Copies(named, filled=is_root)
    session.rendezvous.collect(
        f"broadcast_parameters(root={root})",
        "root",
        travelling.announced,
        travelling.bytes if is_root else (),
        travelling.bytes,
        root=root,
        timeout=timeout,
    )
    if not is_root:
        with torch.no_grad():
            for (_, tensor), copy in zip(named, travelling.copies):
                tensor.copy_(copy)


class ConsensusReport(NamedTuple):
    """What a consensus found."""

    workers: int
    """Whose models are in the average."""
    missing: tuple[int, ...]
    """Ranks that had gone before."""
    distance: float
    """Consensus distance: the root of the workers' mean squared distance from the average, over the average's length.
    0: all models were equal."""


def consensus(
    model: Model, *, final: bool = True, session: Optional[Session] = None, timeout: float = 600.0
) -> ConsensusReport:
    """Makes ``model`` the exact average of all ranks' models: for the final checkpoint.

    Trained parameters and float buffers are averaged: sums in float64 in order of the ranks, rounded once, so all ranks
    hold the same bits. Of integer buffers the greatest counts, at any size. Frozen parameters are left alone. Call
    it on all ranks; ranks that have gone are left out, and named in the report.

    :param final: this is the end: leaves the training first, so that ranks may have made different numbers of steps.
        False, for a look in between (on a copy of the model, say): all ranks must have made equally many.
    :param timeout: seconds to wait for the slowest rank.
    A rank that was started again cannot meet the others: its model stays as it is, theirs is the average without it.

    :raises selmcast.Error: as ``broadcast_parameters`` does.
    """
    session = session if session is not None else current()
    if final:
        close_all(session)
    if session.launch.world_size == 1:
        return ConsensusReport(1, (), 0.0)
    if session.came_again:
        session.say("consensus: a rank that was started again cannot meet the others; its model stays as it is")
        others = tuple(rank for rank in range(session.launch.world_size) if rank != session.launch.rank)
        return ConsensusReport(1, others, 0.0)
    entries = entries_of(model)
    travelling = _Copies([(entry.name, entry.tensor) for entry in entries], filled=True)
    answer = session.rendezvous.collect(
        "consensus", "average", travelling.announced, travelling.bytes, travelling.bytes, timeout=timeout
    )
    squared_distance, squared_length = 0.0, 0.0
    with torch.no_grad():
        for entry, average in zip(entries, travelling.copies):
            if entry.role != "counter":
                wide = average.double()
                squared_distance += float((entry.tensor.detach().cpu().double() - wide).square().sum())
                squared_length += float(wide.square().sum())
            entry.tensor.copy_(average)
    mean = torch.tensor([squared_distance], dtype=torch.float64)
    piece = (memoryview(mean.numpy()).cast("B"),)
    session.rendezvous.collect("consensus", "average", [["distance", "f8", [1]]], piece, piece, timeout=timeout)
    distance = (float(mean[0]) / squared_length) ** 0.5 if squared_length > 0 else 0.0
    if answer["missing"]:
        session.say(f"consensus without ranks {answer['missing']}, which have left: {answer['participants']} models")
    return ConsensusReport(int(answer["participants"]), tuple(answer["missing"]), distance)
