"""The settings in force, as a page, a table and JSON."""
