"""selmcast.torch, each rank a thread of this process over the real data plane. Expected values are worked out
beside."""

import copy
import threading
import unittest
from unittest import mock

import selmcast
import torch
from ranks import raise_first, run_ranks
from selmcast.session import FAILED, Session
from selmcast.torch import DistributedOptimizer, Synchronizer, broadcast_parameters, consensus


class Line(torch.nn.Module):
    """One weight, and what a model may have besides."""

    def __init__(self, weight, dtype=torch.float32):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((3,), float(weight), dtype=dtype))
        self.frozen = torch.nn.Parameter(torch.full((2,), 100.0 + weight), requires_grad=False)
        self.register_buffer("mean", torch.full((2,), 10.0 * weight))
        self.register_buffer("count", torch.tensor(int(weight)))
        self.register_buffer("mask", torch.tensor([weight > 0]))

    def forward(self, x):
        return (self.weight * x).sum()


def everybody(session, model, **options):
    return Synchronizer(model, session=session, planner="broadcast", **options)


def sgd(session, model, lr=0.5, momentum=0.0, **options):
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=lr, momentum=momentum)
    return DistributedOptimizer(optimizer, model=model, session=session, planner="broadcast", **options)


def one_step(model, optimizer, gradient=1.0):
    optimizer.zero_grad()
    model(torch.full((3,), gradient)).backward()
    optimizer.step()


class Roles(unittest.TestCase):
    def test_parameters_and_float_buffers_are_averaged_counters_rise_the_rest_stays(self):
        def body(rank, session):
            model = Line(rank)
            report = everybody(session, model).step()
            return model, report

        for rank, (model, report) in enumerate(raise_first(run_ranks(3, body))):
            self.assertEqual(report.workers, 3)
            self.assertEqual(model.weight.tolist(), [1.0] * 3)  # (0 + 1 + 2) / 3
            self.assertEqual(model.mean.tolist(), [10.0] * 2)
            self.assertEqual(model.count.item(), 2)  # the greatest
            self.assertEqual(model.frozen.tolist(), [100.0 + rank] * 2)
            self.assertEqual(model.mask.tolist(), [rank > 0])

    def test_types_that_are_not_float32_take_what_they_can_hold(self):
        def body(rank, session):
            model = torch.nn.ParameterDict({
                # float32 has no 1e-12 beside 1; the change that was mixed in is 0, so it survives.
                "wide": torch.nn.Parameter(torch.tensor([1.0 + 1e-12], dtype=torch.float64)),
                "short": torch.nn.Parameter(torch.tensor([float(rank)], dtype=torch.float16)),
                "brain": torch.nn.Parameter(torch.tensor([float(2 * rank)], dtype=torch.bfloat16)),
            })
            everybody(session, model).step()
            return model

        for model in raise_first(run_ranks(2, body)):
            self.assertEqual(model["wide"].item(), 1.0 + 1e-12)
            self.assertEqual((model["short"].item(), model["brain"].item()), (0.5, 1.0))

    def test_a_shared_tensor_is_mixed_once(self):
        def body(rank, session):
            a = torch.nn.Linear(2, 2, bias=False)
            torch.nn.init.constant_(a.weight, rank)
            model = torch.nn.Sequential(a, a)
            synchronizer = everybody(session, model)
            synchronizer.step()
            return synchronizer.payload_bytes, a.weight[0, 0].item()

        self.assertEqual(raise_first(run_ranks(2, body)), [(16, 0.5)] * 2)

    def test_settings_that_differ_are_an_error_on_every_rank_with_both_values(self):
        for name, values in (
            ("every", (1, 2)), ("payload", ("bf16", "int8")), ("mixing", ("average", "push_sum")), ("seed", (None, 3)),
        ):
            results = run_ranks(2, lambda rank, s, n=name, v=values: everybody(s, Line(1), **{n: v[rank]}))
            for result in results:
                self.assertIsInstance(result, selmcast.InvalidInput)
                self.assertRegex(str(result), f"has {name} .* where rank [01] has {name} .*: all ranks must ask")

    def test_models_that_differ_are_an_error_on_every_rank_by_name_and_shape(self):
        results = run_ranks(2, lambda rank, s: everybody(s, torch.nn.Linear(2 + rank, 1)))
        for result in results:
            self.assertIsInstance(result, selmcast.InvalidInput)
            self.assertRegex(str(result), r"'weight \(parameter\)' f4 \[1, [23]\] where rank [01] has")

    def test_a_model_that_changed_since_it_was_announced_is_refused_by_name(self):
        model = Line(1)
        results = run_ranks(1, lambda rank, session: self.freeze_and_step(session, model))
        self.assertIsInstance(results[0], selmcast.InvalidInput)
        self.assertRegex(str(results[0]), "'weight' was .* frozen; close")

    @staticmethod
    def freeze_and_step(session, model):
        synchronizer = everybody(session, model)
        model.weight.requires_grad_(False)
        synchronizer.step()

    def test_a_model_with_nothing_to_synchronise_is_refused(self):
        self.assertRegex(str(run_ranks(1, lambda rank, s: everybody(s, torch.nn.ReLU()))[0]), "nothing to synchronise")


