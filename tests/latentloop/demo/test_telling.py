"""What the chapters share: each is timed, and whatever died meanwhile is started again at its end."""

from __future__ import annotations

from typing import Any, cast

import pytest

from deploy.settings import Settings
from latentloop.demo.settings import QUICK
from latentloop.demo.telling import Story, expect
from latentloop.errors import DemoFailed


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def story(said: list[str]) -> Story:
    return Story(Settings(), QUICK, said.append, cast("Any", None), tend=lambda: said.append("tended"))


def test_a_chapter_is_said_timed_and_what_died_is_looked_after_at_its_end(story: Story, said: list[str]) -> None:
    with story.chapter("Images arrive") as chapter:
        chapter.show("files", "36,000")
        assert said == ["— Images arrive"]

    assert said == ["— Images arrive", "tended"]
    assert story.chapters == [chapter]
    assert (chapter.title, chapter.rows) == ("Images arrive", [("files", "36,000")])
    assert chapter.seconds > 0


def test_a_chapter_that_did_not_come_true_ends_the_story_with_what_was_expected(story: Story, said: list[str]) -> None:
    with pytest.raises(DemoFailed, match="^expected 9 images received, came 8$"), story.chapter("Images arrive"):
        expect(8 == 9, "9 images received, came 8")

    assert said == ["— Images arrive"], "nothing is started again for a story that is over"
    assert [chapter.title for chapter in story.chapters] == ["Images arrive"]


def test_what_came_true_says_nothing() -> None:
    expect(True, "anything")


def test_what_it_opens_is_where_the_installation_is_once_that_is_known(story: Story) -> None:
    assert story.world.settings is story.settings
    story.move_into(Settings(prefect_url="http://127.0.0.1:1/api"))
    assert story.settings.prefect_url == "http://127.0.0.1:1/api"
    assert story.world.settings is story.settings
