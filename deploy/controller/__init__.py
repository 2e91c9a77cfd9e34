"""The resident process that turns approvals into releases."""
