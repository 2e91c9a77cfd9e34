"""Prefect's server, its workers and our deployments."""
