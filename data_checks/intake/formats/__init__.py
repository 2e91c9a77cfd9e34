"""The files of every format, read before anything is decoded."""
