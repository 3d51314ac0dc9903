"""How many replicas an ingress deployment should have, counting requests on its own port too.

Serve counts what came through the gateway; each replica reports what its port is answering. The policy is named in
deployment options, `autoscaling_config: {policy: {policy_function: "serve_apps.autoscaling:by_requests_in_flight"}}`;
Serve applies the configured delays, factors and bounds to what is returned here.
"""

from typing import Any

IN_FLIGHT = "port_in_flight"
"""Name of the figure that each replica reports."""


def by_requests_in_flight(context: Any) -> tuple[float, dict[str, Any]]:
    """Wanted replicas for a `ray.serve.config.AutoscalingContext`, and no state to keep."""
    on_ports = sum((context.aggregated_metrics or {}).get(IN_FLIGHT, {}).values())
    in_flight = context.total_num_requests + on_ports
    return in_flight / context.config.get_target_ongoing_requests(), {}
