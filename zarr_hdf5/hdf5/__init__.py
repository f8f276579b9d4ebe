"""HDF5 files: bytes and addresses, a file for each structure of the format. Not a word of Zarr."""
