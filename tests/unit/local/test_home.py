import os
from pathlib import Path

import pytest

from muniment.local.home import AlreadyRunning, Home, HomeLock, RunningInstance
from storage.settings import Settings


def instance_on(home: Home) -> RunningInstance:
    return RunningInstance(
        home=str(home.folder),
        supervisor=os.getpid(),
        addresses={"files": "http://127.0.0.1:8001"},
        database_url="postgresql://…",
        redis_url="redis://…",
        ray_address="127.0.0.1:1",
        ray_folder="…",
    )


def test_a_second_instance_on_a_home_is_told_who_holds_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with HomeLock(home), pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"), HomeLock(home):
        pass


def test_a_home_is_free_again_after_its_instance(tmp_path: Path) -> None:
    with HomeLock(Home(tmp_path)):
        pass
    with HomeLock(Home(tmp_path)):
        pass


def test_a_running_instance_is_found_by_its_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with HomeLock(home):
        home.announce(instance_on(home))
        assert home.running_instance() == instance_on(home)
    assert home.running_instance() is None


def test_what_a_crashed_instance_announced_does_not_count(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.announce(instance_on(home))
    assert home.running_instance() is None


def test_the_announcement_is_readable_by_the_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.announce(instance_on(home))
    assert (tmp_path / "instance.json").stat().st_mode & 0o077 == 0


def test_a_new_home_is_entered_by_its_owner_only(tmp_path: Path) -> None:
    with HomeLock(Home(tmp_path / "new" / "home")):
        assert (tmp_path / "new" / "home").stat().st_mode & 0o077 == 0


def test_rays_folder_leaves_room_for_its_sockets_however_long_the_path_of_the_home(tmp_path: Path) -> None:
    folder = Home(tmp_path / ("a long name" * 20)).ray_folder()
    assert len(os.fsencode(folder)) <= 44
    folder.parent.rmdir()


def test_homes_have_ray_folders_of_their_own(tmp_path: Path) -> None:
    one, other = Home(tmp_path / "one").ray_folder(), Home(tmp_path / "other").ray_folder()
    assert one != other
    for folder in (one, other):
        folder.parent.rmdir()


def test_a_ray_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path)
    folder = home.ray_folder().parent
    folder.chmod(0o755)
    with pytest.raises(PermissionError, match="not a private folder"):
        home.ray_folder()
    folder.rmdir()


def test_a_relative_home_is_the_same_from_every_folder() -> None:
    assert Home(Settings(home=Path("here")).home).folder == Path.cwd() / "here"
