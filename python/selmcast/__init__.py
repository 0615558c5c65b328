"""SelMcast: data-parallel training that does not wait for the slowest link.

PyTorch: ``selmcast.torch`` (``broadcast_parameters``, ``DistributedOptimizer``, ``Synchronizer``, ``consensus``).
Anything else: ``Worker`` and ``Manager``, over plain float32 memory. Both run under ``selmcast run``, torchrun,
mpirun and srun; ``init()`` finds out who and where this process is. docs/python.md has a quick start.
"""

from __future__ import annotations

from typing import Any

from selmcast import _core
from selmcast.errors import (
    Cancelled,
    Corrupt,
    Error,
    InvalidInput,
    IoError,
    ProtocolError,
    Rejected,
    Timeout,
    Unavailable,
)
from selmcast.manager import Manager
from selmcast.parameters import Parameters
from selmcast.report import SyncReport
from selmcast.session import Session, init, local_rank, rank, shutdown, world_size
from selmcast.worker import Worker

__version__: str = _core.version()

__all__ = [
    "Cancelled",
    "Corrupt",
    "Error",
    "InvalidInput",
    "IoError",
    "Manager",
    "Parameters",
    "ProtocolError",
    "Rejected",
    "Session",
    "SyncReport",
    "Timeout",
    "Unavailable",
    "Worker",
    "init",
    "local_rank",
    "rank",
    "shutdown",
    "world_size",
]


def __getattr__(name: str) -> Any:
    # `selmcast.torch` after `import selmcast`, without torch being needed for the rest.
    if name == "torch":
        import importlib

        return importlib.import_module("selmcast.torch")
    raise AttributeError(f"module 'selmcast' has no attribute {name!r}")
