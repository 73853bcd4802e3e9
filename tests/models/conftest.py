import numpy as np
import pytest
import torch

from cvgl_core.models import create_model, list_models, untrained_engine
from cvgl_core.types import GroundView

LIGHT = "unifygeo-lite0"


@pytest.fixture(scope="session", params=list_models())
def model(request):
    """Every registered network, with random weights."""
    torch.manual_seed(0)
    return create_model(request.param)


@pytest.fixture
def light():
    torch.manual_seed(0)
    return create_model(LIGHT)


@pytest.fixture(scope="session")
def engine():
    return untrained_engine(LIGHT, seed=3)


@pytest.fixture(scope="session")
def tiles():
    return np.random.default_rng(0).integers(0, 256, (11, 128, 128, 3), dtype=np.uint8)


@pytest.fixture
def view():
    rgb = np.random.default_rng(1).integers(0, 256, (48, 256, 3), dtype=np.uint8)
    return GroundView(rgb, np.ones(256, dtype=bool), 0.0)
