"""``cvgl evaluate --dataset university-1652`` and ``uavm2025`` on tiny copies."""

import json

import pytest
import torch

from cvgl_core.models.skylink import SkyLink, save_skylink, skylink_config
from tests.data.make_university import make_challenge, make_university


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("university")
    make_university(root)
    make_challenge(root / "uavm")
    torch.manual_seed(0)
    save_skylink(root / "w.safetensors", SkyLink(skylink_config("skylink-lite0")), {})
    return root


def ask(cvgl, data, *args):
    return cvgl("evaluate", "--root", data, "--model", data / "w.safetensors", *args)


def test_a_direction_as_text_and_json(cvgl, data, tmp_path):
    args = ("--dataset", "university-1652")
    text = ask(cvgl, data, *args)
    assert text.code == 0, text.err
    assert text.out.startswith("University-1652 street-satellite test: 4 queries, 5 images")
    args = (*args, "--protocol", "satellite-street", "--tta", "-o", tmp_path, "--json")
    done = ask(cvgl, data, *args)
    content = json.loads(done.out)
    assert content == json.loads((tmp_path / "accuracy.json").read_text())
    assert (content["queries"], content["queries_without_match"]) == (3, 1)
    assert content["test_time_augmentation"]
    assert set(content["figures"]) == {"r@1", "r@5", "r@10", "r@1%", "ap"}


def test_the_challenge_is_answered(cvgl, data, tmp_path):
    done = cvgl(
        *("evaluate", "--dataset", "uavm2025", "--root", data / "uavm", "-o", tmp_path),
        *("--model", data / "w.safetensors"),
    )
    assert done.code == 0, done.err
    assert "24 queries, the best 10 of 12" in done.out
    rows = [line.split("\t") for line in (tmp_path / "answer.txt").read_text().splitlines()]
    assert [len(set(row)) for row in rows] == [10] * 24


def test_what_is_missing_is_said(cvgl, data):
    def error(*args):
        done = cvgl("evaluate", "--root", data, *args)
        return done.code, done.err

    code, message = error("--dataset", "university-1652")
    assert code == 50
    assert "cvgl train skylink" in message
    code, message = error("--dataset", "university-1652", "--protocol", "sky-street")
    assert code == 11
    assert "street-satellite" in message
    code, message = error("--dataset", "uavm2025")
    assert code == 11
    assert "-o DIR" in message


def test_train_evaluate_and_answer(cvgl, data, tmp_path):
    """The whole way on the fake data set: a run, its weights' figures, and a challenge file."""
    run = tmp_path / "run"
    values = {
        "places.root": data,
        "places.points": "none",
        "places.extra": "none",
        "skylink.start": "random",
        "loss.scene": 0,
        "batch.size": 2,
        "run.max_steps": 1,
        "run.folder": run,
        "run.device": "cpu",
    }
    changes = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
    done = cvgl("train", "skylink-lite0", *changes, "--json")
    assert done.code == 0, done.err
    facts = json.loads(done.out)
    assert (facts["steps"], facts["places"]) == (1, 5)  # one of six is held out
    weights = ("--model", facts["weights"])
    found = cvgl(
        *("evaluate", "--dataset", "university-1652", "--root", data, "--json", *weights),
        *("--protocol", "drone-satellite"),
    )
    assert json.loads(found.out)["weights_sha256"] == facts["weights_sha256"]
    answered = cvgl(
        *("evaluate", "--dataset", "uavm2025", "--root", data / "uavm", *weights),
        *("-o", tmp_path / "out", "--tta"),
    )
    assert answered.code == 0, answered.err
    assert (tmp_path / "out/answer.zip").is_file()
    assert cvgl("train", "skylink-lite0", "--row", "fa").code == 2
