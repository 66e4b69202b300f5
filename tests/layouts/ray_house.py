"""A small Ray cluster on this machine, in processes of its own: a head that draws nothing, and two others.

Says its address, loses the second machine at the line 'remove', and ends with its input.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

STORE = 80 << 20
LOOPBACK = "127.0.0.2"
"""Ray takes 127.0.0.1 for the address by which others know this machine, and that may be open to a network."""


@dataclass
class House:
    """The cluster's address, and the process that keeps it."""

    address: str
    process: subprocess.Popen[str]

    def remove_machine(self) -> None:
        """One machine of two is gone, as if its plug had been pulled."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("remove\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "removed\n"


@contextmanager
def house() -> Iterator[House]:
    """A cluster for as long as the block lasts."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, __file__], text=True, env=surroundings(), **pipes) as process:
        try:
            yield House(process.stdout.readline().strip(), process)
        finally:
            process.stdin.close()
            process.wait(30)


def surroundings() -> dict[str, str]:
    """What processes of the cluster find: the tests' modules, one thread, a token that lies in no home folder."""
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "5" * 32}
    return {**os.environ, **token, "PYTHONPATH": tests, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}


def main() -> None:
    """Keeps the cluster."""
    from ray.cluster_utils import Cluster

    size = {"object_store_memory": STORE, "include_dashboard": False, "node_ip_address": LOOPBACK}
    cluster = Cluster(initialize_head=True, head_node_args={**size, "num_cpus": 0})
    machines = [cluster.add_node(num_cpus=1, **size) for _ in range(2)]
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line == "remove\n":
            cluster.remove_node(machines.pop(), allow_graceful=False)
            print("removed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
