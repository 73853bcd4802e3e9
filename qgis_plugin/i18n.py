# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of the plugin in the user's language.

Every text a user can read goes through `tr`, with a literal as its argument, so that
``tools/translations.py`` finds it. All texts share one context: the same word is translated once.
"""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import QCoreApplication, QLocale, QSettings, QTranslator

CONTEXT = "CVGL"
FOLDER = Path(__file__).parent / "i18n"


def tr(text: str) -> str:
    """Return a text in the language of QGIS, or as it is where there is no translation."""
    return QCoreApplication.translate(CONTEXT, text)


def language() -> str:
    """Return the language QGIS shows itself in, such as ``de_AT``."""
    settings = QSettings()
    if settings.value("locale/overrideFlag", False, type=bool):
        return settings.value("locale/userLocale", "", type=str)
    return QLocale.system().name()


def install_translator(name: str | None = None) -> QTranslator | None:
    """Load the translation for a language (that of QGIS if not named).

    The caller keeps what is returned, and hands it to ``QCoreApplication.removeTranslator`` when
    the plugin is unloaded. None where there is no translation: the texts stay English.
    """
    translator = QTranslator()
    short = (name or language()).replace("-", "_").split("_")[0].lower()
    if not translator.load(str(FOLDER / f"cvgl_{short}.qm")):
        return None
    QCoreApplication.installTranslator(translator)
    return translator
