"""Small pieces that every room may use; nothing here knows what a pipeline is."""
