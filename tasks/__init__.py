"""Thin Prefect tasks: get, call a pure function, put, return a value."""
