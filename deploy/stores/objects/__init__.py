"""The object store, and what lies in it: artifacts, captures, the signed release file."""
