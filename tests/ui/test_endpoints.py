"""The HTTP endpoints of the launched page, with the bundled model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from colorflow.images.write import read_history
from colorflow.resources import bundled
from colorflow_ui.engine import FileOptions
from colorflow_ui.launch import Server
from colorflow_ui.local_engine import LocalEngine

API = Path(__file__).with_name("api.json")
GPS = 0x8825
CAT = bundled("examples", "cat.jpg")


@pytest.fixture(scope="module")
def client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder = tmp_path_factory.mktemp("downloads")
    return Client(server.url, download_files=folder, verbose=False)


def promises(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out what another version of Gradio may say in other words."""
    assert not found["unnamed_endpoints"]
    return {
        name: {
            "parameters": {p["parameter_name"]: p["parameter_default"] for p in say["parameters"]},
            "returns": {r["label"]: r["component"] for r in say["returns"]},
        }
        for name, say in found["named_endpoints"].items()
    }


def test_names_and_parameters_are_those_that_were_promised(client):
    found = client.view_api(print_info=False, return_format="dict")
    assert promises(found) == json.loads(API.read_text())


def test_png_files_are_the_engines_to_the_byte(client, engine: LocalEngine):
    paths, facts = client.predict(
        photo=handle_file(CAT), samples=2, seed=3, format="png", api_name="/colorize"
    )
    sitting = engine.open(CAT, "cat.jpg")
    takes = list(sitting.draw(2, 3, 1.0))
    for number, (take, path) in enumerate(zip(takes, paths, strict=True), 1):
        saved = sitting.save(take, 1.0, FileOptions("png"), number)
        assert Path(path).name == saved.name == f"cat_v{number}.png"
        assert Path(path).read_bytes() == saved.data
    assert [fact["variant"] for fact in facts] == [1, 2]
    assert all(0 <= fact["typicality"] <= 1 for fact in facts)
    assert sum(fact["share"] for fact in facts) == pytest.approx(1, abs=0.002)
    assert [fact["number"] for fact in facts] == [take.number for take in takes]
    assert [fact["redrawn"] for fact in facts] == [take.redrawn for take in takes]


def test_draw_vivid_and_detail_are_followed(client, engine: LocalEngine):
    (path,), (fact,) = client.predict(
        photo=handle_file(CAT),
        samples=1,
        seed=3,
        format="png",
        draw="independent",
        vivid=1.2,
        detail=1.5,
        api_name="/colorize",
    )
    sitting = engine.open(CAT, "cat.jpg")
    take = next(sitting.draw(1, 3, 1.0, "independent", 1.5))
    saved = sitting.save(take, 1.0, FileOptions("png"), 1, 1.2)
    assert Path(path).read_bytes() == saved.data
    assert (fact["share"], fact["number"], fact["redrawn"]) == (None, 0, take.redrawn)
    history = read_history(Path(path))
    assert history is not None
    assert (history["draw"], history["vivid"], history["detail"]) == ("independent", 1.2, 1.5)


def test_places_are_left_out_on_request(client, tmp_path):
    exif = Image.Exif()
    exif.get_ifd(GPS)[1] = "N"
    exif.get_ifd(GPS)[2] = (52.0, 30.0, 0.0)
    photo = tmp_path / "here.jpg"
    with Image.open(CAT) as picture:
        picture.save(photo, exif=exif.tobytes())
    for policy, kept in (("keep", True), ("no-gps", False)):
        (path,), _ = client.predict(
            photo=handle_file(photo), samples=1, metadata=policy, api_name="/colorize"
        )
        with Image.open(path) as picture:
            assert bool(picture.getexif().get_ifd(GPS)) == kept


def test_hints_are_met_as_far_as_is_told(client):
    hints = json.dumps([{"x": 100, "y": 150, "hex": "#b5412d"}])
    _, facts = client.predict(photo=handle_file(CAT), samples=1, hints=hints, api_name="/colorize")
    assert 0 <= facts[0]["residuals"][0] < 10


def test_notes_are_those_of_the_command(client, tmp_path):
    with Image.open(CAT) as picture:
        picture.resize((90, 60)).convert("RGBA").save(tmp_path / "a.gif", save_all=True,
            append_images=[picture.resize((90, 60)).convert("RGB")])  # fmt: skip
    hints = json.dumps([{"x": 40, "y": 30, "hex": "#cc3333"}, {"x": 40, "y": 30, "hex": "#33aa33"}])
    _, (fact,) = client.predict(
        photo=handle_file(tmp_path / "a.gif"), samples=1, hints=hints, api_name="/colorize"
    )
    told = " ".join(fact["notes"])
    assert "has colours already" in told
    assert "has 2 frames, only the first is used" in told
    assert "missed by" in told
    _, facts = client.predict(photo=handle_file(CAT), api_name="/uncertainty")
    assert any("has colours already" in note for note in facts["notes"])


