"""Settings are read when they are used."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from django_pulse import conf as module
from django_pulse.conf import Conf, conf


def test_defaults_hold_without_any_settings() -> None:
    assert conf.AUTHENTICATE is None
    assert conf.POLL_SECONDS == 15
    assert conf.MAX_FRAME_BYTES == 1 << 20


def test_a_change_of_settings_is_seen_at_once(settings: Any) -> None:
    settings.DJANGO_PULSE = {"POLL_SECONDS": 3}
    assert conf.POLL_SECONDS == 3
    assert conf.PAGE_ROWS == 500
    del settings.DJANGO_PULSE
    assert conf.POLL_SECONDS == 15


@pytest.mark.parametrize("given", [None, [], "POLL_SECONDS"])
def test_what_is_no_dictionary_leaves_the_defaults(settings: Any, given: Any) -> None:
    settings.DJANGO_PULSE = given
    assert conf.POLL_SECONDS == 15


def test_every_default_is_one_that_the_checks_accept() -> None:
    assert all(setting.accepts(setting.default) for setting in Conf.all())


def test_every_setting_says_why() -> None:
    source = inspect.getsource(module)
    for setting in Conf.all():
        assert re.search(rf"    # .+\n    {setting.name} = Setting", source), setting.name


def test_a_page_fits_a_frame() -> None:
    assert conf.PAGE_BYTES < conf.MAX_FRAME_BYTES
    assert conf.HINT_MAX_BYTES < conf.MAX_FRAME_BYTES
