"""Management commands, as one calls them."""
