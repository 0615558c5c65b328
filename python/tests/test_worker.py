"""selmcast.Worker and selmcast.Manager over the real data plane, with whatever holds float32."""

import array
import itertools
import json
import os
import signal
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

import numpy
import selmcast
from ranks import WATCHDOG


def train(count, make, rounds=1, **options):
    """``count`` workers, each a thread; worker k synchronises ``make(k)``. Returns what they hold, and their
    reports."""
    with selmcast.Manager(count, planner="broadcast") as manager:
        held, reports = [None] * count, [None] * count

        def one(k):
            held[k] = make(k)
            with selmcast.Worker(manager.address, f"w{k}", [("x", (6,))], **options) as worker:
                for _ in range(rounds):
                    reports[k] = worker.synchronize(held[k])

        threads = [threading.Thread(target=one, args=(k,)) for k in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WATCHDOG)
        assert manager.wait(WATCHDOG)
    return held, reports


class Multicasts(unittest.TestCase):
    # Everybody gets everybody's model: k ones of k = 0, 1, 2 become 1 everywhere, however they travel, over as many
    # connections as each likes. The journal says how; by network they come to loopback's groups.
    def test_models_travel_by_any_kind_of_multicast(self):
        cases = itertools.product(("unicast", "relay", "network"), ((1, 1, 1), (3, 1, 16)))
        for kind, streams in cases:
            with self.subTest(kind, streams=streams), tempfile.TemporaryDirectory() as folder:
                journal = f"{folder}/journal.jsonl"
                held = [numpy.full(100_000, k, numpy.float32) for k in range(3)]
                with selmcast.Manager(3, planner="broadcast", multicast=kind, journal=journal) as manager:

                    def one(k):
                        tensors = [("x", (100_000,))]
                        with selmcast.Worker(manager.address, f"w{k}", tensors, streams=streams[k]) as worker:
                            for _ in range(3):
                                worker.synchronize(held[k])

                    threads = [threading.Thread(target=one, args=(k,)) for k in range(3)]
                    for thread in threads:
                        thread.start()
                    for thread in threads:
                        thread.join(WATCHDOG)
                    self.assertTrue(manager.wait(WATCHDOG))
                for model in held:
                    numpy.testing.assert_allclose(model, numpy.ones(100_000), rtol=1e-6)
                with open(journal) as lines:
                    events = [json.loads(line) for line in lines]
                self.assertEqual(events[0]["multicast"], kind)
                rounds = [event for event in events if event["event"] == "round"]
                self.assertEqual(len(rounds), 3)
                for event in rounds:
                    self.assertEqual({one["state"] for one in event["deliveries"]}, {"committed"})

    def test_a_kind_that_there_is_not_is_told_with_those_that_there_are(self):
        with self.assertRaisesRegex(selmcast.InvalidInput, "there are unicast, relay, network and auto"):
            selmcast.Manager(3, multicast="smoke")


class Streams(unittest.TestCase):
    def test_the_environment_may_say_how_many(self):
        for said, complaint in (("17", "streams must be 1 to 16"), ("many", "SELMCAST_STREAMS is 'many'")):
            with mock.patch.dict("os.environ", {"SELMCAST_STREAMS": said}):
                with self.assertRaisesRegex(selmcast.InvalidInput, complaint):
                    selmcast.Worker("127.0.0.1:1", "w0", [("x", (6,))])
        with mock.patch.dict("os.environ", {"SELMCAST_STREAMS": "17"}):  # what the program says counts
            with self.assertRaises(selmcast.Unavailable):
                selmcast.Worker("127.0.0.1:1", "w0", [("x", (6,))], streams=4, connect_timeout=0.1)


