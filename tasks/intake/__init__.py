"""From captured files to rows of catalogue and quarantine."""
