"""The notebooks run as they are, and what is shown in them is what they give."""

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.e2e.conftest import ROOT, Cluster

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
A_CELL_SECONDS = 120
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(autouse=True)
def nothing_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings, kernels or history of the person who runs the tests, and nothing left with them."""
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "1")


def run(path: Path, cluster: Cluster, folder: Path) -> Any:
    """The notebook with what its cells give, run for a tenant of its own."""
    tenant = f"notebook-{path.stem.replace('_', '-')}"
    key = cluster.client().tenants.create(tenant).api_key
    assert key is not None
    assert key.secret is not None
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder),
        "MUNIMENT_URL": cluster.gateway_url,
        "MUNIMENT_FILES_URL": cluster.files_url,
        "MUNIMENT_EXTRACTION_URL": cluster.extraction_url,
        "MUNIMENT_API_KEY": key.secret,
        "MUNIMENT_TENANT": tenant,
    }
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # it has no types
    NotebookClient(
        notebook, kernel_name="python3", timeout=A_CELL_SECONDS, resources={"metadata": {"path": str(folder)}}
    ).execute(env=environment)
    return notebook


def shown(notebook: Any) -> list[list[str]]:
    """What a reader sees below each cell: printed text, values, and that there is a picture. Bars are gone by then."""
    return [
        [text for output in cell.outputs if (text := _text(output))]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def _text(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    if WIDGET in output.data:
        return ""
    return " ".join([*(kind for kind in output.data if kind.startswith("image/")), output.data["text/plain"]])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_gives_what_it_shows(path: Path, cluster: Cluster, tmp_path: Path) -> None:
    kept = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # it has no types
    assert shown(run(path, cluster, tmp_path)) == shown(kept)
