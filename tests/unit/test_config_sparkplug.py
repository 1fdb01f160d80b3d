"""A Sparkplug device's names come from its URL or its profile; errors in them are told before anything starts."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.profile import Sparkplug
from config.sparkplug import SparkplugId, sparkplug_id, state_topic
from tests.support.emulators import one_station


def device(folder: Path, path: str = "") -> SparkplugId:
    url = f"mqtt://127.0.0.1:1883{path}"
    loaded = one_station(folder, [{"id": "cabinet", "profile": "sparkplug-swap-cabinet", "url": url}])
    return sparkplug_id(loaded.bind()[0])


def test_the_profile_names_the_device_unless_its_url_does(tmp_path: Path) -> None:
    assert device(tmp_path) == SparkplugId("test", "S1", "cabinet")
    assert device(tmp_path, "/Operator/Edge%201") == SparkplugId("Operator", "Edge 1", None)
    named = device(tmp_path, "/Operator/Edge%201/Cabinet")
    assert named.topic("DDATA") == "spBv1.0/Operator/DDATA/Edge 1/Cabinet"
    assert named.topic("NCMD") == "spBv1.0/Operator/NCMD/Edge 1"
    assert state_topic("tower") == "spBv1.0/STATE/tower"


@pytest.mark.parametrize("path", ["/Operator", "/a/b/c/d", "/a//b", "/a/b%2Fc", "/a/%23"])
def test_a_path_that_names_no_edge_node_is_an_error_of_the_site_file(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError, match=r"stations\[0\]\.devices\[0\]\.url.*does not name a Sparkplug edge node"):
        device(tmp_path, path)


@pytest.mark.parametrize("name", ["", "a/b", "#", "{slot}/x", "{nobody}"])
def test_a_name_that_no_topic_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Sparkplug(edge_node=name)
