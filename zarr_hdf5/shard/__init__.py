"""Shards: standard Zarr shards that are, when asked for, HDF5 files too."""
