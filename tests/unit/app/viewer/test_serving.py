"""The viewer at the gateway's door: which files, with which headers, and the page to who is signed in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fiducia.app.viewer.config import configuration
from tests.support.consortium import Consortium
from tests.support.gateway import gateway, sign_in
from tests.support.viewer import MAIN, serving, stand_in


@pytest.fixture
def world() -> Consortium:
    return Consortium()


@pytest.fixture
def client(world: Consortium, tmp_path: Path) -> Iterator[TestClient]:
    with serving(world, stand_in(tmp_path)) as client:
        yield client


def policy_of(answer: object) -> dict[str, list[str]]:
    text = answer.headers["content-security-policy"]  # type: ignore[attr-defined]
    return {name: sources for name, *sources in (part.split() for part in text.split(";"))}


@pytest.mark.parametrize(
    ("name", "kind", "cache"),
    [
        (MAIN, "text/javascript; charset=utf-8", "immutable"),
        ("app.bundle.css", "text/css; charset=utf-8", "no-cache"),
        ("0123456789abcdef.wasm", "application/wasm", "immutable"),
        ("assets/favicon.ico", "image/x-icon", "no-cache"),
        ("app-config.js", "text/javascript; charset=utf-8", "no-store"),
    ],
)
def test_files_come_with_their_type_and_age(client: TestClient, name: str, kind: str, cache: str) -> None:
    answer = client.get(f"/viewer/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert cache in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/viewer/../pyproject.toml",
        "/viewer/%2e%2e/%2e%2e/stand-in.tgz",
        "/viewer/..%2f..%2fstand-in.tgz",
        "/viewer//etc/host.conf",
        "/viewer/assets/../../../../stand-in.tgz",
        "/viewer/assets%5c..%5cstand-in.tgz",
        "/viewer/index.html",
        "/viewer/sw.js",
        "/viewer/nothing.js",
        f"/viewer/{MAIN}%00.png",
    ],
)
def test_nothing_else_is_a_file(client: TestClient, world: Consortium, path: str) -> None:
    token = sign_in(world)["Authorization"].split()[1]
    answer = client.get(path, headers={"Cookie": f"fiducia={token}"})
    assert answer.status_code == 404


def test_the_page_is_for_who_is_signed_in(client: TestClient, world: Consortium) -> None:
    token = sign_in(world)["Authorization"].split()[1]
    for path in ("/viewer/", "/viewer/viewer", "/viewer/viewer?StudyInstanceUIDs=1.2"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert client.get(path, headers={"Cookie": "fiducia=" + "00" * 32}).status_code == 303
        page = client.get(path, headers={"Cookie": f"fiducia={token}"})
        assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
        assert f'src="/viewer/{MAIN}"' in page.text
        assert "<script>" not in page.text
    for path in ("/", "/viewer"):
        assert client.get(path).headers["location"] == "/viewer/"


def test_the_page_can_reach_this_origin_alone(client: TestClient, world: Consortium) -> None:
    token = sign_in(world)["Authorization"].split()[1]
    answer = client.get("/viewer/", headers={"Cookie": f"fiducia={token}"})
    policy = policy_of(answer)
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'", "'wasm-unsafe-eval'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == ["'none'"]
    allowed = {source for sources in policy.values() for source in sources}
    assert allowed <= {"'none'", "'self'", "blob:", "data:", "'unsafe-inline'", "'wasm-unsafe-eval'"}
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


def test_only_a_worker_may_make_functions_of_text(client: TestClient) -> None:
    as_worker = client.get(f"/viewer/{MAIN}", headers={"Sec-Fetch-Dest": "worker"})
    as_script = client.get(f"/viewer/{MAIN}", headers={"Sec-Fetch-Dest": "script"})
    assert "'unsafe-eval'" in policy_of(as_worker)["script-src"]
    assert "'unsafe-eval'" not in policy_of(as_script)["script-src"]
    assert as_worker.headers["vary"] == "sec-fetch-dest"


def test_the_configuration_names_no_other_server(client: TestClient) -> None:
    told = client.get("/viewer/app-config.js").text
    assert json.dumps(configuration(), indent=2) in told
    assert "://" not in told
    (source,) = configuration()["dataSources"]
    assert source["configuration"]["qidoRoot"] == source["configuration"]["wadoRoot"] == "/dicomweb"
    assert not source["configuration"]["dicomUploadEnabled"]


def test_without_a_viewer_there_is_no_such_door(world: Consortium) -> None:
    with gateway(world) as client:
        for path in ("/viewer/", "/sign-in", "/"):
            assert client.get(path).status_code == 404
