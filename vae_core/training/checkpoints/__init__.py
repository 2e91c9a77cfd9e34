"""What of a training outlives its process."""
