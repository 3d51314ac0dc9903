"""What the pools' deployments have in common."""

HEALTH_CHECKS = {"health_check_period_s": 5.0, "health_check_timeout_s": 10.0}
"""A worker that stands still is replaced after three of them, and its calls fail: their jobs go on elsewhere."""
