"""Where ranks meet: a small server in rank 0's process, and its client in every rank.

It answers two questions that a training cannot answer by itself: where is the manager (a board of names and values),
and what is everybody's model at the very start and end (collective.py). Between those nothing goes through it.

Rank 0 takes the first free one of a few ports in a row from the one that all ranks compute alike (launch.py); the
others try them in turn until one answers for their job. Bounds: joining, ``timeout``; every request, its own. Not
encrypted; it listens on loopback when all ranks are on one machine, else on the address that MASTER_ADDR names.
Thread rule: a Client belongs to one thread at a time; the server has threads of its own. They need the GIL, and rank
0 may go on with calls that hold it while they wait for other ranks (as torch 1.13's init_process_group does): so
rank 0 gets its own answer last, when nobody needs the server for that question any more.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Any, Mapping, Optional

from selmcast import frames
from selmcast.collective import Collective
from selmcast.errors import Error, InvalidInput, IoError, ProtocolError, Timeout, Unavailable, make
from selmcast.launch import PORTS_TRIED, Launch

VERSION = 2
_GRACE = 10.0  # that a client waits longer than the server: the answer says more than silence
_HELLO = 10.0  # for the answer to a hello, at most; a busy machine takes its time
_HELLO_LEAST = 0.05


class Server:
    """Serves until ``close()``. Ranks that have not come after ``timeout`` seconds have given up by themselves.

    :raises IoError: none of the ports is free.
    """

    def __init__(self, launch: Launch, timeout: float) -> None:
        assert launch.rendezvous is not None
        self._given_up_at = time.monotonic() + timeout
        self._launch = launch
        self._condition = threading.Condition(threading.RLock())
        self._board: dict[str, Any] = {}
        self._collectives: dict[str, Collective] = {}
        self._here: set[int] = set()
        self._gone: set[int] = set()
        self._listener = self._listen(*launch.rendezvous)
        threading.Thread(target=self._accept, name="selmcast rendezvous", daemon=True).start()

    def _listen(self, host: str, port: int) -> socket.socket:
        problem: Optional[OSError] = None
        for candidate in range(port, port + PORTS_TRIED):
            try:
                family = socket.getaddrinfo(host, candidate, type=socket.SOCK_STREAM)[0][0]
                return socket.create_server((host, candidate), family=family, backlog=self._launch.world_size)
            except OSError as error:
                problem = error
        raise IoError(
            f"rank 0 cannot listen on {host}, ports {port} to {port + PORTS_TRIED - 1} ({problem}): "
            "name a free one by SELMCAST_RENDEZVOUS=host:port, the same for all ranks"
        )

    def wait_until_alone(self, timeout: float) -> bool:
        """Until every other rank has come and gone, for at most ``timeout`` seconds: whether they have."""
        deadline = time.monotonic() + timeout
        others = set(range(1, self._launch.world_size))
        with self._condition:
            while (self._here if time.monotonic() > self._given_up_at else others) - self._gone - {0}:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._condition.wait(min(left, 1.0))
        return True

    def close(self) -> None:
        """Ends all that is under way."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        rank: Optional[int] = None
        took_part = False
        try:
            with connection:
                frames.tune(connection)
                connection.settimeout(_GRACE)
                message, _ = frames.receive(connection, frames.GREETING_BYTES_MAX)
                refusal = self._refusal(message)
                if refusal is not None:
                    return frames.send(connection, refusal)
                rank = int(message["rank"])
                frames.send(connection, {"welcome": rank})
                connection.settimeout(None)  # between requests there may be hours; keep-alive watches
                while self._answer(rank, connection):
                    took_part = True
        except Error:
            pass  # the peer is gone, or no peer of ours
        finally:
            if rank is not None:
                with self._condition:
                    if took_part:
                        self._gone.add(rank)
                    else:
                        self._here.discard(rank)  # gave up waiting for the answer to its hello; it comes again
                    self._condition.notify_all()

    def _refusal(self, message: dict[str, Any]) -> Optional[dict[str, Any]]:
        launch = self._launch
        if message.get("job") != launch.job or message.get("version") != VERSION:
            return {"other": True}
        rank, size = message.get("rank"), message.get("world_size")
        if size != launch.world_size:
            return _refused(f"rank {rank} believes in {size} ranks, rank 0 in {launch.world_size}")
        with self._condition:
            is_rank = isinstance(rank, int) and not isinstance(rank, bool) and 0 <= rank < launch.world_size
            if not is_rank or rank in self._here:
                refusal = _refused(f"rank {rank} is here already, or not below {launch.world_size}: ranks must differ")
                return {**refusal, "again": True}  # perhaps its own connection of before, not seen to be closed
            self._here.add(rank)
        return None

    def _answer(self, rank: int, connection: socket.socket) -> bool:
        message, raw_bytes = frames.receive(connection)
        op = message.get("op")
        if op == "bye":
            return False
        try:
            if op == "set":
                with self._condition:
                    self._board[message["key"]] = message["value"]
                    self._condition.notify_all()
                frames.send(connection, {})
            elif op == "get":
                frames.send(connection, {"value": self._look(message["key"], float(message["timeout"]))})
            elif op == "collect":
                self._collect(rank, message, raw_bytes, connection)
            else:
                raise ProtocolError(f"the rendezvous knows no '{op}'")
        except Error as error:
            frames.send(connection, {"error": [error.code, str(error)]})
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            # A request that no rank of this release makes; what follows it may be anything.
            refusal = ProtocolError(f"the rendezvous cannot read a request: {type(error).__name__}: {error}"[:200])
            frames.send(connection, {"error": [refusal.code, str(refusal)]})
            return False
        return True

    def _look(self, key: str, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        with self._condition:
            while key not in self._board:
                if 0 in self._gone:
                    raise Unavailable(f"rank 0 has left without saying '{key}': see its error")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Timeout(f"rank 0 did not say '{key}' within {timeout:.0f} s: does it do what the others do?")
                self._condition.wait(min(left, 1.0))
            return self._board[key]

    def _collect(self, rank: int, message: dict[str, Any], raw_bytes: int, connection: socket.socket) -> None:
        name = message["name"]
        size = self._launch.world_size
        with self._condition:
            made = self._collectives.setdefault(name, Collective(message["what"], size, self._gone, self._condition))
        try:
            arrays = made.take_part(rank, message, raw_bytes, connection)
            if rank == 0:
                made.wait_for_answers(rank)
            pieces = tuple(memoryview(array).cast("B") for array in arrays if array.size)
            frames.send(connection, {"participants": size - len(made.missing), "missing": made.missing}, pieces)
        finally:
            with self._condition:
                made.answered.add(rank)
                self._condition.notify_all()
                if len(made.answered | self._gone) == size:
                    self._collectives.pop(name, None)


def _refused(why: str) -> dict[str, Any]:
    return {"error": ["invalid_input", why + "; look at RANK and WORLD_SIZE of all ranks"]}


class Client:
    """:raises Unavailable: no server of this job within ``timeout`` seconds."""

    def __init__(self, launch: Launch, timeout: float) -> None:
        self._connection = _join(launch, timeout)
        self._collectives = 0

    def _request(self, message: dict[str, Any], timeout: float, raw: tuple[memoryview, ...] = ()) -> tuple[Any, int]:
        self._connection.settimeout(timeout + _GRACE)
        try:
            frames.send(self._connection, message, raw)
            answer, raw_bytes = frames.receive(self._connection)
        except Unavailable as error:
            raise Unavailable(f"rank 0, where the ranks meet, is gone ({error}): see its error") from None
        if "error" in answer:
            raise make(*answer["error"])
        return answer, raw_bytes

    def set(self, key: str, value: Any) -> None:
        self._request({"op": "set", "key": key, "value": value}, _GRACE)

    def get(self, key: str, timeout: float) -> Any:
        """Waits until somebody has set it. :raises Timeout: nobody did. :raises Unavailable: rank 0 has left."""
        return self._request({"op": "get", "key": key, "timeout": timeout}, timeout)[0]["value"]

    def collect(
        self,
        what: str,
        kind: str,
        tensors: list[list[Any]],
        sent: tuple[memoryview, ...],
        received: tuple[memoryview, ...],
        *,
        root: int = 0,
        settings: Optional[Mapping[str, Any]] = None,
        timeout: float,
    ) -> dict[str, Any]:
        """One collective (collective.py): sends the bytes of ``sent``, fills ``received`` with the result.

        :returns: ``participants`` (how many ranks took part) and ``missing`` (ranks that are gone).
        """
        self._collectives += 1
        message = {
            "op": "collect",
            "name": str(self._collectives),
            "what": what,
            "kind": kind,
            "root": root,
            "tensors": tensors,
            "settings": dict(settings or {}),
            "timeout": timeout,
        }
        answer: dict[str, Any]
        answer, _ = self._request(message, timeout, sent)
        for memory in received:
            frames.receive_into(self._connection, memory)
        return answer

    def close(self) -> None:
        try:
            self._connection.settimeout(1.0)
            frames.send(self._connection, {"op": "bye"})
        except Error:
            pass
        self._connection.close()


def _join(launch: Launch, timeout: float) -> socket.socket:
    assert launch.rendezvous is not None
    host, first = launch.rendezvous
    deadline = time.monotonic() + timeout
    problem = "nobody listens"
    refusal: Optional[Error] = None
    # Somebody else's server may hold a port and say nothing: all ports are looked at once within half of the time, then
    # with more and more patience.
    patience = timeout / (2 * PORTS_TRIED)
    while True:
        for port in range(first, first + PORTS_TRIED):
            left = deadline - time.monotonic()
            try:
                hello_timeout = max(_HELLO_LEAST, min(_HELLO, patience, left))
                connection = socket.create_connection((host, port), timeout=hello_timeout)
            except OSError as error:
                problem = str(error)
                continue
            try:
                frames.tune(connection)
                hello = {"version": VERSION, "job": launch.job, "rank": launch.rank, "world_size": launch.world_size}
                frames.send(connection, hello)
                answer, _ = frames.receive(connection)
            except Error as error:
                connection.close()
                problem = str(error)
                continue
            # A connection to a port of nobody may end at itself: only the right answer counts.
            if answer.get("welcome") == launch.rank:
                return connection
            connection.close()
            if "error" in answer and not answer.get("again"):
                raise make(*answer["error"])
            if "error" in answer:
                refusal = make(*answer["error"])
            else:
                problem = f"another job's rendezvous is on port {port}"
        patience *= 2
        if time.monotonic() >= deadline and refusal is not None:
            raise refusal
        if time.monotonic() >= deadline:
            raise Unavailable(
                f"rank {launch.rank} found no rank 0 at {host}, ports {first} to {first + PORTS_TRIED - 1}, within "
                f"{timeout:.0f} s ({problem}): does rank 0 run, and call selmcast.init() too?"
            )
        time.sleep(0.05)
