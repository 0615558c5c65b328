"""The examples run, at small size. Where accuracy is looked at, the bound is far below what they reach
(docs/python.md)."""

import os
import re
import subprocess
import sys
import unittest

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "python")
RUN = [os.environ["SELMCAST_PROGRAM"], "run"]
WATCHDOG = 250.0


def run(ranks, name, *arguments):
    done = subprocess.run([*RUN, "-n", str(ranks), "--", sys.executable, os.path.join(EXAMPLES, name), *arguments],
                          capture_output=True, text=True, timeout=WATCHDOG)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def accuracy(text):
    return float(re.search(r"accuracy ([\d.]+) %", text)[1])


class Examples(unittest.TestCase):
    def test_numpy(self):
        self.assertGreater(accuracy(run(2, "numpy_regression.py", "2")), 60)

    def test_fashion_mnist_and_its_ddp_twin_learn_alike(self):
        flags = ("--examples", "4000", "--epochs", "1")
        ours = run(2, "pytorch_fashion_mnist.py", *flags, "--planner", "broadcast")
        self.assertIn("average of 2 models", ours)
        # Averaging parameters after every step of SGD is averaging gradients: same as DDP, but for BatchNorm's buffers.
        self.assertLess(abs(accuracy(ours) - accuracy(run(2, "pytorch_fashion_mnist_ddp.py", *flags))), 3)

    def test_char_transformer(self):
        text = run(2, "char_transformer.py", "--steps", "50", "--width", "16", "--length", "16")
        bits = [float(found) for found in re.findall(r"step 50: ([\d.]+) bits", text)]
        self.assertEqual(len(bits), 2)
        self.assertLess(max(bits), 6)  # from log2 of about 100 characters, 6.6


if __name__ == "__main__":
    unittest.main()
