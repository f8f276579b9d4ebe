"""Zarr v3 codecs: arrays to bytes and back, one file per page of the specification."""
