"""The board and the collectives of the rendezvous, over loopback, each rank a thread."""

import json
import random
import socket
import struct
import threading
import unittest
from unittest import mock

import numpy
import selmcast
from ranks import WATCHDOG, free_port, raise_first, run_ranks
from selmcast.launch import launch_from
from selmcast.rendezvous import VERSION, Client, Server
from selmcast.session import Session


def views(*arrays):
    return tuple(memoryview(array).cast("B") for array in arrays if array.size)


def average(session, values, what="consensus", timeout=30.0, name="x"):
    kinds = {"float32": "f4", "float64": "f8", "int64": "i8"}
    announced = [[name, kinds[str(v.dtype)], list(v.shape)] for v in values]
    session.rendezvous.collect(what, "average", announced, views(*values), views(*values), timeout=timeout)
    return values


def framed(message, text=None, raw=b""):
    text = json.dumps(message).encode() if text is None else text
    return struct.pack("!4sIQ", b"SMR1", len(text), len(raw)) + text + raw


def mutated(draw, seed):
    """Some letters changed for others that JSON knows, the length of the first object put right half of the time."""
    body = bytearray(seed)
    for _ in range(draw.randrange(4)):
        body[draw.randrange(len(body))] = draw.choice(b'{}[]",:0123456789.eE-ntf ') if draw.random() < 0.8 else 255
    if draw.random() < 0.2:
        del body[draw.randrange(len(body)):]
    return bytes(body)


class Collectives(unittest.TestCase):
    def test_an_average_is_exact_and_the_same_bits_everywhere(self):
        # float32 sums in any order would lose the 1: 2^24 + 1 is no float32. (2^24 + 1 - 2^24) / 3 = 1/3.
        parts = [2.0**24, 1.0, -(2.0**24)]
        results = raise_first(run_ranks(3, lambda rank, s: average(s, [numpy.full(3, parts[rank], numpy.float32)])))
        for (held,) in results:
            self.assertEqual(held.tolist(), [numpy.float32(1 / 3)] * 3)

    def test_of_whole_numbers_the_greatest_counts_at_any_size(self):
        big = 2**60
        results = raise_first(run_ranks(3, lambda rank, s: average(s, [numpy.array([rank - big, big + rank])])))
        for (held,) in results:
            self.assertEqual(held.tolist(), [2 - big, big + 2])

    def test_more_than_one_chunk_of_each_type(self):
        def body(rank, session):
            return average(session, [numpy.arange(300_000, dtype=numpy.float32) * rank,
                                     numpy.arange(200_000, dtype=numpy.float64) + rank])

        # Mean of 0 and k is k / 2; of k and k + 1 k + 1/2.
        for single, double in raise_first(run_ranks(2, body)):
            numpy.testing.assert_array_equal(single, numpy.arange(300_000, dtype=numpy.float32) / 2)
            numpy.testing.assert_array_equal(double, numpy.arange(200_000) + 0.5)

    def test_models_that_differ_are_an_error_on_every_rank_that_names_the_first_difference(self):
        shapes = [(2, 3), (2, 3), (3, 2)]
        results = run_ranks(3, lambda rank, s: average(s, [numpy.zeros(shapes[rank], numpy.float32)], name="fc.weight"))
        for result in results:
            self.assertIsInstance(result, selmcast.InvalidInput)
            self.assertRegex(str(result), r"'fc.weight' f4 \[3, 2\]")

    def test_ranks_that_call_different_things_are_told_so(self):
        def body(rank, session):
            if rank == 0:
                return average(session, [numpy.zeros(2)])
            announced = [["x", "f8", [2]]]
            return session.rendezvous.collect("broadcast_parameters", "root", announced, (), (), timeout=30.0)

        for result in run_ranks(2, body):
            self.assertRegex(str(result), "must call the same, in the same order")

    def test_a_rank_that_has_gone_is_left_out_and_named(self):
        def body(rank, session):
            if rank == 1:
                return None  # its session is closed by run_ranks
            values = numpy.full(2, rank, numpy.float64)
            block = views(values)
            answer = session.rendezvous.collect("x", "average", [["x", "f8", [2]]], block, block, timeout=30.0)
            return values.tolist(), answer

        results = raise_first(run_ranks(3, body))
        # (0 + 2) / 2 = 1.
        self.assertEqual(results[0], ([1.0, 1.0], {"participants": 2, "missing": [1]}))
        self.assertEqual(results[2], results[0])

    def test_a_rank_that_does_not_come_is_a_timeout_that_names_it(self):
        def body(rank, session):
            if rank == 0:
                with self.assertRaisesRegex(selmcast.Timeout, r"nothing came of ranks \[1\]"):
                    average(session, [numpy.zeros(2)], timeout=0.2)
                session.rendezvous.set("seen", True)
            else:
                session.rendezvous.get("seen", 30.0)

        raise_first(run_ranks(2, body))


