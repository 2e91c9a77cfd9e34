"""The commands around a version: approve, reject, deliver, roll back."""
