"""`python -m zarr_hdf5`."""

import sys

from zarr_hdf5.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
