"""The model registry: MLflow's REST API, its limits, and who asks it."""