class Coming(unittest.TestCase):
    # Everybody holds 1; so does who comes, whatever it held before.
    def test_a_worker_that_comes_late_gets_what_the_others_have(self):
        with selmcast.Manager(2, elastic=True, planner="broadcast") as manager:
            started, done = threading.Event(), threading.Event()

            def one(k):
                held = numpy.ones(6, numpy.float32)
                with selmcast.Worker(manager.address, f"w{k}", [("x", (6,))]) as worker:
                    self.assertFalse(worker.came_late)
                    while not done.is_set():
                        worker.synchronize(held)
                        started.set()

            threads = [threading.Thread(target=one, args=(k,)) for k in range(2)]
            for thread in threads:
                thread.start()
            try:
                self.assertTrue(started.wait(WATCHDOG))
                held = numpy.full(6, numpy.nan, numpy.float32)
                with selmcast.Worker(manager.address, "w9", [("x", (6,))]) as worker:
                    self.assertTrue(worker.came_late)
                    self.assertEqual(worker.id, 2)
                    with self.assertRaisesRegex(selmcast.InvalidInput, "catch_up"):
                        worker.synchronize(held)
                    report = worker.catch_up(held)
                    self.assertEqual(report.mixed_with, (0, 1))
                    self.assertEqual(held.tolist(), [1.0] * 6)
                    self.assertEqual(worker.synchronize(held).round, report.next_round)
                    self.assertEqual(held.tolist(), [1.0] * 6)
            finally:
                done.set()
                for thread in threads:
                    thread.join(WATCHDOG)
            self.assertTrue(manager.wait(WATCHDOG))


class Mixing(unittest.TestCase):
    # Worker k starts with k everywhere. Broadcast to all: everybody holds the mean, (0 + 1 + 2) / 3 = 1.
    def test_numpy_arrays_are_mixed_in_place_and_threads_wait_without_the_gil(self):
        held, reports = train(3, lambda k: numpy.full(6, k, numpy.float32), rounds=2)
        for k in range(3):
            numpy.testing.assert_allclose(held[k], 1, rtol=1e-6)
            self.assertEqual(reports[k].round, 1)
            self.assertEqual(set(reports[k].mixed_with), {0, 1, 2} - {k})
            self.assertEqual(reports[k].sent_to, reports[k].mixed_with)
            self.assertEqual(reports[k].workers, 3)
            self.assertGreater(reports[k].elapsed_seconds, 0)

    def test_anything_with_a_buffer_will_do(self):
        held, _ = train(2, lambda k: memoryview(array.array("f", [k] * 6)))
        self.assertEqual(held[0].tolist(), [0.5] * 6)

    def test_tensors_with_dlpack_are_mixed_in_place(self):
        class OnlyDlpack:
            def __init__(self, k):
                self.array = numpy.full((2, 3), k, numpy.float32)

            def __dlpack__(self):
                return self.array.__dlpack__()

        held, _ = train(2, OnlyDlpack)
        self.assertEqual(held[1].array.tolist(), [[0.5] * 3] * 2)

    def test_parameters_are_named_views_of_one_block(self):
        p = selmcast.Parameters({"weight": (2, 3), "bias": (3,)})
        p["bias"][:] = 7
        self.assertEqual(p.flat.tolist(), [0] * 6 + [7] * 3)
        self.assertEqual(p.tensors, [("weight", (2, 3)), ("bias", (3,))])


