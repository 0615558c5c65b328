"""This process in its job: ``init()``, ``shutdown()``, who I am, and where the manager is.

``init()`` finds out who this process is (launch.py) and joins the rendezvous (rendezvous.py). A manager is needed when
somebody synchronises, and only then known in what way; so ``Session.manager_for()`` starts it: on rank 0, in its
process, unless one is named by SELMCAST_MANAGER. Rank 0 serves until the others have left: ``shutdown()``, which
also runs when the program ends, waits for them, for at most ``shutdown_timeout`` seconds, or not at all if rank 0
ends by an exception.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from typing import Any, Callable, Iterable, Mapping, Optional

from selmcast.errors import Error, InvalidInput
from selmcast.launch import Launch, launch_from
from selmcast.manager import Manager
from selmcast.rendezvous import Client, Server
from selmcast.worker import Payload, payload_named

MANAGER_DEFAULTS: dict[str, Any] = {
    "sync": "bsp",
    "planner": "auto",
    "staleness": None,
    "min_receivers": 0.3,
    "max_age": 7,
    "seed": 1,
    "multicast": "unicast",
    "overlap": False,
}
"""What a manager that rank 0 starts is told where nothing else is said."""

FAILED = "its program has failed"
"""Why workers leave that are still open when a program ends by an exception or Ctrl-C."""


class Session:
    """Made by ``init()``. Attributes for reading: ``launch``, ``payload``, ``quiet``, ``timeout``."""

    def __init__(
        self,
        launch: Launch,
        *,
        timeout: float,
        shutdown_timeout: float,
        quiet: bool,
        payload: Optional[Payload] = None,
    ) -> None:
        self.launch = launch
        self.timeout = timeout
        self.quiet = quiet
        self.payload = payload
        self._shutdown_timeout = shutdown_timeout
        self._managers: list[Manager] = []
        self._managers_asked = 0
        self._server: Optional[Server] = None
        self._client: Optional[Client] = None
        if self.came_again:
            self.say(f"started again ({launch.restarts}): the others are under way, and this rank catches up with them")
        elif launch.world_size > 1 and launch.rendezvous is not None:
            try:
                self._server = Server(launch, timeout) if launch.rank == 0 else None
                deadline = time.monotonic() + timeout
                self._client = Client(launch, timeout)
                left = max(1.0, deadline - time.monotonic())
                self._client.collect("selmcast.init", "root", [], (), (), timeout=left)  # all are there
            except Error:
                self.close(failed=True)
                raise

    @property
    def came_again(self) -> bool:
        """Whether this rank alone was started again under a manager that still runs. The others meet no more, so it
        does not look for them: what all agreed on it takes from its program, and parameters from the manager."""
        launch = self.launch
        return launch.restarts > 0 and launch.manager is not None and launch.world_size > 1

    def say(self, line: str) -> None:
        """A line for people, with the rank in front."""
        if not self.quiet:
            print(f"[selmcast {self.launch.rank}] {line}", file=sys.stderr, flush=True)

    @property
    def rendezvous(self) -> Client:
        """:raises InvalidInput: the environment does not tell where the ranks can meet."""
        if self._client is None:
            raise InvalidInput(
                "a rank that was started again cannot meet the others, which have met already"
                if self.came_again
                else f"{self.launch.world_size} ranks, started by {self.launch.launcher}, do not know where to meet: "
                "set MASTER_ADDR and MASTER_PORT, or SELMCAST_RENDEZVOUS=host:port (where rank 0 can listen), for all "
                "ranks"
            )
        return self._client

    def manager_for(self, wanted: Mapping[str, Any]) -> Optional[str]:
        """Where the manager of the next training is; None if this process is alone and no manager is named.

        :param wanted: settings of ``MANAGER_DEFAULTS`` that somebody asked for; None or absent: the default. They must
            be the same on all ranks.
        :raises selmcast.Error: rank 0 did not say within ``timeout``, ranks want different things or do not know where
            to meet, ...
        """
        unknown = set(wanted) - set(MANAGER_DEFAULTS)
        assert not unknown, unknown
        asked = {key: value for key, value in wanted.items() if value is not None}
        launch = self.launch
        if launch.world_size == 1 and launch.manager is None:
            return None
        named = self._named_for(asked)
        if self.came_again and named is None:
            raise InvalidInput(
                f"this rank was started again, and the program asks for {_shown(asked)}, which the manager of selmcast "
                "run does not do: it cannot find the training that the others are in. Give selmcast run the same "
                "settings"
            )
        if self._client is None and named is not None:
            return named  # nothing to agree on: it is the same for all
        rendezvous = self.rendezvous if launch.world_size > 1 else None
        key = f"manager/{self._managers_asked}"
        self._managers_asked += 1
        if launch.rank == 0:
            address = named or self._start(asked)
            if rendezvous is not None:
                rendezvous.set(key, {"address": address, "asked": asked})
            return address
        assert rendezvous is not None  # the only rank is rank 0
        said = rendezvous.get(key, self.timeout)
        if said["asked"] != asked:
            raise InvalidInput(f"this rank asks for {asked}, rank 0 for {said['asked']}: all must ask for the same")
        return str(said["address"])

    def agree(
        self, what: str, *, tensors: Iterable[Any] = (), settings: Optional[Mapping[str, Any]] = None
    ) -> None:
        """Waits until all ranks say the same settings and (name, shape, role) here; where they cannot meet, the manager
        compares what it is told.

        :raises InvalidInput: they differ: on every rank, with the first difference.
        """
        if self._client is None:
            return
        announced = [[f"{name} ({role})", "f4", list(shape)] for name, shape, role in tensors]
        self._client.collect(what, "root", announced, (), (), settings=settings, timeout=self.timeout)

    def _named_for(self, asked: Mapping[str, Any]) -> Optional[str]:
        """The manager that runs already, unless `selmcast run` started it with other settings than the program
        wants."""
        launch = self.launch
        if launch.manager is None or launch.manager_settings is None:
            return launch.manager
        if self._managers_asked > 0:
            return None  # a manager serves one training, and the first one had it
        runs = launch.manager_settings
        differ = {key: value for key, value in asked.items() if not _is_said(value, runs.get(key))}
        if not differ:
            return launch.manager
        if runs.get("asked") == "1":
            theirs = {key: runs.get(key) for key in differ}
            raise InvalidInput(
                f"the program asks for {_shown(differ)}, selmcast run was started with {_shown(theirs)}: make them the "
                "same, or drop the flags"
            )
        return None

    def _start(self, asked: Mapping[str, Any]) -> str:
        launch = self.launch
        assert launch.rendezvous is not None or launch.manager is not None
        settings = {**MANAGER_DEFAULTS, **asked}
        # Where the others reach it: this machine, or the address at which they found the rendezvous.
        host = "127.0.0.1" if launch.on_one_machine or launch.rendezvous is None else launch.rendezvous[0]
        manager = Manager(launch.world_size, host=host, join_timeout=min(self.timeout, 600.0), **settings)
        self._managers.append(manager)
        shown = ", ".join(f"{key} {value}" for key, value in settings.items() if value is not None)
        self.say(f"manager at {manager.address} for {launch.world_size} workers: {shown}")
        if not host.startswith("127."):
            self.say("it is reachable by other machines, and nothing is encrypted: for networks you trust")
        return manager.address

    def close(self, *, failed: bool = False) -> None:
        """Leaves the job. Rank 0 waits for the others first, unless it ``failed``."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._server is not None:
            if not failed and not self._server.wait_until_alone(min(2.0, self._shutdown_timeout)):
                self.say("done; waiting for the other ranks, which need this one's manager")
                if not self._server.wait_until_alone(self._shutdown_timeout):
                    self.say(f"other ranks still run after {self._shutdown_timeout:.0f} s; ending without them")
            self._server.close()
            self._server = None
        for manager in self._managers:
            if failed:
                manager.stop("rank 0, in which the manager ran, failed")
            manager.close()
        self._managers.clear()


