"""Programs of their own, which a damaged file may bring down."""

import os
import sys

__all__ = ["ENVIRONMENT"]

# Without coverage, with which the many files take half as long again; the other tests reach the same lines.
_WITHOUT = ("COVERAGE_PROCESS_START", "PYTHONPATH")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in _WITHOUT}
ENVIRONMENT["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
