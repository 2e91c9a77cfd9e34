"""Images on their way into a model: size, preprocessing, damage."""
