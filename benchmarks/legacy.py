"""HDF5 files read in place, beside h5py, kerchunk and VirtualiZarr: all benchmarks of that in one command.

python benchmarks/legacy.py --dir /dev/shm
"""

import argparse
import subprocess
import sys
from pathlib import Path

SCRIPTS = ("legacy_first_value.py", "legacy_read.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", default=None, help="where to write; default: a temporary directory")
    options = parser.parse_args()
    common = ["--rounds", str(options.rounds), *(["--dir", options.dir] if options.dir else [])]
    for script in SCRIPTS:
        print(f"\n== {script}", flush=True)
        subprocess.run([sys.executable, str(Path(__file__).with_name(script)), *common], check=True)


if __name__ == "__main__":
    main()
