#!/usr/bin/env bash
# Runs a command in a Slurm cluster of one node, made for it and gone with it: a test of `srun` on a machine that is no
# cluster. Needs root and Debian's packages slurmctld, slurmd and slurm-client (slurm-wlm); nothing need be configured.
#
#     scripts/one_node_slurm.sh srun -n 4 /usr/bin/python3 train.py
#
# Everything lives in namespaces of its own (processes, mounts, host name, and a network that is nothing but loopback),
# its files in memory there: however it ends, kill -9 included, no process, file or open port is left, and a Slurm that
# the machine has is not touched. Without authentication (auth/none): there is nobody to keep out. Exit status: the command's;
# 1 if the cluster does not come up within 60 s, with the daemons' logs; 2 for wrong usage.
set -euo pipefail

complain() {
  echo "one_node_slurm.sh: $1" >&2
  exit "${2:-1}"
}

if [[ ${SELMCAST_SLURM_INSIDE:-} == "" ]]; then
  usage="usage: $0 COMMAND [ARGUMENT]..., for one: $0 srun -n 4 hostname"
  [[ ${1:-} != -h && ${1:-} != --help ]] || { echo "$usage"; exit 0; }
  (($#)) || complain "$usage" 2
  ((EUID == 0)) || complain "namespaces and slurmd need root" 2
  for program in slurmctld slurmd srun unshare; do
    command -v "$program" >/dev/null || PATH=$PATH:/usr/sbin command -v "$program" >/dev/null ||
      complain "there is no $program: apt-get install slurm-wlm" 2
  done
  # Whoever ends this ends unshare, and that the first process of the namespace, and the kernel all others.
  SELMCAST_SLURM_INSIDE=1 exec unshare --net --pid --mount --uts --fork --kill-child --mount-proc "$0" "$@"
fi

folder=/etc/slurm  # of the package; hidden by a file system that nobody else sees
mount -t tmpfs selmcast_slurm "$folder"
unset SELMCAST_SLURM_INSIDE
PATH=$PATH:/usr/sbin
hostname localhost
ip link set lo up
# Slurm asks for addresses of families that the machine has, and loopback does not count for one: a link to nowhere
# does.
ip link add here type veth peer name nowhere
ip address add 192.0.2.1/32 dev here
# Four tasks and more must fit, however few processors there are.
cat > "$folder/slurm.conf" <<CONF
ClusterName=selmcast
SlurmctldHost=localhost(127.0.0.1)
NodeName=localhost NodeAddr=127.0.0.1 CPUs=16 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
SlurmdParameters=config_overrides
AuthType=auth/none
CredType=cred/none
SlurmUser=root
SlurmdUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
CONF
mkdir "$folder/state" "$folder/spool"
export SLURM_CONF=$folder/slurm.conf

slurmctld -D >"$folder/slurmctld.out" 2>&1 &
slurmd -D -N localhost >"$folder/slurmd.out" 2>&1 &

deadline=$((SECONDS + 60))
until [[ $(timeout 5 sinfo --noheader --format=%T 2>/dev/null) == idle ]]; do
  if ((SECONDS > deadline)); then
    tail -n 30 "$folder"/*.log "$folder"/*.out >&2
    complain "the cluster did not come up within 60 s"
  fi
  sleep 0.1
done

status=0
"$@" || status=$?
exit "$status"  # the first process of the namespace: all others end with it
