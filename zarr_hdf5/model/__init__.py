"""Zarr Object Models: what nodes and hierarchies are, without elements and without a place."""
