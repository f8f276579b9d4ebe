"""Zarr v2, read: its documents as the v3 metadata that describe the very same chunks."""
