"""The manager of one training, in this process: ``Manager``. (``selmcast manager`` is the same as a program.)"""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Optional

from selmcast import _core
from selmcast.errors import InvalidInput

Sync = Literal["bsp", "ssp", "asp"]
Multicast = Literal["unicast", "relay", "network", "auto"]


class Manager:
    """Listens and serves one training of ``workers`` workers, in threads of its own, until they have all left.

    Nothing is encrypted: any ``host`` but loopback is for networks you trust. All methods may be called from any
    thread.

    :param sync: ``"bsp"``: rounds in common; ``"ssp"``: nobody starts a round more than ``staleness`` rounds ahead
        of the slowest; ``"asp"``: nobody waits.
    :param planner: ``"auto"``, ``"exact"``, ``"paper"``, ``"random"``, ``"broadcast"``; ``"slack"`` for ssp and asp.
    :param staleness: only for ssp; None: 4.
    :param min_receivers: of each multicast; below 1: a fraction of the workers.
    :param max_age: every pair of workers meets within ``max_age + 1`` rounds.
    :param seed: of planners that draw.
    :param join_timeout: seconds to wait for all workers, at most 600; then those there are told, and it ends.
    :param compute_timeout: seconds that a round waits for the slowest computation; then that worker is put out.
    :param overlap: only for ssp and asp: workers compute on while their multicast is delivered (``Worker.drain``).
    :param elastic: workers may come while the training runs, new ones or those that were lost (``Worker.catch_up``).
    :param state: file that a manager that is started again, with the same settings, goes on from.
    :param multicast: ``"unicast"``: a copy to each receiver; ``"relay"``: receivers send it on (bsp); ``"network"``: IP
        multicast; ``"auto"``: whichever the network is fit for, found by probing it (docs/multicast.md).
    :param patience: only with ``state``: seconds that workers wait for such a manager; None: 60.
    :param journal: file in which all inputs and decisions are written down (docs/manager.md).
    :raises selmcast.Error: ``InvalidInput``; ``IoError``, e.g. when the port is in use.
    """

    def __init__(
        self,
        workers: int,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        sync: Sync = "bsp",
        planner: str = "auto",
        staleness: Optional[int] = None,
        min_receivers: float = 0.3,
        max_age: int = 7,
        seed: int = 1,
        join_timeout: float = 60.0,
        compute_timeout: float = 600.0,
        journal: Optional[str] = None,
        overlap: bool = False,
        elastic: bool = False,
        state: Optional[str] = None,
        patience: Optional[float] = None,
        multicast: Multicast = "unicast",
    ) -> None:
        for name, value in (("overlap", overlap), ("elastic", elastic)):
            if not isinstance(value, bool):
                raise InvalidInput(f"{name} is True or False, not {value!r}")
        if patience is not None and state is None:
            raise InvalidInput(
                "patience is how long workers wait for a manager that is started again, which it only is with "
                "state=FILE: give both, or neither"
            )
        self._core = _core.Manager(
            workers,
            host,
            port,
            sync,
            planner,
            -1 if staleness is None else staleness,
            min_receivers,
            max_age,
            seed,
            join_timeout,
            compute_timeout,
            journal,
            overlap,
            elastic,
            state,
            60.0 if patience is None else patience,
            multicast,
        )

    @property
    def address(self) -> str:
        """``"host:port"``, with the port it really has."""
        return self._core.address

    @property
    def running(self) -> bool:
        """Whether the training is not over yet."""
        return self._core.running

    def wait(self, timeout: float) -> bool:
        """Until the training is over, for at most ``timeout`` seconds: whether it is. Ctrl-C ends the wait.

        :raises selmcast.Error: it was stopped (``Cancelled``) or never started (``Timeout``).
        """
        return self._core.wait(timeout)

    def stop(self, why: str = "the manager was stopped") -> None:
        """Tells every worker why and ends the training."""
        self._core.stop(why)

    def close(self) -> None:
        """Stops it, if it runs, and frees everything. Takes about a second at most; more than once is fine."""
        self._core.close()

    def __enter__(self) -> Manager:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()
