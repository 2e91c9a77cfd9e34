"""How each kind of request body is read; what it may cost is in `limits`."""
