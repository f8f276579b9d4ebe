"""HDF5 files that nobody here wrote, seen as Zarr hierarchies."""
