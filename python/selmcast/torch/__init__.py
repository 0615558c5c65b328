"""SelMcast for PyTorch. Three lines change a training loop::

    import selmcast.torch

    selmcast.init()
    selmcast.torch.broadcast_parameters(model)
    optimizer = selmcast.torch.DistributedOptimizer(optimizer, model=model)

and ``selmcast.torch.consensus(model)`` at the end gives every rank the exact average. Any torch from 1.13 on works:
nothing is compiled against it. Tensors of a GPU are staged through pinned memory (written with care, not tested on
one).
"""

from __future__ import annotations

from selmcast.torch.global_model import ConsensusReport, broadcast_parameters, consensus
from selmcast.torch.optimizer import DistributedOptimizer
from selmcast.torch.synchronizer import Synchronizer

__all__ = ["ConsensusReport", "DistributedOptimizer", "Synchronizer", "broadcast_parameters", "consensus"]
