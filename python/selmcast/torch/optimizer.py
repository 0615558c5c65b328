"""``DistributedOptimizer``: your optimiser, whose ``step()`` also synchronises."""

from __future__ import annotations

import functools
from types import TracebackType
from typing import Any, Callable, Optional, TypeVar

import torch

from selmcast.errors import InvalidInput
from selmcast.torch.layout import Model
from selmcast.torch.synchronizer import Synchronizer

AnyOptimizer = TypeVar("AnyOptimizer", bound=torch.optim.Optimizer)


class _Distributed(torch.optim.Optimizer):
    """Mixed into the optimiser's own class: still an Adam to those who ask, with a step that synchronises."""

    synchronizer: Synchronizer

    def step(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().step(*args, **kwargs)
        self.synchronizer.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        state["selmcast"] = self.synchronizer.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        own = dict(state_dict)
        ours = own.pop("selmcast", None)
        super().load_state_dict(own)
        if ours is not None:
            self.synchronizer.load_state_dict(ours)

    def close(self) -> None:
        self.synchronizer.close()

    def __enter__(self) -> _Distributed:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.synchronizer.__exit__(kind, error, trace)


def DistributedOptimizer(optimizer: AnyOptimizer, *, model: Model, **options: Any) -> AnyOptimizer:  # noqa: N802
    """Makes ``optimizer.step()`` synchronise ``model`` with the other ranks, every ``every``-th time.

    The same object is changed and returned: learning-rate schedulers, whether made before or after, gradient scalers
    (a step that is skipped for its infinities does not count), closures and ``isinstance`` go on working. Gradients are
    accumulated as before: what counts is calls of ``step()``. It is a context manager, too, and has

    - ``optimizer.synchronizer``: the ``Synchronizer``, with ``report``;
    - ``optimizer.state_dict()`` with one entry more, ``"selmcast"``, from which ``load_state_dict()`` resumes;
    - ``optimizer.close()``: leaves the training. The end of the program does so, too.

    :param optimizer: any ``torch.optim.Optimizer`` over parameters of ``model``.
    :param model: what is synchronised: a module, or names and tensors.
    :param options: those of ``Synchronizer``: sync, staleness, min_receivers, every, payload, optimizer_state, ...
    :raises selmcast.Error: as ``Synchronizer`` does; ``step()`` as its ``synchronize()``.
    """
    if isinstance(optimizer, _Distributed):
        raise InvalidInput("this optimizer is distributed already")
    synchronizer = Synchronizer(model, optimizer=optimizer, **options)
    is_patched = "step" in optimizer.__dict__
    cls = optimizer.__class__
    optimizer.__class__ = type("Distributed" + cls.__name__, (_Distributed, cls), {"__module__": __name__})
    optimizer.synchronizer = synchronizer  # type: ignore[attr-defined]
    if is_patched:
        patched: Callable[..., Any] = optimizer.__dict__["step"]

        # A scheduler made before has put its own step on the object, which calls the class's step as it was then.
        @functools.wraps(patched)
        def step(*args: Any, **kwargs: Any) -> Any:
            loss = patched(*args, **kwargs)
            synchronizer.step()
            return loss

        step._with_counter = True  # type: ignore[attr-defined]  # what schedulers look for
        optimizer.step = step  # type: ignore[assignment]
    return optimizer
