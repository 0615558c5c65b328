"""Which tensors of a model are synchronised, in which role, and how they lie in one block of float32.

======================================  ==========  ===================================================================
tensor                                  role        when models are mixed
======================================  ==========  ===================================================================
parameter with requires_grad            parameter   averaged
parameter without (frozen)              (not sent)  left alone
buffer of floats (BatchNorm's mean)     buffer      averaged
buffer of integers (batches tracked)    counter     the greatest counts; exact up to 2**24, beyond that rounded
buffer of bools, empty tensors          (not sent)  left alone
======================================  ==========  ===================================================================

Any real float type is sent as float32. What comes back is rounded to float16 and bfloat16; a float64 takes the change
only (``x += mixed - sent``), so that it keeps the digits that float32 has not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Mapping, Union

import torch

from selmcast.errors import InvalidInput
from selmcast.worker import Role
from selmcast.worker import Tensor as Announced

Model = Union[torch.nn.Module, Mapping[str, torch.Tensor], Iterable[tuple[str, torch.Tensor]]]
"""A module, or names and tensors, such as ``model.named_parameters()`` or ``model.state_dict()``."""


def named_tensors(model: Model) -> list[tuple[str, torch.Tensor, bool]]:
    """Name, tensor, and whether it is a buffer; shared tensors once.

    :raises InvalidInput: a tensor that cannot be synchronised, by name.
    """
    found: list[tuple[str, torch.Tensor, bool]]
    if isinstance(model, torch.nn.Module):
        found = [(name, tensor, False) for name, tensor in model.named_parameters()]
        found += [(name, tensor, True) for name, tensor in model.named_buffers()]
    else:
        pairs = model.items() if isinstance(model, Mapping) else model
        found = [(name, tensor, not tensor.requires_grad) for name, tensor in pairs]
    for name, tensor, _ in found:
        if torch.nn.parameter.is_lazy(tensor):
            raise InvalidInput(f"'{name}' has no shape yet: run the lazy module once before")
        if tensor.is_complex() or tensor.layout != torch.strided or tensor.is_quantized:
            raise InvalidInput(f"'{name}' is {tensor.dtype}, {tensor.layout}: only dense real tensors can be sent")
    return found


@dataclass(frozen=True)
class Entry:
    """One tensor that is synchronised."""

    name: str
    tensor: torch.Tensor
    role: Role

    @property
    def announced(self) -> Announced:
        return (self.name, tuple(self.tensor.shape), self.role)


def entries_of(model: Model) -> list[Entry]:
    """What is synchronised, in the order in which it lies in the block."""
    entries = []
    for name, tensor, is_buffer in named_tensors(model):
        if tensor.numel() == 0 or tensor.dtype == torch.bool:
            continue
        if is_buffer:
            entries.append(Entry(name, tensor, "buffer" if tensor.is_floating_point() else "counter"))
        elif tensor.requires_grad:
            entries.append(Entry(name, tensor, "parameter"))
    return entries


def optimizer_entries(model: Model, optimizer: torch.optim.Optimizer) -> list[Entry]:
    """The optimiser's running tensors that have the shape of their parameter (momentum, Adam's moments), as buffers."""
    names = {id(tensor): name for name, tensor, _ in named_tensors(model)}
    entries = []
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state.get(parameter, {})
            for key in sorted(state):
                value = state[key]
                if torch.is_tensor(value) and value.is_floating_point() and value.shape == parameter.shape:
                    name = names.get(id(parameter), "unnamed")
                    entries.append(Entry(f"optimizer.{name}.{key}", value, "buffer"))
    return entries


class Block:
    """One block of float32 with a place for every entry; in pinned memory if a tensor is on a GPU.

    Invariant: the announced names, shapes and roles do not change. Memory: 4 bytes a value. One thread at a time.
    """

    def __init__(self, entries: list[Entry]) -> None:
        if not entries:
            raise InvalidInput("the model has nothing to synchronise: no parameter with requires_grad and no buffer")
        self.announced = [entry.announced for entry in entries]
        pinned = any(entry.tensor.is_cuda for entry in entries)
        self.flat = torch.empty(sum(entry.tensor.numel() for entry in entries), dtype=torch.float32, pin_memory=pinned)
        self._views = []
        begin = 0
        for entry in entries:
            end = begin + entry.tensor.numel()
            self._views.append(self.flat[begin:end].view(entry.tensor.shape))
            begin = end

    def check(self, entries: list[Entry]) -> None:
        """:raises InvalidInput: the model is no longer the one that was announced, with the first difference."""
        if [entry.announced for entry in entries] == self.announced:
            return
        now = {entry.name: entry.announced for entry in entries}
        before = {announced[0]: announced for announced in self.announced}
        for name in [*before, *now]:
            if before.get(name) != now.get(name):
                was, has_become = before.get(name, "not there"), now.get(name, "not there, or frozen")
                raise InvalidInput(
                    f"the model has changed since it was announced: '{name}' was {was} and is {has_become}; close() "
                    "the synchroniser and make a new one, on all ranks"
                )
        raise InvalidInput("the order of the model's tensors has changed since it was announced")

    @torch.no_grad()
    def pack(self, entries: list[Entry]) -> None:
        """Copies the tensors into the block."""
        for entry, view in zip(entries, self._views):
            view.copy_(entry.tensor, non_blocking=entry.tensor.is_cuda)
        self._wait_for_gpus(entries)

    @torch.no_grad()
    def unpack(self, entries: list[Entry]) -> None:
        """Gives the tensors what the block says, as the table above has it. They must be as they were in ``pack()``."""
        for entry, view in zip(entries, self._views):
            tensor = entry.tensor
            if entry.role == "counter":
                mixed = view.round().to(tensor.device, tensor.dtype)
                tensor.copy_(torch.maximum(tensor, mixed))
            elif tensor.dtype == torch.float64:
                tensor.add_((view.to(tensor.device) - tensor.to(torch.float32)).double())
            else:
                tensor.copy_(view, non_blocking=tensor.is_cuda)
        self._wait_for_gpus(entries)

    @staticmethod
    def _wait_for_gpus(entries: list[Entry]) -> None:
        for device in {entry.tensor.device for entry in entries if entry.tensor.is_cuda}:
            torch.cuda.current_stream(device).synchronize()
