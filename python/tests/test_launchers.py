"""The same script under selmcast run, torchrun and mpirun, for real. All ranks end with the mean of their numbers."""

import os
import subprocess
import sys
import unittest

from ranks import WATCHDOG

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "job_script.py")
# (0 + 1) / 2.
EXPECTED = ["rank 0 of 2: 0.50", "rank 1 of 2: 0.50"]
# Debian 12's torchrun (1.13 under Python 3.11) fails on its defaults of --redirects and --tee; these mean the same.
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--redirects", "9:3", "--tee", "9:3"]
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--mca", "btl", "self,vader"]


def run(command, *arguments, **more):
    done = subprocess.run([*command, sys.executable, SCRIPT, *arguments], capture_output=True, text=True,
                          timeout=WATCHDOG, stdin=subprocess.DEVNULL, env={**os.environ, **more})
    return done.returncode, sorted(line for line in done.stdout.splitlines() if "rank" in line), done.stderr


class Launchers(unittest.TestCase):
    def test_selmcast_run(self):
        status, lines, errors = run([os.environ["SELMCAST_PROGRAM"], "run", "-n", "2", "--"])
        self.assertEqual((status, [line[4:] for line in lines]), (0, EXPECTED), errors)

    def test_torchrun(self):
        done = subprocess.run([*TORCHRUN, "--standalone", "--nproc_per_node", "2", SCRIPT], capture_output=True,
                              text=True, timeout=WATCHDOG, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, sorted(done.stdout.splitlines())), (0, EXPECTED), done.stderr)

    def test_mpirun(self):
        status, lines, errors = run([*MPIRUN, "-n", "2"])
        self.assertEqual((status, lines), (0, EXPECTED), errors)

    def test_srun(self):
        slurm = os.path.join(os.path.dirname(SCRIPT), "..", "..", "scripts", "one_node_slurm.sh")
        # The cluster has a network of its own: no variable of another launcher may lead out of it.
        status, lines, errors = run([slurm, "srun", "-n", "2"])
        self.assertEqual((status, lines), (0, EXPECTED), errors)

    def test_a_manager_that_is_named_is_used(self):
        command = [os.environ["SELMCAST_PROGRAM"], "manager", "--workers", "2", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as manager:
            address = manager.stdout.readline().strip()
            status, lines, errors = run([*MPIRUN, "-n", "2"], SELMCAST_MANAGER=address)
            self.assertEqual((status, lines), (0, EXPECTED), errors)
            _, log = manager.communicate(timeout=WATCHDOG)
            self.assertEqual(manager.returncode, 0)
            self.assertIn("round 1:", log)

    def test_when_rank_0_fails_nobody_waits_for_it(self):
        status, _, errors = run([os.environ["SELMCAST_PROGRAM"], "run", "-n", "2", "--"], "fail")
        self.assertEqual(status, 1)
        self.assertIn("rank 0 fails", errors)


if __name__ == "__main__":
    unittest.main()
