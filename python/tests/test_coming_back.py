"""Ranks that are killed and started again, with real processes: alone (selmcast run --elastic), or all (torchrun)."""

import os
import subprocess
import sys
import tempfile
import unittest

from ranks import WATCHDOG
from test_launchers import TORCHRUN

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "job_coming_back.py")
RUN = [os.environ["SELMCAST_PROGRAM"], "run"]


class ComingBack(unittest.TestCase):
    def ranks(self, command, *arguments):
        """Their lines, without the launcher's number in front."""
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=WATCHDOG,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return [line[line.index("rank "):] for line in done.stdout.splitlines() if " life " in line], done.stderr

    def a_killed_rank_comes_back(self, optimizer_state):
        with tempfile.TemporaryDirectory() as folder:
            lines, errors = self.ranks([*RUN, "-n", "3", "--elastic", "--min-receivers", "1", "--", sys.executable],
                                       SCRIPT, folder, optimizer_state)
            self.assertIn("rank 1 ended with status 137; it is started again", errors)
            self.assertIn("caught up: the mixture of", errors)
            for rank in (0, 2):
                self.assertIn(f"rank {rank} life 0: weight 100", lines)
                self.assertIn(f"rank {rank} life 0: consensus of 2, without [1]: 100", lines)
            self.assertIn("rank 1 life 1: consensus of 1, without [0, 2]: 100", lines)
            return next(line for line in lines if line.startswith("rank 1 life 1: weight"))

    def test_a_killed_rank_comes_back_with_the_parameters_of_the_others(self):
        self.assertEqual(self.a_killed_rank_comes_back("local"),
                         "rank 1 life 1: weight 100, momentum its own, caught up True")

    def test_and_with_their_optimizer_state_where_that_travels(self):
        self.assertEqual(self.a_killed_rank_comes_back("average"),
                         "rank 1 life 1: weight 100, momentum theirs, caught up True")

    def test_torchrun_starts_all_ranks_again_and_they_go_on_from_their_checkpoint(self):
        with tempfile.TemporaryDirectory() as folder:
            lines, _ = self.ranks([*TORCHRUN, "--standalone", "--nproc_per_node", "2", "--max_restarts", "1"], SCRIPT,
                                  folder, "checkpoint")
            self.assertEqual(sorted(lines), [f"rank {rank} life 1: from step 7, weight 100, rounds 12"
                                             for rank in (0, 1)])


if __name__ == "__main__":
    unittest.main()
