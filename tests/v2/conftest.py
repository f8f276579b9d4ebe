import sys
from pathlib import Path

# For the modules that these tests share: pytest's import mode "importlib" makes no folder of tests importable.
sys.path.insert(0, str(Path(__file__).parent))
