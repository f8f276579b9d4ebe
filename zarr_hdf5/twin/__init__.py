"""The dictionary between the two vocabularies: what is said in Zarr, and the same in HDF5.

Used by the rooms where both meet; itself it reads and writes nothing.
"""