def test_transfer_and_uncertainty(client):
    path = client.predict(
        reference=handle_file(bundled("examples", "sunset.jpg")),
        photo=handle_file(CAT),
        api_name="/transfer",
    )
    with Image.open(path) as picture:
        assert picture.size == (451, 300)
    path, facts = client.predict(photo=handle_file(CAT), api_name="/uncertainty")
    assert facts["mean_delta_e"] > 0
    assert all(0 <= place["x"] < 451 and 0 <= place["y"] < 300 for place in facts["most"])


def test_nights_are_the_engines_to_the_byte(client):
    pagoda = bundled("examples", "pagoda.jpg")
    paths, facts = client.predict(
        photo=handle_file(pagoda),
        samples=2,
        strength=0.7,
        seed=5,
        format="png",
        api_name="/translate",
    )
    sitting = LocalEngine("night", "cpu", translate=True).open(pagoda, "pagoda.jpg")
    for number, (take, path) in enumerate(zip(sitting.draw(2, 5, 1.0), paths, strict=True), 1):
        saved = sitting.save(take, 0.7, FileOptions("png"), number)
        assert Path(path).name == saved.name
        assert Path(path).read_bytes() == saved.data
    assert [fact["variant"] for fact in facts] == [1, 2]
    assert sum(fact["share"] for fact in facts) == pytest.approx(1, abs=0.002)
    with pytest.raises(AppError, match=r"strength: expected a number from 0 to 1\.5"):
        client.predict(photo=handle_file(pagoda), strength=-1, api_name="/translate")


def test_a_batch(client, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"nothing")
    archive, lines = client.predict(
        photos=[handle_file(CAT), handle_file(broken)],
        samples=1,
        draw="independent",
        vivid=0.5,
        api_name="/batch",
    )
    assert Path(archive).suffix == ".zip"
    assert {line["input"]: line["status"] for line in lines} == {
        "cat.jpg": "ok", "broken.jpg": "failed",
    }  # fmt: skip
    with pytest.raises(AppError, match="vivid: expected 0 to 2"):
        client.predict(photos=[handle_file(CAT)], vivid=-1, api_name="/batch")


def test_about(client):
    assert client.predict(api_name="/about")["model"].startswith("photo@")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"samples": 99}, "samples"),
        ({"saturation": -1}, "saturation: expected a number from 0 to 1.5"),
        ({"saturation": 2.5}, "saturation: expected a number from 0 to 1.5"),
        ({"vivid": 2.1}, "vivid: expected 0 to 2, got 2.1$"),
        ({"detail": 1.2}, "detail: expected 1, 1.5 or 2, got 1.2$"),
        ({"detail": None}, "detail: expected a number, got nothing$"),
        ({"draw": "best"}, "best is not in the list of choices"),
        ({"seed": -1}, "seed"),
        ({"hints": "[1]"}, "hints"),
    ],
)
def test_wrong_values_are_said_and_no_path_is(client, server, values, words):
    with pytest.raises(AppError, match=words) as caught:
        client.predict(photo=handle_file(CAT), **values, api_name="/colorize")
    assert str(server.folder) not in str(caught.value)


def test_a_broken_file_is_named_as_the_visitor_calls_it(client, server, tmp_path):
    broken = tmp_path / "holiday.jpg"
    broken.write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(AppError, match=r"holiday\.jpg") as caught:
        client.predict(photo=handle_file(broken), api_name="/colorize")
    assert str(server.folder) not in str(caught.value)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", str(Path(__file__).resolve()), "pyproject.toml", "../etc/passwd"]
)
def test_files_elsewhere_on_the_machine_are_forbidden(server, path):
    answer = httpx.get(f"{server.url}gradio_api/file={path}")
    assert answer.status_code == 403


def test_a_path_of_the_machine_is_no_upload(server):
    data = {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}
    values = [data, 1, 1, 0, "keep", "keep", "", "representative", 1, 1]
    start = httpx.post(f"{server.url}gradio_api/call/colorize", json={"data": values})
    event = start.json()["event_id"]
    answer = httpx.get(f"{server.url}gradio_api/call/colorize/{event}", timeout=30)
    assert "event: error" in answer.text
    assert "event: complete" not in answer.text


def test_uploads_beyond_the_limit_are_refused(server):
    files = {"files": ("large.png", b"x" * 4_000_000)}
    answer = httpx.post(f"{server.url}gradio_api/upload", files=files)
    assert answer.status_code == 413


def test_pages_of_other_sites_may_not_call(server):
    answer = httpx.get(f"{server.url}config", headers={"Origin": "https://example.com"})
    assert answer.headers.get("access-control-allow-origin") != "https://example.com"


def test_callers_leave_nothing_but_their_own_folder(client, server):
    assert all(folder.is_dir() for folder in (server.folder / "callers").iterdir()), (
        "files lie where others could find them"
    )
