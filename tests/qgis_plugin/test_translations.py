"""German and French: loaded by language, complete where they say so, in step with the sources."""

import sys
from pathlib import Path

import pytest
from qgis.PyQt.QtCore import QCoreApplication

from qgis_plugin.i18n import FOLDER, install_translator, tr

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))


@pytest.fixture
def speak(qgis_app):
    loaded = []

    def call(name):
        loaded.append(install_translator(name))
        return loaded[-1]

    yield call
    for translator in filter(None, loaded):
        QCoreApplication.removeTranslator(translator)


@pytest.mark.parametrize(
    ("name", "words"),
    [("de_AT", "Fotos verorten"), ("de", "Fotos verorten"), ("fr-CA", "Localiser des photos")],
)
def test_speaks_the_language_of_qgis(speak, name, words):
    assert speak(name) is not None
    assert tr("Locate photos") == words


@pytest.mark.parametrize("name", ["en_GB", "eo", "", "../../x"])
def test_other_languages_stay_english(speak, name):
    if name:
        assert speak(name) is None
    assert tr("Locate photos") == "Locate photos"


def test_what_is_translated_is_compiled(speak):
    from translations import read_ts

    for path in FOLDER.glob("*.ts"):
        known = read_ts(path)
        assert len(known) > 30
        translator = speak(path.stem.rpartition("_")[2])
        for text, done in known.items():
            assert tr(text) == (done or text)
        QCoreApplication.removeTranslator(translator)


def test_most_of_the_plugin_is_translated():
    from translations import read_ts, source_texts

    texts = set(source_texts())
    for path in FOLDER.glob("*.ts"):
        done = {text for text, words in read_ts(path).items() if words}
        assert len(texts & done) > 0.7 * len(texts), f"run tools/translations.py: {path.name}"
