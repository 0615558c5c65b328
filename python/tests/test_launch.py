"""Who and where a process is, from what launchers set. Values as the launchers set them (Open MPI 4.1, torchrun
1.13)."""

import unittest

from selmcast import InvalidInput
from selmcast.launch import first_host, launch_from, parse_address


class Launch(unittest.TestCase):
    def test_without_a_launcher_a_process_is_alone(self):
        found = launch_from({})
        self.assertEqual((found.rank, found.world_size, found.rendezvous, found.manager), (0, 1, None, None))

    def test_torchrun_on_one_machine_meets_on_loopback_next_to_the_master_port(self):
        found = launch_from({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "3", "LOCAL_WORLD_SIZE": "4",
                             "MASTER_ADDR": "host.example", "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "x"})
        self.assertEqual((found.rank, found.world_size, found.local_rank), (3, 4, 3))
        self.assertEqual(found.rendezvous, ("127.0.0.1", 29501))

    def test_torchrun_on_several_machines_meets_at_the_master(self):
        found = launch_from({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2",
                             "MASTER_ADDR": "10.0.0.7", "MASTER_PORT": "65534"})
        # 65535 is the last port: the four are looked for below.
        self.assertEqual(found.rendezvous, ("10.0.0.7", 65530))

    def test_a_restarted_job_is_another_job(self):
        first = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_PORT": "29500",
                 "TORCHELASTIC_RUN_ID": "x", "TORCHELASTIC_RESTART_COUNT": "0"}
        again = dict(first, TORCHELASTIC_RESTART_COUNT="1")
        self.assertNotEqual(launch_from(first).job, launch_from(again).job)

    def test_ranks_of_open_mpi_compute_the_same_port_from_the_jobs_number(self):
        env = {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "OMPI_MCA_ess_base_jobid": "592445441"}
        found = [launch_from({**env, "OMPI_COMM_WORLD_RANK": rank}) for rank in "01"]
        self.assertEqual([one.rank for one in found], [0, 1])
        self.assertEqual(found[0].rendezvous, found[1].rendezvous)
        host, port = found[0].rendezvous
        self.assertEqual(host, "127.0.0.1")
        self.assertTrue(20000 <= port < 32000)
        other = launch_from({**env, "OMPI_COMM_WORLD_RANK": "0", "OMPI_MCA_ess_base_jobid": "592445442"})
        self.assertNotEqual(other.job, found[0].job)

    def test_open_mpi_on_several_machines_needs_the_masters_address(self):
        env = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
               "OMPI_MCA_ess_base_jobid": "1"}
        self.assertIsNone(launch_from(env).rendezvous)
        named = launch_from({**env, "MASTER_ADDR": "10.0.0.7", "MASTER_PORT": "29500"})
        self.assertEqual(named.rendezvous, ("10.0.0.7", 29501))

    def test_mpich_says_pmi(self):
        found = launch_from({"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2",
                             "MASTER_PORT": "29500"})
        self.assertEqual((found.rank, found.world_size, found.rendezvous), (1, 2, ("127.0.0.1", 29501)))

    def test_slurm_meets_on_the_first_node_of_the_step(self):
        env = {"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "77",
               "SLURM_STEP_ID": "0", "SLURM_STEP_NODELIST": "gpu[03-05,9],cpu1", "SLURM_STEP_NUM_NODES": "4"}
        found = launch_from(env)
        self.assertEqual((found.rank, found.world_size, found.local_rank), (5, 8, 1))
        self.assertEqual(found.rendezvous[0], "gpu03")

    def test_a_batch_script_of_slurm_outside_srun_is_alone(self):
        self.assertEqual(launch_from({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}).world_size, 1)

    def test_selmcasts_own_variables_come_last_and_fill_in(self):
        env = {"SELMCAST_RANK": "1", "SELMCAST_WORLD_SIZE": "2", "SELMCAST_RENDEZVOUS": "127.0.0.1:4000",
               "SELMCAST_MANAGER": "127.0.0.1:7070", "SELMCAST_MANAGER_SETTINGS": "sync=bsp;max_age=7"}
        found = launch_from(env)
        self.assertEqual((found.rank, found.world_size), (1, 2))
        self.assertEqual((found.rendezvous, found.manager), (("127.0.0.1", 4000), "127.0.0.1:7070"))
        self.assertEqual(found.manager_settings, {"sync": "bsp", "max_age": "7"})
        self.assertEqual(launch_from({**env, "RANK": "0", "WORLD_SIZE": "3"}).world_size, 3)

    def test_nonsense_is_named(self):
        for env, text in (
            ({"RANK": "one", "WORLD_SIZE": "2"}, "RANK='one' is not a whole number"),
            ({"RANK": "1"}, "WORLD_SIZE is not: set both"),
            ({"RANK": "2", "WORLD_SIZE": "2"}, "rank 2 of 2"),
            ({"SELMCAST_MANAGER": "localhost"}, "give host:port"),
        ):
            with self.assertRaisesRegex(InvalidInput, text.replace("(", r"\(")):
                launch_from(env)

    def test_addresses_and_lists_of_nodes(self):
        self.assertEqual(parse_address("[::1]:80", "x"), ("::1", 80))
        self.assertEqual(first_host("node7"), "node7")
        self.assertEqual(first_host("a-[12,14]"), "a-12")


if __name__ == "__main__":
    unittest.main()
