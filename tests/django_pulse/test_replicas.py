"""Whose a replica id is, and what a copy of a store is told."""

from __future__ import annotations

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings

from crdt.errors import RemoteFault, ReplicaTaken
from crdt.messages import Hello, Mark
from django_pulse import identity
from django_pulse.sign_in.replicas import MAX_MARKS, claim_replica, note_marks
from django_pulse.tables import Device
from tests.django_pulse.together import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

PHONE = Hello(7, "phone", attempts=(1,))


@pytest.fixture
def ada() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def bob() -> Any:
    return get_user_model().objects.create_user("bob")


def again(certificate: str | None, *attempts: int, **changes: Any) -> Hello:
    """The same phone's next hello."""
    return replace(PHONE, certificate=certificate, attempts=attempts or (2,), **changes)


def test_a_replica_belongs_to_the_user_and_device_that_used_it_first(ada: Any, bob: Any) -> None:
    certificate = claim_replica(ada, PHONE)
    for user, device in ((bob, "phone"), (ada, "laptop"), (bob, "")):
        for shown in (certificate, None):
            with pytest.raises(ReplicaTaken) as fault:
                claim_replica(user, again(shown, device=device))
            assert fault.value.code == "replica_taken"
    assert Device.objects.get().user == str(ada.pk)


@pytest.mark.parametrize("shown", [None, "", "1", "1.", "1.x", "2.x", "-1.x", "\u0661.x", "9" * 99])
def test_a_known_id_without_its_certificate_is_taken(ada: Any, shown: str | None) -> None:
    claim_replica(ada, PHONE)
    with pytest.raises(ReplicaTaken):
        claim_replica(ada, again(shown))
    assert Device.objects.get().generation == 1


def test_each_welcome_gives_the_certificate_for_the_next(ada: Any) -> None:
    certificate = claim_replica(ada, PHONE)
    for attempt in range(2, 6):
        before, certificate = certificate, claim_replica(ada, again(certificate, attempt))
        assert before != certificate
    assert Device.objects.get().generation == 5


def test_a_certificate_is_of_one_replica_user_and_device(ada: Any, bob: Any) -> None:
    certificate = claim_replica(ada, PHONE)
    claim_replica(ada, replace(PHONE, replica=8))
    with pytest.raises(ReplicaTaken):
        claim_replica(ada, again(certificate, replica=8))
    claim_replica(bob, replace(PHONE, replica=9))
    with pytest.raises(ReplicaTaken):
        claim_replica(bob, again(certificate, replica=9))


def test_a_certificate_with_another_number_is_none(ada: Any) -> None:
    number, _, signature = claim_replica(ada, PHONE).partition(".")
    with pytest.raises(ReplicaTaken):
        claim_replica(ada, again(f"{int(number) + 1}.{signature}"))


def test_of_two_copies_the_second_is_told(ada: Any) -> None:
    certificate = claim_replica(ada, PHONE)
    claim_replica(ada, again(certificate, 2))
    with pytest.raises(ReplicaTaken):
        claim_replica(ada, again(certificate, 3))


def test_a_welcome_that_was_lost_is_given_again(ada: Any) -> None:
    first = claim_replica(ada, PHONE)
    assert claim_replica(ada, PHONE) == first
    second = claim_replica(ada, again(first, 2))
    assert claim_replica(ada, again(first, 2, 3)) == second
    for attempts in ((4,), (2,), (2, 4), ()):  # a copy knows no hello that was said later
        with pytest.raises(ReplicaTaken):
            claim_replica(ada, replace(again(first), attempts=attempts))
    assert claim_replica(ada, again(first, 2, 3, 4)) == second


def test_a_copy_learns_which_of_its_edits_the_other_store_has_too(ada: Any) -> None:
    certificate = claim_replica(ada, replace(PHONE, marks=(Mark(1, 3),)))
    claim_replica(ada, again(certificate, marks=(Mark(1, 3), Mark(2, 5))))
    note_marks(7, [Mark(2, 6), Mark(4, 1)])
    copy = again(certificate, 3, marks=(Mark(1, 3), Mark(2, 6), Mark(3, 9), Mark(4, 2)))
    with pytest.raises(ReplicaTaken) as told:
        claim_replica(ada, copy)
    assert told.value.shared == (1, 2)
    assert told.value.doubtful == (4,)
    with pytest.raises(ReplicaTaken) as told:  # it did not hear, and asks again
        claim_replica(ada, replace(copy, attempts=(3, 5)))
    assert told.value.shared == (1, 2)
    assert told.value.doubtful == (4,)


