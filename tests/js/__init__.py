"""Documents and JavaScript Yjs."""
