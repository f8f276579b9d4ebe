"""One name for many shards: the HDF5 master file of a hierarchy, whose virtual datasets are the arrays."""
