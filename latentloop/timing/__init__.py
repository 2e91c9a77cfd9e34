"""How long things take, and how often a person is told."""