def test_what_one_copy_was_told_to_push_as_its_own_is_shared_for_the_next(ada: Any) -> None:
    certificate = claim_replica(ada, PHONE)
    claim_replica(ada, again(certificate, 2))
    for attempt, shared in ((3, ()), (4, (1,))):
        with pytest.raises(ReplicaTaken) as told:
            claim_replica(ada, again(certificate, attempt, marks=(Mark(1, 3),)))
        assert told.value.shared == shared


def test_marks_are_compared_with_those_of_all_devices_of_the_user(ada: Any) -> None:
    certificate = claim_replica(ada, PHONE)
    claim_replica(ada, again(certificate, 2))
    claim_replica(ada, Hello(8, "copy", attempts=(1,), marks=(Mark(1, 3),)))
    with pytest.raises(ReplicaTaken) as told:
        claim_replica(ada, again(certificate, 3, marks=(Mark(1, 3),)))
    assert told.value.shared == (1,)


def test_a_stranger_learns_nothing_of_marks(ada: Any, bob: Any) -> None:
    claim_replica(ada, replace(PHONE, marks=(Mark(1, 3),)))
    with pytest.raises(ReplicaTaken) as told:
        claim_replica(bob, again(None, marks=(Mark(1, 3), Mark(1, 9))))
    assert (told.value.shared, told.value.doubtful) == ((), ())


def test_the_newest_marks_are_kept(ada: Any) -> None:
    claim_replica(ada, PHONE)
    for start in range(0, MAX_MARKS * 2, MAX_MARKS):
        note_marks(7, [Mark(start + number, 1) for number in range(MAX_MARKS)])
    marks = Device.objects.get().marks
    assert marks == [[MAX_MARKS + number, 1, 0] for number in range(MAX_MARKS)]


def test_an_old_secret_key_still_certifies_as_long_as_it_is_a_fallback(ada: Any) -> None:
    with override_settings(SECRET_KEY="old"):
        certificate = claim_replica(ada, PHONE)
    with (
        override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[]),
        pytest.raises(ReplicaTaken),
    ):
        claim_replica(ada, again(certificate))
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"]):
        certificate = claim_replica(ada, again(certificate))
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[]):
        claim_replica(ada, again(certificate, 3))


def test_an_id_registered_before_there_were_certificates_gets_one(ada: Any) -> None:
    Device.objects.create(replica=7, user=str(ada.pk), device="phone")
    certificate = claim_replica(ada, PHONE)
    with pytest.raises(ReplicaTaken):
        claim_replica(ada, again(None))
    claim_replica(ada, again(certificate))


def test_a_database_restored_to_yesterday_knows_its_certificates_of_today(ada: Any) -> None:
    certificate = claim_replica(ada, PHONE)
    for attempt in (2, 3):
        certificate = claim_replica(ada, again(certificate, attempt))
    Device.objects.update(generation=1, attempt=1)
    later = claim_replica(ada, again(certificate, 4))
    assert later.startswith("4.")
    Device.objects.all().delete()
    assert claim_replica(ada, again(later, 5)).startswith("5.")


@pytest.mark.parametrize("replica", [0, 2**53, 2**64 - 1])
def test_an_id_outside_of_the_bounds_is_nobodys(ada: Any, replica: int) -> None:
    with pytest.raises(RemoteFault):
        claim_replica(ada, replace(PHONE, replica=replica))
    assert not Device.objects.exists()


def test_nobody_gets_the_servers_own_id(ada: Any) -> None:
    with pytest.raises(RemoteFault):
        claim_replica(ada, replace(PHONE, replica=identity.replica_id("default")))


def test_of_two_who_claim_an_id_at_once_one_gets_it(ada: Any, bob: Any) -> None:
    def claim(user: Any, replica: int) -> bool:
        try:
            claim_replica(user, replace(PHONE, replica=replica))
        except RemoteFault:
            return False
        return True

    for replica in random.Random(1).sample(range(1, 2**53), 5):
        won = at_once(
            *(lambda user=user, replica=replica: claim(user, replica) for user in (ada, bob))
        )
        assert sorted(won) == [False, True]


def test_of_two_copies_that_come_at_once_one_gets_in(ada: Any) -> None:
    certificate = claim_replica(ada, PHONE)

    def claim(attempt: int) -> bool:
        try:
            claim_replica(ada, again(certificate, attempt))
        except ReplicaTaken:
            return False
        return True

    assert sorted(at_once(lambda: claim(2), lambda: claim(3))) == [False, True]


def test_whoever_signs_in_with_any_kind_of_key_can_claim() -> None:
    """Users' keys may be UUIDs or words: they are compared as text."""
    for pk in ("6f0d", 12, "ö"):
        claim_replica(SimpleNamespace(pk=pk), replace(PHONE, replica=1_000 + len(str(pk))))  # type: ignore[arg-type]
    assert {device.user for device in Device.objects.all()} == {"6f0d", "12", "ö"}
