"""The command `zarr-hdf5`."""
