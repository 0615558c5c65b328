"""A rank that is killed and does not come again, with real processes: what the others' consensus() says then."""

import os
import subprocess
import sys
import unittest

from ranks import WATCHDOG, free_port

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "job_dead_rank.py")


class DeadRank(unittest.TestCase):
    def outcomes(self, victim, when):
        """What the ranks but the victim say, and all that was written to standard error."""
        port = str(free_port())
        ranks = []
        for rank in range(3):
            env = {**os.environ, "RANK": str(rank), "WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "3", "MASTER_PORT": port}
            ranks.append(subprocess.Popen([sys.executable, SCRIPT, str(victim), when], env=env, text=True,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        try:
            said = [rank.communicate(timeout=WATCHDOG) for rank in ranks]
        finally:
            for rank in ranks:
                rank.kill()
        self.assertEqual(ranks[victim].returncode, -9, said[victim])
        return [out for rank, (out, _) in enumerate(said) if rank != victim], "".join(err for _, err in said)

    def test_who_died_while_all_trained_is_left_out_and_named(self):
        lines, errors = self.outcomes(1, "training")
        # (0 + 2) / 2 = 1.
        self.assertEqual(lines, [f"rank {rank} soon: consensus of 2, without [1]: 1.0\n" for rank in (0, 2)], errors)
        self.assertIn("consensus without ranks [1], which have left: 2 models", errors)

    def test_who_dies_while_its_model_is_added_up_is_an_error_that_names_it(self):
        # The sum has a part of its model: there is no average.
        lines, errors = self.outcomes(1, "consensus")
        for rank, line in zip((0, 2), lines):
            self.assertRegex(line, f"^rank {rank} soon: Unavailable: rank 1 was lost in the middle of", errors)

    def test_without_rank_0_nobody_adds_up_and_the_others_are_told_so(self):
        lines, errors = self.outcomes(0, "consensus")
        for rank, line in zip((1, 2), lines):
            self.assertRegex(line, f"^rank {rank} soon: Unavailable: .*rank 0", errors)


if __name__ == "__main__":
    unittest.main()
