"""`latentloop quarantine`: what was refused, why, which setting would have let it in, and the ways out."""
