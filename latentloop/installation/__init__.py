"""The installation of this machine: started, found, opened, stopped."""