class Optimizers(unittest.TestCase):
    def test_a_step_is_the_optimisers_and_then_the_average(self):
        # w = k, gradient 1, rate 0.5: k - 0.5; mean over k = 0, 1, 2: 0.5.
        def body(rank, session):
            model = Line(rank)
            with sgd(session, model) as optimizer:
                one_step(model, optimizer)
                self.assertIsInstance(optimizer, torch.optim.SGD)
                self.assertEqual(optimizer.synchronizer.report.round, 0)
            return model.weight.tolist()

        self.assertEqual(raise_first(run_ranks(3, body)), [[0.5] * 3] * 3)

    def test_every_counts_steps_of_the_optimiser_not_backward_passes(self):
        # Two backward passes of 1 each a step: k - 0.5 * 2 = k - 1, then k - 2, and only then the mean: 0.5 - 2 = -1.5.
        def body(rank, session):
            model = Line(rank)
            optimizer = sgd(session, model, every=2)
            seen = []
            for _ in range(2):
                optimizer.zero_grad()
                for _ in range(2):
                    model(torch.ones(3)).backward()
                optimizer.step()
                seen.append(model.weight[0].item())
            return seen

        self.assertEqual(raise_first(run_ranks(2, body)), [[-1.0, -1.5], [0.0, -1.5]])

    def test_schedulers_made_before_or_after_and_closures_go_on_working(self):
        def body(rank, session):
            model = Line(rank)
            plain = torch.optim.SGD([model.weight], lr=0.5)
            before = torch.optim.lr_scheduler.StepLR(plain, step_size=1, gamma=0.5)
            optimizer = DistributedOptimizer(plain, model=model, session=session, planner="broadcast")
            after = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0)
            one_step(model, optimizer)
            before.step()
            rate = optimizer.param_groups[0]["lr"]
            after.step()
            loss = optimizer.step(lambda: torch.tensor(7.0))
            return optimizer.synchronizer.report.round, rate, loss.item()

        self.assertEqual(raise_first(run_ranks(2, body)), [(1, 0.25, 7.0)] * 2)

    def test_under_autocast_parameters_stay_float32_and_are_averaged(self):
        # Linear in bfloat16: 1 * 1 + 1 * 1 = 2 exactly, gradient 1 everywhere. Weights 1 + k: 0.5 + k, mean 1.
        def body(rank, session):
            model = torch.nn.Linear(2, 1, bias=False)
            torch.nn.init.constant_(model.weight, 1.0 + rank)
            optimizer = sgd(session, model)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                out = model(torch.ones(1, 2))
            out.float().sum().backward()
            optimizer.step()
            return out.dtype, model.weight.dtype, model.weight.tolist()

        for held in raise_first(run_ranks(2, body)):
            self.assertEqual(held, (torch.bfloat16, torch.float32, [[1.0, 1.0]]))

    def test_a_step_that_a_gradient_scaler_skips_does_not_count(self):
        # torch.cuda.amp.GradScaler itself, but for the kernel that looks for infinities, which torch 1.13 has for GPUs
        # only, and for scale(), which takes tensors of a GPU only.
        class Scaler(torch.cuda.amp.GradScaler):
            def __init__(self):
                super().__init__(init_scale=4.0)
                self._lazy_init_scale_growth_tracker(torch.device("cpu"))

            def _unscale_grads_(self, optimizer, inv_scale, found_inf, allow_fp16):
                bad = torch.zeros(1)
                for group in optimizer.param_groups:
                    for parameter in group["params"]:
                        parameter.grad.mul_(inv_scale)
                        bad += float(not parameter.grad.isfinite().all())
                return {torch.device("cpu"): bad}

        def body(rank, session):
            model = Line(rank)
            optimizer = sgd(session, model)
            scaler = scalers[rank]
            seen = []
            for gradient in (float("inf"), 1.0):
                optimizer.zero_grad()
                (model(torch.full((3,), gradient)) * 4.0).backward()
                scaler.step(optimizer)
                scaler._per_optimizer_states.clear()  # what update() does besides changing the scale, on a GPU
                report = optimizer.synchronizer.report
                seen.append((report.round if report else None, model.weight.tolist()))
            return seen

        with mock.patch("torch.cuda.is_available", lambda: True):  # without, it is one that does nothing
            scalers = [Scaler(), Scaler()]
        for rank, (skipped, stepped) in enumerate(raise_first(run_ranks(2, body))):
            self.assertEqual(skipped, (None, [float(rank)] * 3))
            self.assertEqual(stepped, (0, [0.0] * 3))  # k - 0.5 * 1, mean over 0 and 1

    def test_optimiser_state_stays_is_averaged_or_is_forgotten_as_asked(self):
        # Momentum after the first step is the gradient: 1 on rank 0, 3 on rank 1; mean 2.
        def body(rank, session):
            held = {}
            for kind in ("local", "average", "reset"):
                model = Line(rank)
                optimizer = sgd(session, model, momentum=0.9, optimizer_state=kind)
                one_step(model, optimizer, gradient=1.0 + 2 * rank)
                state = optimizer.state[model.weight]
                held[kind] = state["momentum_buffer"][0].item() if state else None
                optimizer.close()
            return held

        results = raise_first(run_ranks(2, body))
        self.assertEqual(results[0], {"local": 1.0, "average": 2.0, "reset": None})
        self.assertEqual(results[1], {"local": 3.0, "average": 2.0, "reset": None})

    def test_a_resumed_training_ends_with_the_same_bits(self):
        seeding = threading.Lock()

        def train(rank, session, steps, checkpoint=None, save_at=None):
            with seeding:  # the seed is the process's, the ranks are threads
                torch.manual_seed(rank)
                model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1))
            broadcast_parameters(model, session=session)
            optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
            optimizer = DistributedOptimizer(optimizer, model=model, session=session, planner="broadcast", every=2)
            first = 0
            if checkpoint is not None:
                model.load_state_dict(checkpoint["model"])
                optimizer.load_state_dict(checkpoint["optimizer"])
                first = checkpoint["step"]
            for step in range(first, steps):
                batch = torch.randn(8, 4, generator=torch.Generator().manual_seed(100 * rank + step))
                optimizer.zero_grad()
                model(batch).square().mean().backward()
                optimizer.step()
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": steps}
            return copy.deepcopy(state)

        whole = raise_first(run_ranks(2, lambda rank, s: train(rank, s, 6)))
        half = raise_first(run_ranks(2, lambda rank, s: train(rank, s, 3)))  # in the middle of `every`
        resumed = raise_first(run_ranks(2, lambda rank, s: train(rank, s, 6, half[rank])))
        for a, b in zip(whole, resumed):
            for name, tensor in a["model"].items():
                self.assertTrue(torch.equal(tensor, b["model"][name]), name)
            self.assertEqual(a["optimizer"]["selmcast"], {"version": 1, "steps": 6, "rounds": 3})
            self.assertEqual(b["optimizer"]["selmcast"], {"version": 1, "steps": 6, "rounds": 3})

    def test_the_plain_optimiser_can_load_what_the_distributed_one_saved(self):
        def body(rank, session):
            model = Line(rank)
            optimizer = sgd(session, model, momentum=0.9)
            one_step(model, optimizer)
            torch.optim.SGD([model.weight], lr=1.0, momentum=0.9).load_state_dict(optimizer.state_dict())

        raise_first(run_ranks(1, body))

    def test_ssp_and_push_sum_train_too_and_unequal_numbers_of_steps_do_not_hang(self):
        # All start with the same value and the rate is 0: whoever meets whom, with whatever weight, every mixture is 1.
        def body(rank, session):
            model = Line(1)
            optimizer = sgd(session, model, lr=0.0, sync="ssp", staleness=1, mixing="push_sum")
            for _ in range(4 + 3 * rank):
                one_step(model, optimizer)
            report = consensus(model, session=session)
            return report.workers, model.weight.tolist()

        for workers, weight in raise_first(run_ranks(3, body)):
            self.assertEqual(workers, 3)
            self.assertTrue(torch.allclose(torch.tensor(weight), torch.ones(3)))

    def test_with_overlap_ranks_compute_on_while_they_send_and_the_end_is_drained(self):
        # Each step takes 0.1 off the weight, the same on all ranks, so after six all are at 0.4; what is mixed in comes
        # from ranks that are at most 3 rounds apart (staleness 2, and the snapshot), and moves it by less than 3 steps.
        def body(rank, session):
            model = Line(1)
            with sgd(session, model, lr=0.1, sync="ssp", staleness=2, overlap=True) as optimizer:
                for _ in range(6):
                    one_step(model, optimizer)
                synchronizer = optimizer.synchronizer
                synchronizer.drain()
                self.assertEqual(synchronizer._worker.drain(synchronizer._block.flat).mixed_with, ())  # nothing is left
            return synchronizer.report.round, model.weight.tolist()

        for round_, weight in raise_first(run_ranks(3, body)):
            self.assertEqual(round_, 5)
            for value in weight:
                self.assertAlmostEqual(value, 0.4, delta=0.3)

    def test_a_lone_rank_trains_on(self):
        def body(rank, session):
            model = Line(4)
            broadcast_parameters(model, session=session)
            optimizer = sgd(session, model)
            one_step(model, optimizer)
            return optimizer.synchronizer.report.workers, model.weight[0].item(), consensus(model, session=session)

        self.assertEqual(run_ranks(1, body), [(1, 3.5, (1, (), 0.0))])

    def test_wrong_options_say_what_there_is(self):
        for options, text in (
            ({"every": 0}, "at least 1"),
            ({"payload": "float8"}, "float32, float16, bfloat16, int8"),
            ({"optimizer_state": "median"}, "local, average, reset"),
            ({"staleness": 3}, "only sync ssp has one"),
        ):
            self.assertRegex(str(run_ranks(2, lambda rank, s, o=options: sgd(s, Line(1), **o), timeout=3.0)[0]), text)

    def test_wrong_options_are_refused_before_anybody_is_asked(self):
        for options, text in (
            ({"overlap": True}, "only for sync ssp and asp; give sync="),
            ({"overlap": True, "sync": "bsp"}, "only for sync ssp and asp; give sync="),
            ({"syncc": "ssp"}, "no option syncc; there are .*emulated_uplink_bps.* sync"),
        ):
            with mock.patch.object(Session, "manager_for") as manager_for:
                result = run_ranks(1, lambda rank, s, o=options: sgd(s, Line(1), **o))[0]
            self.assertIsInstance(result, selmcast.InvalidInput)
            self.assertRegex(str(result), text)
            manager_for.assert_not_called()

    def test_the_end_is_drained_whoever_asked_for_overlap_but_not_after_a_failure(self):
        def body(rank, session):
            drained = []
            for why in ("done", FAILED):
                synchronizer = everybody(session, Line(1), sync="ssp", staleness=2)
                synchronizer.step()
                with mock.patch.object(synchronizer._worker, "drain", wraps=synchronizer._worker.drain) as drain:
                    synchronizer.close(why)
                drained.append(drain.call_count)
            return drained

        self.assertEqual(raise_first(run_ranks(2, body)), [[1, 0]] * 2)


