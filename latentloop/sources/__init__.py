"""Where images come from: a folder or a bucket, what its names and tables mean, and how it becomes capture segments."""
