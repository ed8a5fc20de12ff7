"""`verify` and `extract`: exit statuses by `verdicts.md`, and the JSON that HTTP answers too."""

import json
from pathlib import Path
from typing import Any

import pytest
from simulators.pdf_files import draw
from simulators.pki import Pki
from simulators.terminal import Desk, zhengyin
from simulators.web import connect

from api.settings import Settings
from api.wiring import open_services, system_clock
from verify.policy import TrustAnchors
from verify.verifier import MAX_FILE_OCTETS


@pytest.fixture(scope="session")
def forged(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pdf = bytearray(desk.licence.read_bytes())
    pdf[pdf.index(b"stream") + 200] ^= 1
    path = tmp_path_factory.mktemp("forged") / "forged.pdf"
    path.write_bytes(pdf)
    return path


@pytest.fixture(scope="session")
def unsealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unsealed") / "unsealed.pdf"
    path.write_bytes(draw())
    return path


def reports(desk: Desk, *arguments: str | Path, status: int) -> list[dict[str, Any]]:
    told = desk.run("verify", "--json", *arguments)
    assert told.status == status, told.err
    answer: list[dict[str, Any]] = told.json
    return answer


def test_genuine_files_pass(desk: Desk) -> None:
    licence, card = reports(desk, desk.licence, desk.card, status=0)
    assert (licence["verdict"], licence["policy"], licence["file"]) == (
        "valid",
        "office",
        str(desk.licence),
    )
    assert card["verdict"] == "valid"


def test_a_forged_file_fails(desk: Desk, forged: Path) -> None:
    (report,) = reports(desk, forged, status=1)
    assert (report["verdict"], report["reason_code"]) == ("invalid", "document_changed")


def test_a_file_without_a_seal_is_not_proven_either_way(desk: Desk, unsealed: Path) -> None:
    (report,) = reports(desk, unsealed, status=2)
    assert (report["verdict"], report["reason_code"]) == ("cannot_confirm", "no_signature")


def test_a_file_that_cannot_be_read_is_an_error_of_its_own(desk: Desk, tmp_path: Path) -> None:
    text, large = tmp_path / "text", tmp_path / "large"
    text.write_text("no document", encoding="utf-8")
    with large.open("wb") as file:
        file.truncate(MAX_FILE_OCTETS + 1)
    nothing = tmp_path / "nothing.pdf"
    assert reports(desk, text, large, nothing, tmp_path, status=66) == [
        {"file": str(text), "error": "not_a_document"},
        {"file": str(large), "error": "document_too_large"},
        {"file": str(nothing), "error": "unreadable"},
        {"file": str(tmp_path), "error": "unreadable"},
    ]


def test_the_worst_file_decides(desk: Desk, forged: Path, unsealed: Path) -> None:
    """Worst first: 66, 1, 2, 0, in whatever order the files come."""
    good, nothing = desk.licence, Path("/nowhere.pdf")
    assert len(reports(desk, good, unsealed, forged, nothing, status=66)) == 4
    reports(desk, forged, unsealed, good, status=1)
    reports(desk, good, unsealed, status=2)


def test_json_is_what_http_answers(desk: Desk, forged: Path) -> None:
    with open_services(Settings(data=desk.data), clock=system_clock) as services:
        visitor = connect(services)
        for path, status in ((desk.licence, 0), (desk.card, 0), (forged, 1)):
            (told,) = reports(desk, path, status=status)
            answered = visitor.post("/v1/verifications", content=path.read_bytes()).json()
            assert told.pop("file") == str(path)
            for moment in ("id", "checked_at", "status_as_of"):
                assert (told.pop(moment) is None) == (answered.pop(moment) is None)
            assert told == answered


@pytest.mark.parametrize("depth", ["simple", "detailed", "diagnostic"])
def test_depth_says_how_much_is_told(desk: Desk, depth: str) -> None:
    (report,) = reports(desk, desk.licence, "--depth", depth, status=0)
    (signature,) = report["signatures"]
    assert bool(signature["checks"]) == (depth != "simple")
    assert ("diagnostic" in signature) == (depth == "diagnostic")


def test_people_are_told_verdict_reason_and_what_next(desk: Desk, forged: Path) -> None:
    told = desk.run("verify", desk.licence, forged, language="zh_CN.UTF-8")
    assert told.status == 1
    places = [
        told.out.index(words)
        for words in (
            str(desk.licence),
            "有效",
            "[ok]",
            "示例市青禾区市场监督管理局",
            "登记核验",
            str(forged),
            "无效",
            "文件在加盖电子印章之后被改动过。 [document_changed]",
            "请勿采信此文件",
        )
    ]
    assert places == sorted(places)


def test_people_are_told_which_file_cannot_be_read(desk: Desk, tmp_path: Path) -> None:
    told = desk.run("verify", tmp_path / "nothing.pdf")
    assert told.status == 66
    assert "nothing.pdf: The file cannot be read." in told.out


def test_roots_are_enough_to_check_a_seal(desk: Desk, forged: Path, tmp_path: Path) -> None:
    """Nothing of ours but the exported roots: no data folder, no key, no register."""
    nowhere = tmp_path / "no-data"
    alone = ("verify", "--json", "--trust", desk.roots, "--data", nowhere)
    for more in ((), ("--policy", "seal-only")):
        told = zhengyin(*alone, *more, desk.licence, desk.card)
        assert told.status == 0
        for report in told.json:
            assert (report["verdict"], report["reason_code"], report["policy"]) == (
                "genuine",
                "status_not_asked",
                "seal-only",
            )
            assert report["status_as_of"] is None
    assert zhengyin(*alone, forged).status == 1
    assert not nowhere.exists()


def test_roots_of_strangers_confirm_nothing(desk: Desk, tmp_path: Path) -> None:
    strange = tmp_path / "strange.pem"
    strange.write_text(TrustAnchors(Pki.create().anchors).to_pem(), encoding="ascii")
    told = zhengyin("verify", "--json", "--trust", strange, desk.licence, "--data", tmp_path)
    assert told.status == 2
    assert told.json[0]["reason_code"] == "unknown_anchor"


def test_what_are_no_roots_is_an_error(desk: Desk, tmp_path: Path) -> None:
    told = zhengyin("verify", "--trust", desk.licence, desk.licence, "--data", tmp_path)
    assert told.status == 66
    assert "[invalid_anchors]" in told.err


def test_the_register_may_be_left_out(desk: Desk) -> None:
    (report,) = reports(desk, desk.licence, "--policy", "seal-only", status=0)
    assert (report["verdict"], report["policy"]) == ("genuine", "seal-only")


def test_given_roots_and_the_register_may_go_together(desk: Desk) -> None:
    arguments = ("--policy", "office", "--trust", desk.roots)
    (report,) = reports(desk, desk.licence, *arguments, status=0)
    assert (report["verdict"], report["policy"]) == ("valid", "office")


@pytest.mark.parametrize(
    ("at", "checked_at"),
    [
        ("2099-01-01", "2099-01-01T00:00:00Z"),
        ("2099-01-01T08:00:00", "2099-01-01T08:00:00Z"),
        ("2099-01-01T08:00:00+08:00", "2099-01-01T00:00:00Z"),
        ("2099-01-01T08:00:00Z", "2099-01-01T08:00:00Z"),
    ],
)
def test_a_file_is_judged_as_of_another_moment(desk: Desk, at: str, checked_at: str) -> None:
    (report,) = reports(desk, desk.licence, "--at", at, status=1)
    assert report["checked_at"] == checked_at
    assert "certificate_expired" in report["reason_codes"]


@pytest.mark.parametrize("arguments", [("--at", "noon"), ("--depth", "deep"), ("--policy", "none")])
def test_a_wrong_option_is_explained(desk: Desk, arguments: tuple[str, ...]) -> None:
    told = desk.run("verify", desk.licence, *arguments)
    assert told.status == 2
    assert arguments[0] in told.err


def test_without_a_data_folder_there_is_nothing_to_trust(desk: Desk, tmp_path: Path) -> None:
    told = zhengyin("verify", desk.licence, "--data", tmp_path)
    assert told.status == 75
    assert "[incomplete_pki]" in told.err


# ---- extract ----


def test_sealed_data_come_out_of_a_file_that_passes(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    told = desk.run("extract", desk.licence)
    assert (told.status, desk.run("extract", desk.licence, "-o", out).status) == (0, 0)
    assert json.loads(out.read_bytes()) == told.json
    assert told.json["metadata"]["ZZLXMC"] == "食品经营许可证"
    assert out.stat().st_mode & 0o777 == 0o600


def test_they_come_out_with_roots_alone(desk: Desk, tmp_path: Path) -> None:
    arguments = ("--trust", desk.roots, "--data", tmp_path / "no-data")
    told = zhengyin("extract", desk.card, *arguments)
    assert told.status == 0
    assert told.json["metadata"]["ZZLXMC"] == "老年人优待证"


def test_nothing_comes_out_of_a_file_that_does_not_pass(
    desk: Desk, forged: Path, unsealed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    for path, status in ((forged, 1), (unsealed, 2), (tmp_path / "nothing", 66)):
        told = desk.run("extract", path, "-o", out)
        assert (told.status, told.out) == (status, "")
        assert told.err
        assert not out.exists()


def test_an_output_that_cannot_be_written_is_said(desk: Desk, tmp_path: Path) -> None:
    told = desk.run("extract", desk.licence, "-o", tmp_path / "no" / "folder.json")
    assert told.status == 73
