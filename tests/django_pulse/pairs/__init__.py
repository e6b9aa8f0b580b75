"""Every merge rule on every type of field."""
