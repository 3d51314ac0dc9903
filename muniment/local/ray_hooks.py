"""What Ray itself has no option for; each is called through a hook that Ray offers."""

from typing import Any


def without_ray_client(parameters: Any, _head: bool) -> None:
    """`RAY_START_HOOK`: do not start the Ray Client server, a process and a port that nothing here uses."""
    parameters.ray_client_server_port = None


def bind_replicas_to_loopback() -> None:
    """`worker_process_setup_hook`: a replica's server for calls between deployments binds every address in Ray 2.60.

    It unpickles what it receives, so it must not be reachable from outside the machine.
    """
    from ray._common import tls_utils

    bind = tls_utils.add_port_to_grpc_server

    def on_loopback(server: Any, address: str) -> int:
        port: int = bind(server, address.replace("[::]", "127.0.0.1"))
        return port

    tls_utils.add_port_to_grpc_server = on_loopback
