"""Who and where this process is, read from what launchers put into the environment. Pure: environment in, facts out.

Looked at in this order; the first that names a rank counts, ``SELMCAST_*`` fills what is missing:

=============  ==============================================================  =====================================
launcher       rank, world size, rank on this machine                          rendezvous
=============  ==============================================================  =====================================
selmcast run,  RANK, WORLD_SIZE, LOCAL_RANK                                    MASTER_ADDR, MASTER_PORT + 1
torchrun
Open MPI       OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK                        MASTER_*, or by the job's number
MPICH, PMI     PMI_RANK, PMI_SIZE, MPI_LOCALRANKID                             MASTER_*
Slurm          SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID               MASTER_*, or by job and step number
by hand        SELMCAST_RANK, SELMCAST_WORLD_SIZE, SELMCAST_LOCAL_RANK         SELMCAST_RENDEZVOUS (host:port)
=============  ==============================================================  =====================================

The rendezvous is where rank 0 says where the manager is (rendezvous.py). Where it is not named it is a port next to
MASTER_PORT, or one computed from the job's number, so that all ranks find the same without a word.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace
from typing import Mapping, Optional

from selmcast.errors import InvalidInput

PORTS_TRIED = 4
"""Rank 0 takes the first free one of so many ports in a row; the others look at each."""
_DERIVED_FROM, _DERIVED_COUNT = 20000, 12000  # below the ports that systems hand out by themselves


@dataclass(frozen=True)
class Launch:
    """Facts about this process. ``rendezvous`` is None where the environment does not tell."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: Optional[int] = None
    launcher: str = "none"
    rendezvous: Optional[tuple[str, int]] = None
    job: str = ""
    """The same for all ranks, different for other jobs where that can be told: keeps jobs apart that meet by
    accident."""
    manager: Optional[str] = None
    """``host:port`` of a manager that runs already."""
    manager_settings: Optional[Mapping[str, str]] = None
    """What that manager was started with, where `selmcast run` started it by itself."""
    restarts: int = 0
    """How often this rank alone was started again (SELMCAST_RESTARTS, of `selmcast run --elastic`): the others are
    long under way."""

    @property
    def on_one_machine(self) -> bool:
        return self.local_world_size == self.world_size


def _integer(environ: Mapping[str, str], name: str) -> Optional[int]:
    text = environ.get(name)
    if text is None or text == "":
        return None
    try:
        return int(text)
    except ValueError:
        raise InvalidInput(f"environment variable {name}={text!r} is not a whole number") from None


_LAUNCHERS = (
    # name, rank, world size, local rank, local world size
    ("torchrun", "RANK", ("WORLD_SIZE",), "LOCAL_RANK", "LOCAL_WORLD_SIZE"),
    ("mpirun", "OMPI_COMM_WORLD_RANK", ("OMPI_COMM_WORLD_SIZE",), "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_LOCAL_SIZE"),
    ("pmi", "PMI_RANK", ("PMI_SIZE",), "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    ("srun", "SLURM_PROCID", ("SLURM_STEP_NUM_TASKS",), "SLURM_LOCALID", ""),
    ("selmcast", "SELMCAST_RANK", ("SELMCAST_WORLD_SIZE",), "SELMCAST_LOCAL_RANK", "SELMCAST_LOCAL_WORLD_SIZE"),
)


def parse_address(text: str, what: str) -> tuple[str, int]:
    """``"host:port"`` or ``"[v6]:port"``."""
    match = re.fullmatch(r"\[?([^\[\]]+?)\]?:(\d{1,5})", text)
    if match is None or not 0 < int(match[2]) < 65536:
        raise InvalidInput(f"{what} {text!r}: give host:port")
    return match[1], int(match[2])


def first_host(nodes: str) -> str:
    """Of a list of nodes as Slurm writes it: ``"gpu[03-05,9],cpu1"`` is ``"gpu03"``."""
    match = re.match(r"([^,\[]+)(?:\[(\d+))?", nodes)
    return (match[1] + (match[2] or "")) if match else nodes


def _port_of(job: str) -> int:
    return _DERIVED_FROM + zlib.crc32(job.encode()) % _DERIVED_COUNT


def _rendezvous(environ: Mapping[str, str], found: Launch) -> Launch:
    """Where, and the job's name."""
    named = environ.get("SELMCAST_RENDEZVOUS")
    port = _integer(environ, "MASTER_PORT")
    host = environ.get("MASTER_ADDR") or ("127.0.0.1" if found.on_one_machine else None)
    if found.on_one_machine:
        host = "127.0.0.1"  # MASTER_ADDR may be this machine's public name; nobody else need reach it
    if named:
        where = parse_address(named, "SELMCAST_RENDEZVOUS")
        return replace(found, rendezvous=where, job=f"{where[0]}:{where[1]}")
    if port is not None and host is not None:
        job = f"{environ.get('TORCHELASTIC_RUN_ID', '')}/{port}/{environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
        first = port + 1 if port + PORTS_TRIED < 65536 else port - PORTS_TRIED
        return replace(found, rendezvous=(host, first), job=job)
    if found.launcher == "mpirun" and host is not None and "OMPI_MCA_ess_base_jobid" in environ:
        job = "ompi/" + environ["OMPI_MCA_ess_base_jobid"]
        return replace(found, rendezvous=(host, _port_of(job)), job=job)
    if found.launcher == "srun" and "SLURM_JOB_ID" in environ:
        job = f"slurm/{environ['SLURM_JOB_ID']}/{environ.get('SLURM_STEP_ID', '')}"
        host = host or first_host(environ.get("SLURM_STEP_NODELIST", environ.get("SLURM_JOB_NODELIST", "127.0.0.1")))
        return replace(found, rendezvous=(host, _port_of(job)), job=job)
    return found


def _settings(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(";") if "=" in part)


def launch_from(environ: Mapping[str, str]) -> Launch:
    """Reads it. A process that no launcher started is rank 0 of 1.

    :raises InvalidInput: a variable that is no number, a rank without a world size, a rank that is not below it.
    """
    found = Launch()
    for launcher, rank_name, size_names, local_name, local_size_name in _LAUNCHERS:
        rank = _integer(environ, rank_name)
        if rank is None:
            continue
        size = next((n for n in (_integer(environ, name) for name in size_names) if n is not None), None)
        if size is None and launcher == "srun":
            continue  # a batch script outside srun has SLURM_PROCID, too, and is alone
        if size is None:
            raise InvalidInput(f"{rank_name} is set, but {size_names[0]} is not: set both")
        local_size = _integer(environ, local_size_name) if local_size_name else None
        if launcher == "srun" and environ.get("SLURM_STEP_NUM_NODES", environ.get("SLURM_JOB_NUM_NODES")) == "1":
            local_size = size
        found = Launch(rank, size, _integer(environ, local_name) or 0, local_size, launcher)
        break
    if not 0 <= found.rank < found.world_size:
        raise InvalidInput(f"rank {found.rank} of {found.world_size}: ranks go from 0 to world size - 1")
    found = replace(_rendezvous(environ, found), restarts=_integer(environ, "SELMCAST_RESTARTS") or 0)
    if environ.get("SELMCAST_MANAGER"):
        parse_address(environ["SELMCAST_MANAGER"], "SELMCAST_MANAGER")
        settings = environ.get("SELMCAST_MANAGER_SETTINGS")
        found = replace(
            found, manager=environ["SELMCAST_MANAGER"], manager_settings=_settings(settings) if settings else None
        )
    return found
