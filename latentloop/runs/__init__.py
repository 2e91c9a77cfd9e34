"""Runs that work elsewhere: started, followed, joined, cancelled."""
