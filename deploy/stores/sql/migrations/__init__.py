"""The history of the SQL tables, run by `deploy.stores.sql.database.migrate`."""
