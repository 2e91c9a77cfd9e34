"""`latentloop doctor`: what can be wrong before anything is started, one line each with what to do."""
