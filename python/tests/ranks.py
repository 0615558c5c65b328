"""Several ranks of a job in one process, a thread each: what the tests of one machine need."""

from __future__ import annotations

import socket
import threading
from typing import Any, Callable

from selmcast.launch import launch_from
from selmcast.session import Session

WATCHDOG = 120.0
"""Seconds after which a test is taken to hang. Nothing is asserted about speed."""


def free_port() -> int:
    """One of five in a row; the rendezvous looks at those that follow."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return min(probe.getsockname()[1], 65000)


def run_ranks(count: int, body: Callable[[int, Session], Any], *, timeout: float = WATCHDOG) -> list[Any]:
    """``body(rank, session)`` for every rank. Returns what they return; an exception is returned, too."""
    port = str(free_port())
    results: list[Any] = [None] * count

    def one(rank: int) -> None:
        env = {"RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "MASTER_PORT": port}
        session = None
        try:
            session = Session(launch_from(env), timeout=timeout, shutdown_timeout=WATCHDOG, quiet=True)
            results[rank] = body(rank, session)
        except Exception as error:  # noqa: BLE001: handed on
            results[rank] = error
        finally:
            if session is not None:
                session.close(failed=isinstance(results[rank], Exception))

    threads = [threading.Thread(target=one, args=(rank,), daemon=True) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * WATCHDOG)
        assert not thread.is_alive(), "a rank hangs"
    return results


def raise_first(results: list[Any]) -> list[Any]:
    """The results, unless one is an exception, which is raised."""
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results
