"""One file that is HDF5 and a zipped Zarr hierarchy at once.

[ superblock, mark ][ members: shards and chunks ][ HDF5 metadata, chunk indexes ][ zarr.json members, ZIP directory ]

HDF5 is read from the front, ZIP from the back, and both allow gaps: HDF5's chunk indexes point into the members. All
that is new is written behind all that is old; the superblock, which says where the file ends and with that where the
directory is, comes last.
"""
