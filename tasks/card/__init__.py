"""The model card: what a person sees before she decides about a version."""
