from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]


def test_kuberay_runs_the_applications_of_this_machine() -> None:
    manifest = yaml.safe_load((ROOT / "kuberay" / "rayservice.yaml").read_text())
    here = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    assert yaml.safe_load(manifest["spec"]["serveConfigV2"]) == here
