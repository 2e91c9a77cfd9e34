"""The runbook: one flow a module, one step a line, branching only on a verdict or a plan."""
