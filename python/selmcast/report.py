"""What one synchronisation did."""

from __future__ import annotations

from typing import NamedTuple


class SyncReport(NamedTuple):
    """What one synchronisation did, for logs and tests. Ids are those of ``Worker.id``, ascending."""

    round: int
    """The round of this worker, from 0."""
    mixed_with: tuple[int, ...]
    """Whose models were mixed in. Without rounds in common (ssp, asp) the same one may stand there twice."""
    sent_to: tuple[int, ...]
    """Who has this worker's model, complete and verified."""
    workers: int
    """Workers still in the training, this one included."""
    predicted_seconds: float
    """What the manager foretold for the round (bsp) or for this worker's multicast."""
    elapsed_seconds: float
    """From the call to the mixed model."""
    own_weight: float
    """With ``push_sum`` mixing this worker's mass after mixing (all start with 1); else 1."""
    next_round: int = 0
    """The round that this worker computes now."""
