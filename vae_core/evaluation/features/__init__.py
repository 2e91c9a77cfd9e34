"""The feature network, and the features of fixed sets."""
