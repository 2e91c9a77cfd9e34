"""The versions that a replica has loaded: following the release, routing, batching."""
