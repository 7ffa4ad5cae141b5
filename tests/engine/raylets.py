"""A Ray cluster of several nodes on this machine, small, and started on a busy one too."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

MEMORY_BYTES = 80 * 2**20  # of a node's object store
SESSION = "session_wamlab"


class Raylets:
    """Nodes that can be added and killed.

    Ray gives a node's helper processes 15 s to write down their ports, else the node dies; on
    cores that are busy with other things it often does. Nobody here talks to the helpers, so the
    ports are written down beforehand.
    """

    def __init__(self, *num_cpus: int) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # a socket's path is short
        self._cluster = Cluster()
        self._nodes = []
        try:
            for num in num_cpus:
                self.add(num)
        except BaseException:
            self.close()
            raise

    @property
    def address(self) -> str:
        return self._cluster.address

    def add(self, num_cpus: int) -> None:
        node_id = ray.NodeID.from_random().hex()
        ports = dict(
            zip(("metrics_agent", "metrics_export", "runtime_env_agent"), _ports(3), strict=True)
        )
        folder = self._folder / SESSION
        folder.mkdir(exist_ok=True)
        for name, port in {**ports, "dashboard_agent_listen": -1}.items():
            (folder / f"{name}_port_{node_id}").write_text(str(port))
        is_head = {} if self._nodes else self._of_head()
        node = self._cluster.add_node(
            num_cpus=num_cpus,
            object_store_memory=MEMORY_BYTES,
            env_vars={"RAY_OVERRIDE_NODE_ID_FOR_TESTING": node_id},
            **{f"{name}_port": port for name, port in ports.items()},
            **is_head,
        )
        self._nodes.append(node)

    def kill_last(self) -> None:
        """As if its plug were pulled."""
        self._cluster.remove_node(self._nodes.pop(), allow_graceful=False)

    def close(self) -> None:
        self._cluster.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _of_head(self) -> dict[str, object]:
        return {
            "include_dashboard": False,
            "include_log_monitor": False,
            "session_name": SESSION,
            "temp_dir": str(self._folder),
        }


def _ports(number: int) -> list[int]:
    sockets = [socket.create_server(("", 0)) for _ in range(number)]
    ports = [open_socket.getsockname()[1] for open_socket in sockets]
    for open_socket in sockets:
        open_socket.close()
    return ports
