"""The extension: selmcast/c/selmcast.h as two classes. Use selmcast.Worker and selmcast.Manager, which have
defaults."""

from typing import Any, Optional, Sequence

def version() -> str: ...

class Worker:
    """Rates in bit/s (emulated: 0 for none), times in seconds; roles, mixing and payload as the numbers of
    selmcast.h."""

    def __init__(
        self,
        manager: str,
        name: str,
        tensors: Sequence[tuple[str, Sequence[int], int]],
        mixing: int,
        receive_buffers: int,
        declared_bps: tuple[float, float],
        emulated_bps: tuple[float, float],
        data_host: Optional[str],
        data_port: int,
        connect_timeout: float,
        interface_name: Optional[str],
        advertised: Optional[str],
        payload: int,
        streams: int,
    ) -> None: ...
    @property
    def id(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def payload_bytes(self) -> int: ...
    @property
    def late(self) -> bool: ...
    def synchronize(
        self, parameters: Any
    ) -> tuple[int, tuple[int, ...], tuple[int, ...], int, float, float, float, int]: ...
    def catch_up(
        self, parameters: Any
    ) -> tuple[int, tuple[int, ...], tuple[int, ...], int, float, float, float, int]: ...
    def drain(self, parameters: Any) -> tuple[int, tuple[int, ...], tuple[int, ...], int, float, float, float, int]: ...
    def leave(self, why: str) -> None: ...
    def close(self) -> None: ...

class Manager:
    """Times in seconds; staleness -1 is the default of the manager."""

    def __init__(
        self,
        workers: int,
        host: str,
        port: int,
        sync: str,
        planner: str,
        staleness: int,
        min_receivers: float,
        max_age: int,
        seed: int,
        join_timeout: float,
        compute_timeout: float,
        journal: Optional[str],
        overlap: bool,
        elastic: bool,
        state: Optional[str],
        patience: float,
        multicast: str,
    ) -> None: ...
    @property
    def address(self) -> str: ...
    @property
    def running(self) -> bool: ...
    def wait(self, timeout: float) -> bool: ...
    def stop(self, why: str) -> None: ...
    def close(self) -> None: ...
