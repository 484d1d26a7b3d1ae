"""Datasets that need no other package: files of text, JSON, YAML, pickles and tables, here or at any fsspec URL."""
