"""What is noticed about a training while it runs."""