class Refusals(unittest.TestCase):
    def test_memory_that_cannot_be_written_in_place_is_a_type_error_that_names_the_remedy(self):
        read_only = numpy.zeros(6, numpy.float32)
        read_only.flags.writeable = False
        with selmcast.Manager(1) as manager, selmcast.Worker(manager.address, "w0", [("x", (6,))]) as worker:
            for wrong, text in (
                (numpy.zeros(6), "format 'd'"),
                (numpy.zeros(12, numpy.float32)[::2], "not contiguous"),
                (read_only, "read-only"),
                ([0.0] * 6, "neither a buffer nor DLPack"),
            ):
                with self.assertRaisesRegex(TypeError, text + ".*numpy array"):
                    worker.synchronize(wrong)
            with self.assertRaises(selmcast.InvalidInput):
                worker.synchronize(numpy.zeros(5, numpy.float32))
            # None of this ended the session.
            self.assertEqual(worker.synchronize(numpy.zeros(6, numpy.float32)).mixed_with, ())
            worker.close()
            with self.assertRaises(selmcast.Cancelled):
                worker.synchronize(numpy.zeros(6, numpy.float32))

    def test_errors_have_the_classes_that_python_programs_catch(self):
        with self.assertRaisesRegex(ValueError, "there are average, push_sum, staleness"):
            selmcast.Worker("127.0.0.1:1", "w0", [("x", (6,))], mixing="median")
        with self.assertRaises((ConnectionError, TimeoutError)):
            selmcast.Worker("127.0.0.1:1", "w0", [("x", (6,))], connect_timeout=0.2)
        with self.assertRaisesRegex(selmcast.InvalidInput, "bsp, ssp and asp"):
            selmcast.Manager(1, sync="sometimes")

    def test_settings_of_a_manager_that_make_no_sense_are_told_in_words(self):
        with self.assertRaisesRegex(selmcast.InvalidInput, "with state=FILE: give both"):
            selmcast.Manager(1, patience=5)
        for name in ("elastic", "overlap"):
            with self.assertRaisesRegex(selmcast.InvalidInput, f"{name} is True or False, not 'yes'"):
                selmcast.Manager(1, **{name: "yes"})

    def test_a_state_says_in_the_users_words_which_setting_differs(self):
        with tempfile.TemporaryDirectory() as folder:
            state = f"{folder}/state"
            selmcast.Manager(1, state=state, patience=60).close()
            with self.assertRaisesRegex(selmcast.InvalidInput, r"another patience \(60.0, and now 5.0\)"):
                selmcast.Manager(1, state=state, patience=5)

    def test_a_model_that_differs_is_rejected_with_its_first_difference(self):
        with selmcast.Manager(2) as manager:
            errors = []

            def one(k):
                try:
                    selmcast.Worker(manager.address, f"w{k}", [("fc.weight", (6 + k, 2))]).close()
                except selmcast.Error as error:
                    errors.append(error)
                    manager.stop("seen")

            threads = [threading.Thread(target=one, args=(k,)) for k in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(WATCHDOG)
            self.assertIsInstance(errors[0], selmcast.Rejected)
            self.assertRegex(str(errors[0]), r"tensor 'fc.weight' \[[67], 2\] should be 'fc.weight' \[[67], 2\]")


class Interrupts(unittest.TestCase):
    def interrupt_when_main_is_in(self, function):
        """Sends SIGINT once the main thread is inside the call of the extension that ``function`` makes."""

        def later():
            main = threading.main_thread().ident
            while True:
                code = sys._current_frames()[main].f_code
                if code.co_name == function and code.co_filename.endswith("selmcast/worker.py"):
                    break
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=later, daemon=True).start()

    def test_ctrl_c_ends_a_connect_that_waits_for_others(self):
        # One of two: the other never comes, and the join timeout is a minute away.
        with selmcast.Manager(2) as manager:
            self.interrupt_when_main_is_in("__init__")
            with self.assertRaises(KeyboardInterrupt):
                selmcast.Worker(manager.address, "w0", [("x", (6,))])

    def test_ctrl_c_ends_a_synchronisation_that_waits_for_others(self):
        with selmcast.Manager(2) as manager:
            other = []
            join = lambda: other.append(selmcast.Worker(manager.address, "w1", [("x", (6,))]))  # noqa: E731
            thread = threading.Thread(target=join)
            thread.start()
            with selmcast.Worker(manager.address, "w0", [("x", (6,))]) as worker:
                thread.join(WATCHDOG)
                self.interrupt_when_main_is_in("synchronize")
                with self.assertRaises(KeyboardInterrupt):
                    worker.synchronize(numpy.zeros(6, numpy.float32))  # the other one computes for ever
            other[0].close()


if __name__ == "__main__":
    unittest.main()