def _is_said(value: Any, text: Optional[str]) -> bool:
    """Whether ``text``, of SELMCAST_MANAGER_SETTINGS, says ``value``; None: it says nothing of it."""
    if text is None:
        return False
    if str(value) == text or isinstance(value, (str, bool)):
        return str(value) == text
    try:
        return bool(float(text) == value)  # 1 and 1.0 are the same
    except ValueError:
        return False


def _shown(settings: Mapping[str, Any]) -> str:
    """``"{sync asp, no staleness}"``."""
    said = (f"no {key}" if value is None else f"{key} {value}" for key, value in settings.items())
    return "{" + ", ".join(said) + "}"


_session: Optional[Session] = None


def init(
    *,
    manager: Optional[str] = None,
    rank: Optional[int] = None,
    world_size: Optional[int] = None,
    rendezvous: Optional[str] = None,
    timeout: float = 60.0,
    shutdown_timeout: float = 3600.0,
    quiet: Optional[bool] = None,
    payload: Optional[Payload] = None,
    environ: Optional[Mapping[str, str]] = None,
) -> Session:
    """Joins the job that this process was started in, and waits for its other ranks. Call it once, on every rank.

    Arguments win over the environment (launch.py has the list: selmcast run, torchrun, mpirun, srun, SELMCAST_*).

    :param manager: ``"host:port"`` of one that runs; None: SELMCAST_MANAGER, else rank 0 starts one when it is needed.
    :param rank: of this process, from 0. :param world_size: ranks of the job.
    :param rendezvous: ``"host:port"`` where rank 0 can listen and the others reach it.
    :param timeout: seconds to wait for the other ranks.
    :param shutdown_timeout: seconds that rank 0, done, serves the others on; the program's end waits for it.
    :param quiet: no lines on standard error; None: what SELMCAST_QUIET says.
    :param payload: how parameters of ``selmcast.torch`` travel where it is not told otherwise: ``"float32"``,
        ``"float16"``, ``"bfloat16"`` or ``"int8"`` (``selmcast.Worker``); None: SELMCAST_PAYLOAD, else float32.
    :returns: the session; ``selmcast.shutdown()`` ends it, and so does the end of the program.
    :raises selmcast.Error: ``InvalidInput``, ``Unavailable`` (no rank 0 within ``timeout``), ``IoError``.
    """
    global _session
    if _session is not None:
        raise InvalidInput("selmcast.init() was called before; selmcast.shutdown() ends a session")
    env = dict(os.environ if environ is None else environ)
    if rendezvous is not None:
        env["SELMCAST_RENDEZVOUS"] = rendezvous
    if manager is not None:
        env["SELMCAST_MANAGER"] = manager
        env.pop("SELMCAST_MANAGER_SETTINGS", None)
    if rank is not None or world_size is not None:
        if rank is None or world_size is None:
            raise InvalidInput("give rank and world_size, or neither")
        env["RANK"], env["WORLD_SIZE"] = str(rank), str(world_size)
    if quiet is None:
        quiet = env.get("SELMCAST_QUIET", "") not in ("", "0")
    payload_named(payload)
    _session = Session(
        launch_from(env), timeout=timeout, shutdown_timeout=shutdown_timeout, quiet=quiet, payload=payload
    )
    return _session


