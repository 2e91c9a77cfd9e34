"""What the ledger holds of the life of versions, and who may write it."""
