import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGES: dict[str, str] = json.loads((HERE / "package.json").read_text())["dependencies"]


def installed(folder: Path) -> bool:
    """Whether the very versions of package.json are there."""
    manifests = [folder / "node_modules" / name / "package.json" for name in PACKAGES]
    found = [json.loads(path.read_text())["version"] if path.exists() else None for path in manifests]
    return found == list(PACKAGES.values())


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the installed packages: kept in $ZARR_HDF5_NODE_MODULES, or made for this run."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    kept = os.environ.get("ZARR_HDF5_NODE_MODULES")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("npm")
    if not installed(folder):
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", folder)
        command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--fetch-retries=0"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=180)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"npm install failed: {error.stderr[-500:]}")
        except subprocess.TimeoutExpired as error:
            pytest.skip(str(error))
        assert installed(folder)
    return folder / "node_modules"