def current() -> Session:
    """The session; made by ``init()`` with its defaults if there is none."""
    return _session if _session is not None else init()


def shutdown() -> None:
    """Ends the session; without one it does nothing. Rank 0 waits for the others."""
    _end(failed=False)


def _end(*, failed: bool) -> None:
    global _session
    session, _session = _session, None
    for hook in _before_end:
        hook(FAILED if failed else "done")
    _before_end.clear()
    if session is not None:
        session.close(failed=failed)


_before_end: list[Callable[[str], None]] = []  # closes workers that were left open


def at_end(hook: Callable[[str], None]) -> None:
    """Calls ``hook(why)`` when the session ends; ``why`` is ``"done"``, or else something failed: waste no time."""
    _before_end.append(hook)


@atexit.register
def _at_exit() -> None:
    # An exception that nobody caught: the interpreter has stored it. Nobody should wait for a rank that failed.
    failed = getattr(sys, "last_value", None) is not None
    try:
        _end(failed=failed)
    except Error as error:
        print(f"[selmcast] while ending: {error}", file=sys.stderr)


def rank() -> int:
    """Of this process, from 0."""
    return current().launch.rank


def world_size() -> int:
    """Ranks of the job."""
    return current().launch.world_size


def local_rank() -> int:
    """Of this process among those of its machine, from 0."""
    return current().launch.local_rank
