"""Deploys the Serve applications and stays: SIGTERM drains and removes them. Run as `python -m`, by the supervisor."""

import signal
import sys
import time
from types import FrameType

import ray
from ray import serve
from ray.serve._private.api import serve_start
from ray.serve.schema import ApplicationStatus, ServeDeploySchema

from muniment.local.serve_configuration import configuration_path, read_configuration, with_address
from storage.settings import get_settings

HOOKS = {"worker_process_setup_hook": "muniment.local.ray_hooks.bind_replicas_to_loopback"}
POLL_SECONDS = 0.2


def deploy() -> None:
    """What `serve run` does with a configuration file. `serve.run` would be public, but takes no such file."""
    settings = get_settings()
    config = ServeDeploySchema.model_validate(
        with_address(read_configuration(configuration_path()), settings.host, settings.gateway_port)
    )
    client = serve_start(http_options=config.http_options.model_dump(), proxy_location=config.proxy_location)
    client.deploy_apps(config, _blocking=False)


def wait_until_running() -> None:
    """The supervisor sets the time limit; a deployment that has failed is not worth waiting for."""
    while True:
        applications = serve.status().applications
        for name, application in applications.items():
            if application.status == ApplicationStatus.DEPLOY_FAILED:
                sys.exit(f"The application {name} could not be deployed: {application.message}")
        if applications and all(found.status == ApplicationStatus.RUNNING for found in applications.values()):
            return
        time.sleep(POLL_SECONDS)


def leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    ray.init(address="auto", namespace="serve", log_to_driver=False, runtime_env=HOOKS)
    # After ray.init, which installs a handler of its own.
    signal.signal(signal.SIGTERM, leave)
    try:
        deploy()
        wait_until_running()
        while True:
            signal.pause()
    finally:
        serve.shutdown()


if __name__ == "__main__":
    main()
