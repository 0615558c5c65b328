"""`selmcast run`: variables, prefixes, exit statuses, signals, and that nothing is left behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from ranks import WATCHDOG

RUN = [os.environ["SELMCAST_PROGRAM"], "run"]
TRAIN = os.environ["SELMCAST_PROGRAM"] + "-train"
if not os.path.exists(TRAIN):
    TRAIN = None


def run(*arguments, **options):
    return subprocess.run([*RUN, *arguments], capture_output=True, text=True, timeout=WATCHDOG, **options)


def is_there(pid):
    """Whether the process is still there (a zombie that nobody has reaped is not)."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(condition):
    until = time.monotonic() + WATCHDOG
    while not condition():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.01)


class Started:
    """`selmcast run` in the background; ``pids`` are what its ranks print first."""

    def __init__(self, ranks, *arguments):
        self.process = subprocess.Popen([*RUN, "-n", str(ranks), *arguments], stdout=subprocess.PIPE, text=True)
        self.lines = [self.process.stdout.readline().split() for _ in range(ranks)]

    def end(self):
        self.process.stdout.close()
        return self.process.wait(WATCHDOG)


class Run(unittest.TestCase):
    def test_ranks_find_what_torchrun_sets_and_their_lines_carry_their_number(self):
        names = "RANK LOCAL_RANK WORLD_SIZE LOCAL_WORLD_SIZE MASTER_ADDR OMP_NUM_THREADS"
        done = run("-n", "3", "--", "sh", "-c", "echo " + " ".join("$" + name for name in names.split()))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(done.stdout.splitlines()), [f"[{k}] {k} {k} 3 3 127.0.0.1 1" for k in range(3)])

    def test_a_payload_is_handed_on_by_its_full_name_and_an_unknown_one_is_refused(self):
        done = run("-n", "1", "--payload", "bf16", "--", "sh", "-c", "echo $SELMCAST_PAYLOAD")
        self.assertEqual(done.stdout, "[0] bfloat16\n")
        self.assertEqual(run("-n", "1", "--", "sh", "-c", "echo $SELMCAST_PAYLOAD").stdout, "[0] \n")
        done = run("-n", "1", "--payload", "int4", "--", "true")
        self.assertEqual(done.returncode, 2)
        self.assertIn("choose one of float32, float16, bfloat16, int8", done.stderr)

    def test_a_manager_is_started_unless_one_is_named(self):
        done = run("-n", "1", "--sync", "ssp", "--", "sh", "-c", "echo $SELMCAST_MANAGER $SELMCAST_MANAGER_SETTINGS")
        self.assertRegex(done.stdout, r"^\[0\] 127.0.0.1:\d+ sync=ssp;.*;overlap=False;asked=1;staleness=4\n$")
        plain = run("-n", "1", "--", "sh", "-c", "echo $SELMCAST_MANAGER_SETTINGS")
        self.assertRegex(plain.stdout, r"^\[0\] sync=bsp;.*;overlap=False;asked=0\n$")
        kind = run("-n", "1", "--multicast", "network", "--", "sh", "-c", "echo $SELMCAST_MANAGER_SETTINGS")
        self.assertRegex(kind.stdout, r";multicast=network;.*;asked=1\n$")
        echo = "echo $SELMCAST_MANAGER/$SELMCAST_MANAGER_SETTINGS"
        named = run("-n", "1", "--manager", "127.0.0.1:9", "--", "sh", "-c", echo)
        self.assertEqual(named.stdout, "[0] 127.0.0.1:9/\n")

    def test_the_status_of_the_rank_that_fails_is_the_commands_and_the_others_are_ended(self):
        done = run("-n", "3", "--", "sh", "-c", "[ $RANK = 1 ] && exit 7; exec sleep 1000")
        self.assertEqual(done.returncode, 7)
        self.assertIn("[run] rank 1 ended with status 7; ending the others", done.stderr)

    def test_a_rank_that_fails_is_started_again_as_often_as_is_said(self):
        with tempfile.TemporaryDirectory() as folder:
            script = f"echo x >> {folder}/$RANK; [ $RANK = 0 ] && exec sleep $1; [ $(wc -l < {folder}/1) -ge $0 ]"
            done = run("-n", "2", "--elastic", "--max-restarts", "1", "--", "sh", "-c", script, "2", "3")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("[run] rank 1 ended with status 1; it is started again in 1 s (1 of 1)", done.stderr)
            os.unlink(f"{folder}/1")
            done = run("-n", "2", "--elastic", "--max-restarts", "1", "--", "sh", "-c", script, "9", "1000")
            self.assertEqual(done.returncode, 1)
            self.assertIn("[run] rank 1 ended with status 1; ending the others", done.stderr)
        done = run("-n", "2", "--max-restarts", "1", "--", "true")
        self.assertEqual(done.returncode, 2)
        self.assertIn("needs --elastic", done.stderr)

    @unittest.skipUnless(TRAIN, "needs selmcast-train")
    def test_a_killed_rank_and_a_killed_manager_come_back_into_the_training(self):
        with tempfile.TemporaryDirectory() as folder:
            process = subprocess.Popen(
                [*RUN, "-n", "3", "--elastic", "--state", f"{folder}/state", "--min-receivers", "1", "--", "sh", "-c",
                 f"echo $$ > {folder}/$RANK; exec $0 worker --rounds 24 --steps 1 --batch 8 --uplink-bps 1e8 "
                 f"--downlink-bps 1.5e7 --out {folder}", TRAIN],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            text = []

            def until(what):
                for line in process.stdout:
                    text.append(line)
                    if what in line:
                        return
                self.fail(f"'{what}' never came: " + "".join(text))

            until("round 3/")
            with open(f"{folder}/1") as pid:
                os.kill(int(pid.read()), signal.SIGKILL)
            until("[run] rank 1 ended with status 137; it is started again in 1 s (1 of 3)")
            until("the training runs already")
            children = subprocess.run(["pgrep", "-P", str(process.pid), "-f", "manager --port 0"], capture_output=True,
                                      text=True, check=True).stdout.split()
            os.kill(int(children[0]), signal.SIGKILL)
            until("[run] the manager was ended by signal 9: it is started again")
            text += process.stdout.readlines()
            process.stdout.close()
            self.assertEqual(process.wait(WATCHDOG), 0, "".join(text))
            self.assertIn("all workers have left: done", "".join(text))

    def test_a_rank_that_ignores_sigterm_is_killed_after_the_grace(self):
        done = run("-n", "2", "--grace", "0.1", "--", "sh", "-c",
                   "[ $RANK = 1 ] && exit 7; trap '' TERM; while :; do sleep 0.1; done")
        self.assertEqual(done.returncode, 7)

    def test_wrong_usage_is_status_2_and_names_the_remedy(self):
        for arguments, text in (
            (("-n", "2"), "python3 train.py"),
            (("-n", "2", "python3", "train.py"), "not expected"),
            (("-n", "2", "--manager", "127.0.0.1:9", "--sync", "ssp", "--", "true"), "are its own"),
            (("-n", "2", "--planner", "best", "--", "true"), "there is no planner 'best'"),
            (("-n", "2", "--min-receivers", "2", "--", "true"), "min_receivers 2"),
        ):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(text, done.stderr)
        missing = run("-n", "2", "--", "no-such-program")
        self.assertEqual(missing.returncode, 1)
        self.assertIn("no-such-program", missing.stderr)

    def test_signals_are_passed_on_and_the_status_says_which(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            # exec: the shell's own handling of SIGINT is not what is tested.
            started = Started(2, "--", "sh", "-c", "echo $$; exec sleep 1000")
            started.process.send_signal(number)
            self.assertEqual(started.end(), 128 + number)
            for _, pid in started.lines:
                self.assertFalse(is_there(pid))

    def test_processes_that_ranks_leave_behind_are_ended_too(self):
        started = Started(1, "--", "sh", "-c", "sleep 1000 & echo $!; exit 0")
        self.assertEqual(started.end(), 0)
        eventually(lambda: not is_there(started.lines[0][1]))

    def test_ranks_die_with_a_command_that_is_killed(self):
        started = Started(2, "--", "sh", "-c", "echo $$; exec sleep 1000")
        started.process.kill()
        self.assertEqual(started.end(), -signal.SIGKILL)
        for _, pid in started.lines:
            eventually(lambda: not is_there(pid))

    def test_two_jobs_side_by_side_do_not_disturb_each_other(self):
        script = "import selmcast; selmcast.init(); print(selmcast.rank(), selmcast.world_size())"
        command = [*RUN, "-n", "2", "--", sys.executable, "-c", script]
        jobs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for job in jobs:
            out, _ = job.communicate(timeout=WATCHDOG)
            self.assertEqual(sorted(out.splitlines()), ["[0] 0 2", "[1] 1 2"])
            self.assertEqual(job.returncode, 0)


if __name__ == "__main__":
    unittest.main()
