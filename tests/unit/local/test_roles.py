import pytest

from muniment.local.roles import ROLES, Titled, by_role, role_of


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("ray::ServeReplica:files:FileService", "files"),
        ("ray::ServeReplica:extraction:ExtractionService", "extraction"),
        ("ray::ServeReplica:gateway:Gateway", "gateway"),
        ("ray::ServeReplica:extraction:JobRunner", "job-runner"),
        ("ray::ServeReplica:extraction:Parser", "parser"),
        ("ray::ServeReplica:extraction:OcrEngine", "ocr"),
        ("ray::ServeReplica:extraction:OcrEngine.handle_request", "ocr"),
        ("ray::ServeController.listen_for_change", "serve-controller"),
        ("ray::TenantHost", "tenant-host"),
        ("ray::TenantHost.call", "tenant-host"),
        ("ray::ProxyActor", "http-proxy"),
        ("ray::IDLE", "ray"),
        ("ray::DashboardAgent", "ray"),
    ],
)
def test_rays_titles_tell_the_role(title: str, role: str) -> None:
    assert role_of(title, title[:15]) == role


def test_programs_tell_the_role() -> None:
    assert role_of("/srv/bin/valkey-server", "valkey-server") == "redis"
    assert role_of("/srv/bin/raylet", "raylet") == "ray"


def test_helpers_count_as_what_started_them() -> None:
    assert role_of("/usr/bin/python3.11", "python3.11") is None


def test_postgresql_is_one_process_whatever_it_starts() -> None:
    postmaster = Titled(10, 1, "postgres", "/srv/bin/postgres")
    children = [Titled(11, 10, "postgres", "postgres: checkpointer"), Titled(12, 10, "postgres", "postgres: muniment")]
    assert by_role([*children, postmaster])["postgres"] == [10]


def test_every_role_is_named_even_when_nobody_plays_it() -> None:
    assert by_role([]) == {role: [] for role in ROLES}
