"""What follows a collapse: another attempt, or an older snapshot."""
