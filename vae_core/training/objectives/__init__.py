"""What a step minimises: losses, their weights in time, number formats."""
