"""metadata.txt, licence and help are what the plugin repository and the user need."""

import configparser
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "qgis_plugin"
sys.path.insert(0, str(ROOT / "tools"))


def metadata():
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(PLUGIN / "metadata.txt", encoding="utf-8")
    return dict(parser["general"])


def files():
    return {path.relative_to(PLUGIN).as_posix() for path in PLUGIN.rglob("*") if path.is_file()}


def test_complete_as_the_repository_wants_it():
    from check_plugin_zip import metadata_problems

    assert metadata_problems((PLUGIN / "metadata.txt").read_text("utf-8"), files()) == []


def test_one_version_for_plugin_and_engine():
    source = (ROOT / "cvgl_core" / "__init__.py").read_text("utf-8")
    assert re.search(r'__version__ = "(.+)"', source).group(1) == metadata()["version"]


def test_the_changelog_knows_the_version():
    assert f"\n## {metadata()['version']} - " in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_each_key_is_on_one_line():
    lines = (PLUGIN / "metadata.txt").read_text("utf-8").splitlines()
    assert all(re.match(r"\[general\]$|\w+=", line) for line in lines)


def test_it_says_what_the_repository_replaces_and_what_processing_asks():
    for key in ("changelog", "commitSha1", "dateTime"):
        assert key in metadata(), "qgis-plugin-ci replaces these and never adds them"
    assert metadata()["hasProcessingProvider"] == "yes"
    assert metadata()["qgisMinimumVersion"] == "3.22"
    assert metadata()["qgisMaximumVersion"] == "4.99"


def test_what_is_wrong_is_noticed():
    from check_plugin_zip import metadata_problems

    text = (PLUGIN / "metadata.txt").read_text("utf-8")
    for before, after, words in (
        ("name=CVGL", "nome=CVGL", "name is missing"),
        ("tracker=https", "tracker=ftp", "tracker is no web address"),
        ("version=0", "version=new 0", "is not like 1.2.3"),
        ("icon=", "icon=no/", "is not a file of the plugin"),
        ("[general]", "[General]", "general"),
    ):
        assert before in text
        assert any(words in one for one in metadata_problems(text.replace(before, after), files()))


def test_the_licence_is_the_gpl():
    text = (PLUGIN / "LICENSE").read_text("utf-8")
    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert "Version 2, June 1991" in text
    missing = [
        path.name
        for path in PLUGIN.rglob("*.py")
        if "SPDX-License-Identifier: GPL-2.0-or-later" not in path.read_text("utf-8")
    ]
    assert missing == []


class Links(HTMLParser):
    """Collects what a page refers to."""

    def __init__(self):
        super().__init__()
        self.targets, self.ids = [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.targets += [values[key] for key in ("src", "href") if key in values]
        self.ids += [values["id"]] if "id" in values else []


def test_the_help_page_works_offline():
    page = Links()
    page.feed((PLUGIN / "help" / "index.html").read_text("utf-8"))
    assert len(page.targets) > 3
    for target in page.targets:
        assert target.startswith("#"), f"{target} is not on the page"
        assert target[1:] in page.ids
