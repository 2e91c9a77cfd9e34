"""What networks are built of: convolutions down and up, first weights, the shape of an image."""
