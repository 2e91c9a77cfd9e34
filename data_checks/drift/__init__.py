"""Has the world moved away from a version's reference, and what should be done about it? Judges, watch and triage."""