class AllAtOnce(unittest.TestCase):
    def test_a_broadcast_gives_everybody_the_roots_model_bit_for_bit(self):
        def body(rank, session):
            model = Line(rank)
            model.register_buffer("odd", torch.tensor([0.1 + rank, float("nan"), -0.0], dtype=torch.float64))
            broadcast_parameters(model, root=1, session=session)
            return model

        for model in raise_first(run_ranks(3, body)):
            self.assertEqual(model.weight.tolist(), [1.0] * 3)
            self.assertEqual(model.frozen.tolist(), [101.0] * 2)
            self.assertEqual((model.count.item(), model.mask.tolist()), (1, [True]))
            self.assertEqual(repr(model.odd.tolist()), repr([1.1, float("nan"), -0.0]))

    def test_a_broadcast_of_models_that_differ_names_the_first_difference(self):
        results = run_ranks(2, lambda rank, s: broadcast_parameters(torch.nn.Linear(2, 3 + rank), session=s))
        for result in results:
            self.assertIsInstance(result, selmcast.InvalidInput)
            self.assertRegex(str(result), r"'weight \(float32\)' f4 \[[34], 2\]")

    def test_a_consensus_is_the_exact_average_and_tells_how_far_the_models_were(self):
        # Weights 0 and 2, means 0 and 20, all in float32: average 1 and 10. Squared distances of each rank:
        # 3 * 1 + 2 * 100 = 203; squared length of the average: 3 * 1 + 2 * 100 = 203. Distance sqrt(203 / 203) = 1.
        def body(rank, session):
            model = Line(2 * rank)
            report = consensus(model, session=session)
            return report, model

        for rank, (report, model) in enumerate(raise_first(run_ranks(2, body))):
            self.assertEqual(report, (2, (), 1.0))
            self.assertEqual(model.weight.tolist() + model.mean.tolist(), [1.0] * 3 + [10.0] * 2)
            self.assertEqual((model.count.item(), model.frozen[0].item()), (2, 100.0 + 2 * rank))


if __name__ == "__main__":
    unittest.main()
