"""Payloads that round, through selmcast.torch: what is exact, what is not, and that all ranks must agree."""

import unittest
from unittest import mock

import selmcast
import torch
from ranks import raise_first, run_ranks
from selmcast.launch import launch_from
from selmcast.session import Session
from selmcast.torch import Synchronizer, consensus
from test_torch import Line, everybody, one_step, sgd


def everybody_alone(payload):
    launch = launch_from({})
    return everybody(Session(launch, timeout=1.0, shutdown_timeout=0.0, quiet=True), Line(1), payload=payload)


class Payloads(unittest.TestCase):
    NAMES = ("float32", "float16", "bfloat16", "int8")

    def test_parameters_are_rounded_on_their_way_and_nothing_else_is(self):
        # Weights 0.1 and 0.3, mean 0.2. A receiver mixes its own exact value with a rounded one: off by half of the
        # error bound at most, 0.3 / 127 of int8. Means 10 k and counts k must come through as they are.
        bounds = {"float32": 1e-8, "float16": 0.3 * 2**-10, "bfloat16": 0.3 * 2**-7, "int8": 0.3 / 127 * 1.001}
        sizes = {"float32": 12, "float16": 6, "bfloat16": 6, "int8": 7}  # of three values

        def body(rank, session, payload):
            model = Line(rank)
            torch.nn.init.constant_(model.weight, 0.1 + 0.2 * rank)
            synchronizer = everybody(session, model, payload=payload)
            synchronizer.step()
            return model, synchronizer.payload_bytes, synchronizer.payload

        for name in self.NAMES:
            for model, size, said in raise_first(run_ranks(2, lambda rank, s, n=name: body(rank, s, n))):
                self.assertEqual((size, said), (sizes[name] + 4 * (2 + 1), name))
                for value in model.weight.tolist():
                    self.assertAlmostEqual(value, 0.2, delta=bounds[name] / 2 + 1e-7)
                self.assertEqual((model.mean.tolist(), model.count.item()), ([5.0] * 2, 1))

    def test_a_consensus_is_exact_whatever_the_payload(self):
        def body(rank, session):
            model = Line(0)
            torch.nn.init.constant_(model.weight, 0.1 + 0.2 * rank)
            everybody(session, model, payload="int8")
            consensus(model, session=session)
            return model.weight.tolist()

        expected = ((torch.tensor(0.1) + 0.0).double() + torch.tensor(0.1 + 0.2).double()) / 2
        self.assertEqual(raise_first(run_ranks(2, body)), [[expected.float().item()] * 3] * 2)

    def test_with_push_sum_masses_add_up_to_the_ranks_whatever_the_payload(self):
        def body(rank, session):
            synchronizer = Synchronizer(Line(rank), session=session, planner="random", min_receivers=1,
                                        mixing="push_sum", payload="int8")
            for _ in range(5):
                report = synchronizer.step()
            return report.own_weight

        self.assertEqual(sum(raise_first(run_ranks(3, body))), 3.0)

    def test_what_selmcast_run_says_is_taken_and_must_not_be_contradicted(self):
        with mock.patch.dict("os.environ", {"SELMCAST_PAYLOAD": "bf16"}):
            said = raise_first(run_ranks(2, lambda rank, s: everybody(s, Line(1)).payload))
            self.assertEqual(said, ["bfloat16"] * 2)
            self.assertEqual(everybody_alone("bfloat16").payload, "bfloat16")
            with self.assertRaisesRegex(selmcast.InvalidInput, "asks for payload int8, SELMCAST_PAYLOAD .* bfloat16"):
                everybody_alone("int8")

    def test_init_may_say_it_for_all(self):
        def said(session, **options):
            session.payload = "bf16"
            return everybody(session, Line(1), **options).payload

        self.assertEqual(raise_first(run_ranks(2, lambda rank, s: said(s))), ["bfloat16"] * 2)
        self.assertEqual(raise_first(run_ranks(2, lambda rank, s: said(s, payload="int8"))), ["int8"] * 2)
        with self.assertRaisesRegex(selmcast.InvalidInput, "there are float32, float16, bfloat16, int8"):
            selmcast.init(payload="int4", environ={})

    def test_a_resumed_training_ends_with_the_same_bits_with_a_payload_that_rounds(self):
        def train(rank, session, steps, weight):
            model = Line(0)
            with torch.no_grad():
                model.weight.copy_(weight)
            optimizer = sgd(session, model, payload="int8")
            for _ in range(steps):
                one_step(model, optimizer, gradient=0.1 * (1 + rank))
            return model.weight.detach().clone()

        begin = torch.tensor([0.1, 0.2, 0.3])
        whole = raise_first(run_ranks(2, lambda rank, s: train(rank, s, 6, begin)))
        half = raise_first(run_ranks(2, lambda rank, s: train(rank, s, 3, begin)))
        resumed = raise_first(run_ranks(2, lambda rank, s: train(rank, s, 3, half[rank])))
        for a, b in zip(whole, resumed):
            self.assertEqual(a.tolist(), b.tolist())


if __name__ == "__main__":
    unittest.main()
