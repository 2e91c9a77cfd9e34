"""What is live, where it is kept, and how a change reaches it; knows no Prefect library."""
