import os
import pwd
from pathlib import Path

import pytest

from muniment.local.server_user import ReachableInstallation, reachable_by_everyone, server_user

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has users to change to")


def installation(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "include").mkdir()
    (folder / "bin" / "postgres").touch(mode=0o755)
    return folder


def test_a_private_folder_on_the_way_makes_a_file_unreachable(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert not reachable_by_everyone(tmp_path / "file")
    assert reachable_by_everyone(Path("/usr/bin/env"))


def test_programs_run_where_they_are_installed_when_nobody_changes_the_user(tmp_path: Path) -> None:
    installed = installation(tmp_path / "installed")
    reachable = ReachableInstallation(installed, None)
    assert reachable.program("postgres") == installed / "bin" / "postgres"
    reachable.close()
    assert installed.exists()


def test_unreachable_programs_are_copied_for_as_long_as_they_run(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    reachable = ReachableInstallation(installation(tmp_path / "installed"), 65534)
    copy = reachable.program("postgres")
    assert copy.exists()
    assert reachable_by_everyone(copy)
    assert not (reachable.root / "include").exists()
    reachable.close()
    assert not copy.exists()


@as_root
def test_root_hands_a_new_data_folder_to_an_unprivileged_user(tmp_path: Path) -> None:
    assert server_user(tmp_path / "none yet") == pwd.getpwnam("nobody").pw_uid


@as_root
def test_a_data_folder_keeps_its_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, -1)
    assert server_user(tmp_path) == 1234
