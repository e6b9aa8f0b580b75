"""A model with a field for every merge rule."""
