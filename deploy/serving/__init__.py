"""The inference service; imports no prefect, mlflow, great_expectations or evidently."""
