"""A model on a GPU, where there is one, and otherwise the same on the CPU: staging, mixed precision, start and end.

Which it was is printed. On a GPU the scaler is torch's own, whole; test_torch.py has what of it runs without.
"""

import unittest

import torch
from ranks import raise_first, run_ranks
from selmcast.torch import DistributedOptimizer, Synchronizer, broadcast_parameters, consensus

HAS_GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if HAS_GPU else "cpu")


def net(rank):
    """One weight of 2, one of 3 in half precision, BatchNorm's buffers: all k on rank k, but for what BatchNorm has."""
    model = torch.nn.ModuleDict({
        "first": torch.nn.Linear(2, 1, bias=False),
        "short": torch.nn.Linear(3, 1, bias=False).to(torch.bfloat16),
        "norm": torch.nn.BatchNorm1d(4),
    })
    for name in ("first", "short"):
        torch.nn.init.constant_(model[name].weight, float(rank))
    model["norm"].running_mean.fill_(10.0 * rank)
    model["norm"].num_batches_tracked.fill_(rank)
    return model.to(DEVICE)


class Device(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"on {torch.cuda.get_device_name() if HAS_GPU else 'the CPU: no GPU is here'}")

    def test_all_start_with_rank_0s_model(self):
        def body(rank, session):
            model = net(rank + 1)
            broadcast_parameters(model, session=session)
            return model

        for model in raise_first(run_ranks(2, body)):
            self.assertEqual(model["first"].weight.device.type, DEVICE.type)
            self.assertEqual(model["first"].weight.tolist() + model["short"].weight.tolist(), [[1.0] * 2, [1.0] * 3])
            self.assertEqual(model["norm"].num_batches_tracked.item(), 1)

    def test_what_is_exchanged_goes_through_pinned_memory_and_comes_back_in_its_type_and_place(self):
        # Means over k = 0, 1: 0.5, and 5; of counters the greatest.
        def body(rank, session):
            model = net(rank)
            synchronizer = Synchronizer(model, session=session, planner="broadcast", payload="bf16")
            synchronizer.step()
            return model, synchronizer._block.flat.is_pinned() if HAS_GPU else HAS_GPU

        for model, is_pinned in raise_first(run_ranks(2, body)):
            self.assertEqual(is_pinned, HAS_GPU)
            self.assertEqual(model["first"].weight.device.type, DEVICE.type)
            self.assertEqual(model["short"].weight.dtype, torch.bfloat16)
            self.assertEqual(model["first"].weight.tolist() + model["short"].weight.tolist(), [[0.5] * 2, [0.5] * 3])
            self.assertEqual(model["norm"].running_mean.tolist(), [5.0] * 4)
            self.assertEqual(model["norm"].num_batches_tracked.item(), 1)

    def test_mixed_precision_trains_and_a_skipped_step_does_not_count(self):
        # Gradient 1 at rate 0.5: k - 0.5, mean 0; before it, with the scaler, one of infinity, which is skipped.
        def body(rank, session):
            model = torch.nn.Linear(2, 1, bias=False).to(DEVICE)
            torch.nn.init.constant_(model.weight, float(rank))
            plain = torch.optim.SGD(model.parameters(), lr=0.5)
            optimizer = DistributedOptimizer(plain, model=model, session=session, planner="broadcast")
            scaler = torch.cuda.amp.GradScaler(init_scale=4.0, enabled=HAS_GPU)
            seen = []
            for x in ([float("inf"), 1.0] if HAS_GPU else [1.0]):
                optimizer.zero_grad()
                with torch.autocast(DEVICE.type, dtype=torch.float16 if HAS_GPU else torch.bfloat16):
                    loss = model(torch.full((1, 2), x, device=DEVICE)).float().sum()
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
                seen.append(optimizer.synchronizer.report)
            return [report.round if report else None for report in seen], model.weight.tolist()

        expected = [None, 0] if HAS_GPU else [0]
        self.assertEqual(raise_first(run_ranks(2, body)), [(expected, [[0.0, 0.0]])] * 2)

    def test_the_consensus_is_exact(self):
        def body(rank, session):
            model = net(rank)
            return consensus(model, session=session).workers, model["first"].weight.tolist()

        self.assertEqual(raise_first(run_ranks(2, body)), [(2, [[0.5, 0.5]])] * 2)


if __name__ == "__main__":
    unittest.main()
