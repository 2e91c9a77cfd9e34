"""How settings are read, checked, explained and compared; `deploy.settings` puts it together."""
