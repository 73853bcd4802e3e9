import pytest

from cvgl_core.errors import UnknownModelError
from cvgl_core.models import DEFAULT_MODEL, bundled_path, create_model, list_models, register_model
from cvgl_core.models.registry import _MODELS, model_config


def test_known_names():
    assert {"unifygeo-convnext-tiny", "unifygeo-lite0"} <= set(list_models())
    assert DEFAULT_MODEL in list_models()
    for name in list_models():
        assert model_config(name).name == name


def test_unknown_name_lists_the_known():
    with pytest.raises(UnknownModelError, match=r"unifygeo-lite0") as caught:
        create_model("unifygeo-lite1")
    assert "unifygeo-convnext-tiny" in str(caught.value)


def test_variants_can_be_created_but_are_not_listed():
    for variant in ("paper", "mean", "shared", "cvusa", "cvusa-shared"):
        name = f"unifygeo-convnext-tiny-{variant}"
        assert model_config(name).name == name
        assert name not in list_models()
    config = model_config("unifygeo-convnext-tiny-cvusa-shared")
    assert config.shared_encoder and config.aggregator == "mean"
    assert config.ground.height_px == 128
    with pytest.raises(UnknownModelError):
        model_config("unifygeo-lite1-mean")


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="already"):
        register_model(DEFAULT_MODEL)(lambda: model_config(DEFAULT_MODEL))
    register_model("another")(lambda: model_config(DEFAULT_MODEL))
    assert "another" in list_models()
    del _MODELS["another"]


def test_no_bundled_weights_for_the_paper_network():
    assert bundled_path("unifygeo-convnext-tiny") is None
