"""What versions make of images, measured and compared."""
