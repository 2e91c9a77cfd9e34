"""The images of a training: which rows, which hold-outs, how they are read."""
