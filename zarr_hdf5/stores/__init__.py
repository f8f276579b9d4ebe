"""Stores: objects under keys, in a directory or in memory. Knows keys, ranges and versions; no format."""
