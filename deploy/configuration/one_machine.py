"""The settings in which two machines of one installation may differ: where things are, what one machine lends."""

OF_ONE_MACHINE = frozenset(
    {
        "home", "assets_folder", "fashion_mnist", "timezone",
        "database_url", "telemetry_url", "objects_url", "mlflow_url", "prefect_url", "service_url",
        "s3", "prefect_auth",
        "training.device", "training.threads", "training.pixels_in_memory_bytes",
        "serving.host", "serving.port", "serving.replica", "serving.threads", "serving.decode_threads",
    }
)  # fmt: skip
