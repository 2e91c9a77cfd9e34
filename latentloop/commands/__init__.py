"""What the command line parses, and the one call that each command makes."""
