import sys
from pathlib import Path

# For the table of cases, `codec_cases`: pytest's import mode "importlib" makes no folder of tests importable.
sys.path.insert(0, str(Path(__file__).parent))
