#!/bin/sh
# What mpirun calls in place of ssh to start its daemon on a host of a testbed: mpi_agent.sh ADDRESS COMMAND...
# SELMCAST_NAMESPACES holds "ADDRESS=NAMESPACE ...". A host name of its own keeps Open MPI from taking all hosts for one.
address=$1
shift
for entry in $SELMCAST_NAMESPACES; do
  case $entry in
    "$address="*)
      exec unshare --uts sh -c 'echo "$1" > /proc/sys/kernel/hostname && exec ip netns exec "$2" sh -c "$3"' sh \
        "h$(echo "$address" | tr . -)" "${entry#*=}" "$*"
      ;;
  esac
done
echo "mpi_agent.sh: no namespace for $address" >&2
exit 1
