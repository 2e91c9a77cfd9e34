"""The SQL databases: ledger, release, digests, telemetry and pairs."""