class Board(unittest.TestCase):
    def test_what_one_says_the_others_read(self):
        def body(rank, session):
            if rank == 0:
                session.rendezvous.set("where", {"address": "a:1"})
            return session.rendezvous.get("where", 30.0)

        self.assertEqual(raise_first(run_ranks(3, body)), [{"address": "a:1"}] * 3)

    def test_what_nobody_says_is_a_timeout(self):
        def body(rank, session):
            if rank == 0:
                return session.rendezvous.get("seen", 30.0)
            with self.assertRaisesRegex(selmcast.Timeout, "did not say 'nothing'"):
                session.rendezvous.get("nothing", 0.1)
            session.rendezvous.set("seen", True)

        raise_first(run_ranks(2, body))

    def test_when_rank_0_has_left_nobody_waits_for_what_it_did_not_say(self):
        results = run_ranks(2, lambda rank, s: s.rendezvous.get("nothing", WATCHDOG) if rank == 1 else None)
        self.assertIsInstance(results[1], selmcast.Unavailable)
        self.assertRegex(str(results[1]), "rank 0 has left without saying 'nothing': see its error")

    def test_ranks_that_want_different_managers_are_told_so(self):
        results = run_ranks(2, lambda rank, s: s.manager_for({"sync": ["bsp", "ssp"][rank]}))
        self.assertRegex(str(results[1]), "all must ask for the same")

    def test_ranks_that_do_not_know_where_to_meet_are_told_what_to_set(self):
        # As MPICH's mpiexec starts them: nothing names the job.
        for rank in "01":
            env = {"PMI_RANK": rank, "PMI_SIZE": "2", "MPI_LOCALRANKID": rank, "MPI_LOCALNRANKS": "2"}
            session = Session(launch_from(env), timeout=1.0, shutdown_timeout=0.0, quiet=True)
            with self.assertRaisesRegex(selmcast.InvalidInput, "started by pmi, .* set MASTER_ADDR and MASTER_PORT"):
                session.manager_for({})

    def test_what_a_program_asks_for_beside_flags_of_selmcast_run_must_be_the_same(self):
        flags = "sync=ssp;min_receivers=1;max_age=7;overlap=True;asked=1;staleness=4"
        env = {"SELMCAST_MANAGER": "127.0.0.1:7070", "SELMCAST_MANAGER_SETTINGS": flags}
        session = Session(launch_from(env), timeout=1.0, shutdown_timeout=0.0, quiet=True)
        for same in ({}, {"sync": "ssp", "overlap": True, "min_receivers": 1.0, "staleness": 4}, {"overlap": None}):
            self.assertEqual(session.manager_for(same), "127.0.0.1:7070")
        for other, texts in (
            ({"sync": "asp"}, ("sync asp", "sync ssp")),
            ({"overlap": False, "max_age": 7}, ("overlap False", "overlap True")),
            ({"seed": 3}, ("seed 3", "no seed")),
        ):
            text = "the program asks for {%s}, selmcast run was started with {%s}: make them the same" % texts
            with self.assertRaisesRegex(selmcast.InvalidInput, text):
                session.manager_for(other)

    def test_a_rank_that_comes_twice_is_told_so(self):
        port = free_port()
        envs = [{"RANK": rank, "WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "3", "MASTER_PORT": str(port)} for rank in "011"]
        errors = []

        def join(env):
            try:
                Session(launch_from(env), timeout=1.0, shutdown_timeout=0.0, quiet=True)
            except selmcast.Error as error:
                errors.append(str(error))

        threads = [threading.Thread(target=join, args=(env,)) for env in envs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WATCHDOG)
        # The one that came first, and rank 0, wait in vain for rank 2.
        self.assertEqual(len(errors), 3)
        self.assertEqual(sum("rank 1 is here already" in error for error in errors), 1, errors)

    def test_foreign_servers_on_its_ports_do_not_hold_a_rank_longer_than_its_timeout(self):
        # In virtual time: whoever connects waits all of its patience, nobody answers.
        clock, tried = [100.0], []

        def silent(address, timeout):
            clock[0] += timeout
            tried.append(address[1])
            raise TimeoutError("timed out")

        launch = launch_from({"RANK": "1", "WORLD_SIZE": "2", "SELMCAST_RENDEZVOUS": "127.0.0.1:5000"})
        with mock.patch("selmcast.rendezvous.socket.create_connection", silent), \
             mock.patch("selmcast.rendezvous.time.monotonic", lambda: clock[0]), \
             mock.patch("selmcast.rendezvous.time.sleep"):
            with self.assertRaisesRegex(selmcast.Unavailable, "found no rank 0"):
                Client(launch, 4.0)
        self.assertEqual(tried[:4], [5000, 5001, 5002, 5003])
        self.assertLess(clock[0] - 100.0, 4.0 + 4 * 0.05 + 1e-6)  # the last look takes 0.05 s a port at least

    def test_whatever_strangers_send_harms_nobody(self):
        port = free_port()
        env = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_PORT": str(port)}
        launch = launch_from({"RANK": "0", **env})
        server = Server(launch, WATCHDOG)
        hello = {"job": launch.job, "version": VERSION, "rank": 1, "world_size": 2}
        collect = {"op": "collect", "name": "1", "what": "x", "kind": "average", "root": 0,
                   "tensors": [["x", "f4", [2]]], "settings": {"every": 1}, "timeout": 0.01}
        requests = [
            {"op": "set", "key": "k", "value": [1, {"a": None}]},
            {"op": "get", "key": "k", "timeout": 0.01},
            collect,
            {**collect, "kind": "root", "root": 1},
            {"op": "bye"},
        ]
        seeds = [framed(hello), *(framed(hello) + framed(request) for request in requests),
                 framed(hello) + framed(collect, raw=b"12345678"), b"[" * 3000, framed(hello, text=b"[" * 60_000)]
        escaped = []
        draw = random.Random(7)
        with mock.patch("threading.excepthook", escaped.append):
            for _ in range(300):
                with socket.create_connection(launch.rendezvous, timeout=WATCHDOG) as stranger:
                    stranger.settimeout(0.02)  # for some requests there is no answer yet
                    try:
                        stranger.sendall(mutated(draw, draw.choice(seeds)))
                        while stranger.recv(4096):
                            pass
                    except OSError:
                        pass  # cut off, or no answer
                server._here.clear()  # the next one is rank 1 again
        self.assertEqual([str(one.exc_value) for one in escaped], [])
        server.close()

    def test_without_rank_0_a_rank_gives_up(self):
        with self.assertRaisesRegex(selmcast.Unavailable, "does rank 0 run"):
            selmcast.init(rank=1, world_size=2, rendezvous="127.0.0.1:1", timeout=0.1, environ={})


if __name__ == "__main__":
    unittest.main()
