"""The tables of Django Pulse.

They live in every database that holds SyncModels, so that a row, its document and what is to be
sent about it commit together. References between them carry no database constraint: the write
path inserts thousands of them per batch, always knows that the target exists, and deletes none
of the targets.
"""

from __future__ import annotations

from typing import Any

from django.db import models

__all__ = ["Awaited", "Clock", "Device", "Document", "Feed", "Naming", "Outbox"]
__all__ += ["Outcome", "Reading", "Receipt", "Reminder", "Scope", "Ticket", "Told"]


def _reference(to: str) -> models.ForeignKey[Any, Any]:
    """A reference without constraint, own index or reverse accessor."""
    return models.ForeignKey(
        to, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )


class Clock(models.Model):
    """Who this database is: one row, id 1, made when it is first needed.

    `replica` is the server's own replica id, `epoch` names this life of the database, `position`
    is the last position given out in the feed.
    """

    id = models.BigIntegerField(primary_key=True)
    replica = models.BigIntegerField()
    epoch = models.CharField(max_length=32)
    position = models.BigIntegerField(default=0)

    class Meta:
        app_label = "django_pulse"

    def __str__(self) -> str:
        return f"epoch {self.epoch} at {self.position}"


class Scope(models.Model):
    """A unit of visibility: `key` names it, `head` is the position of its latest change.

    `access` counts the changes of who may read it. Up to `purged` the feed has forgotten which rows
    were deleted, and which left.
    """

    key = models.TextField(unique=True)
    head = models.BigIntegerField(default=0)
    purged = models.BigIntegerField(default=0)
    access = models.PositiveIntegerField(default=0)

    class Meta:
        app_label = "django_pulse"

    def __str__(self) -> str:
        return self.key


class Document(models.Model):
    """The CRDT of one row. `scopes` are the keys of the scopes it is in.

    `model` is the row's `app.model` in lower case, `state` a Yjs update, `version` the number of
    updates merged. That of a row which was deleted, `deleted_at`, is kept as a tombstone.
    A document that is `parked` has no row yet: who pushed it, and why it waits.
    `waiting` names the fields whose columns lag behind their entries, until what these refer to
    is there, and what the columns hold meanwhile, as it travels.
    `clocks` are those up to which what devices pushed is merged, by their replicas, and the
    server's own: what a broken `state` cannot tell any more.
    """

    model = models.CharField(max_length=201)  # two names of up to 100 characters and a dot
    sync_id = models.UUIDField()
    state = models.BinaryField(default=b"")
    version = models.PositiveBigIntegerField(default=0)
    deleted = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True)
    scopes = models.JSONField(default=list)
    parked = models.JSONField(null=True)
    waiting = models.JSONField(null=True)
    clocks = models.JSONField(null=True)

    class Meta:
        app_label = "django_pulse"
        constraints = [
            models.UniqueConstraint(fields=["model", "sync_id"], name="pulse_document_row")
        ]
        indexes = [
            models.Index(
                fields=["deleted_at"],
                condition=models.Q(deleted_at__isnull=False),
                name="pulse_document_tombstone",
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.sync_id}"


class Awaited(models.Model):
    """What a document waits for: that the row `key` (a `sync_id`) of `model` comes or changes.

    `user` is the primary key, as text, of whoever made it wait, and may refer to nothing that he
    cannot see. A `ready` one is to be looked at again: by whoever delivers next.
    """

    document = _reference("django_pulse.Document")
    model = models.CharField(max_length=201)
    key = models.CharField(max_length=36)
    user = models.CharField(max_length=255)
    ready = models.BooleanField(default=True)

    class Meta:
        app_label = "django_pulse"
        verbose_name_plural = "awaited"
        constraints = [
            models.UniqueConstraint(
                fields=["document", "model", "key", "user"], name="pulse_awaited_once"
            )
        ]
        indexes = [
            models.Index(fields=["model", "key"], name="pulse_awaited_row"),
            models.Index(fields=["user"], name="pulse_awaited_user"),
            models.Index(fields=["id"], condition=models.Q(ready=True), name="pulse_awaited_ready"),
        ]

    def __str__(self) -> str:
        return f"document {self.document_id} waits for {self.model} {self.key}"


class Naming(models.Model):
    """What documents call a model and its fields; see `django_pulse.naming.names`.

    `label` is what they call the model, `names` every label it had, the present one last, `table`
    its table. `fields` has a list for each: the field's names, its column, and the shapes in which
    documents hold it (its name there, its kind, its rule, the rule's form).
    """

    label = models.CharField(max_length=201, unique=True)
    names = models.JSONField(default=list)
    table = models.TextField()
    fields = models.JSONField(default=list)

    class Meta:
        app_label = "django_pulse"

    def __str__(self) -> str:
        return self.label


class Outbox(models.Model):
    """A committed change of a document in a scope that has no position in the feed yet.

    The scope is named by its key: its row is made by whoever stamps, so that a transaction that
    stays open never holds a scope that others write to.
    """

    document = _reference("django_pulse.Document")
    scope = models.TextField()
    update = models.BinaryField(default=b"")

    class Meta:
        app_label = "django_pulse"
        verbose_name_plural = "outbox"

    def __str__(self) -> str:
        return f"document {self.document_id} for scope {self.scope}"


class Feed(models.Model):
    """The position of a document's latest change in a scope; `present` is False once it left."""

    scope = _reference("django_pulse.Scope")
    document = _reference("django_pulse.Document")
    position = models.BigIntegerField()
    present = models.BooleanField(default=True)

    class Meta:
        app_label = "django_pulse"
        verbose_name_plural = "feed"
        constraints = [
            models.UniqueConstraint(fields=["scope", "document"], name="pulse_feed_document")
        ]
        indexes = [
            models.Index(fields=["scope", "position"], name="pulse_feed_position"),
            models.Index(
                fields=["position"], condition=models.Q(present=False), name="pulse_feed_left"
            ),
        ]

    def __str__(self) -> str:
        return f"document {self.document_id} in scope {self.scope_id} at {self.position}"


class Outcome(models.Model):
    """What became of a push that has something to tell its replica, until that confirms it."""

    replica = models.BigIntegerField(db_index=True)
    document = _reference("django_pulse.Document")
    clock = models.BigIntegerField()
    payload = models.JSONField(default=dict)

    class Meta:
        app_label = "django_pulse"

    def __str__(self) -> str:
        return f"document {self.document_id} for replica {self.replica}"


class Device(models.Model):
    """Whose a replica id is: registered on first use, never handed over.

    `generation` counts its welcomes, the last of which answered the hello `attempt`.
    `marks` are those of what it pushed; see `django_pulse.sign_in.replicas`.
    """

    replica = models.BigIntegerField(unique=True)
    user = models.CharField(max_length=255)
    device = models.CharField(max_length=100)
    generation = models.PositiveBigIntegerField(default=0)
    attempt = models.BigIntegerField(null=True)
    marks = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "django_pulse"

    def __str__(self) -> str:
        return f"replica {self.replica} of {self.user}"


class Ticket(models.Model):
    """What a page's socket may sign in with, once: as whom, and as long as what still holds.

    `digest` is the ticket's SHA-256, `user` a primary key, as text. `auth_hash` is that of the
    password which the user had, `session` the key of the session that signed the page in, if one
    did.
    """

    digest = models.CharField(max_length=64, unique=True)
    user = models.CharField(max_length=255)
    auth_hash = models.CharField(max_length=255)
    session = models.TextField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "django_pulse"

    def __str__(self) -> str:
        return f"ticket of {self.user}"


class Told(models.Model):
    """What clients of the text protocol were told of a row under a version: they edit that.

    `values` is the JSON object that travelled, `vector` what the document had seen of every
    replica. Empty where nobody knows: then it had seen everything that is there.
    """

    document = _reference("django_pulse.Document")
    version = models.BigIntegerField()
    values = models.BinaryField()
    vector = models.BinaryField(default=b"")

    class Meta:
        app_label = "django_pulse"
        verbose_name_plural = "told"
        constraints = [
            models.UniqueConstraint(fields=["document", "version"], name="pulse_told_version")
        ]
        indexes = [models.Index(fields=["version"], name="pulse_told_age")]

    def __str__(self) -> str:
        return f"document {self.document_id} at {self.version}"


class Receipt(models.Model):
    """What the server took last from a client of the text protocol, for a row as of a version.

    `replica` wrote it into the document, `chain` names the device, or the connection of one that
    says no name. `values` are those the client holds since, `answer` what was not taken of them.
    """

    document = _reference("django_pulse.Document")
    replica = models.BigIntegerField()
    base = models.BigIntegerField()
    chain = models.CharField(max_length=100)
    values = models.BinaryField()
    sent = models.BinaryField()
    answer = models.JSONField(default=dict)
    taken_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "django_pulse"
        constraints = [
            models.UniqueConstraint(
                fields=["document", "replica", "base", "chain"], name="pulse_receipt_chain"
            )
        ]

    def __str__(self) -> str:
        return f"document {self.document_id} from replica {self.replica} at {self.base}"


class Reading(models.Model):
    """Since which position a user of the text protocol reads a scope, or reads it no more.

    `user` is his primary key as text.
    """

    user = models.CharField(max_length=255)
    scope = models.TextField()
    position = models.BigIntegerField()
    present = models.BooleanField(default=True)

    class Meta:
        app_label = "django_pulse"
        constraints = [
            models.UniqueConstraint(fields=["user", "scope"], name="pulse_reading_scope")
        ]
        indexes = [models.Index(fields=["scope"], name="pulse_reading_by_scope")]

    def __str__(self) -> str:
        return f"{self.scope} by {self.user} since {self.position}"


class Reminder(models.Model):
    """A place in the feed at which clients of the text protocol are told once more what became of a
    row: those that read `scope`, the key of a scope or the own one of a user; see `text.reminding`.
    """

    scope = models.TextField()
    position = models.BigIntegerField()
    model = models.CharField(max_length=201)
    sync_id = models.UUIDField()

    class Meta:
        app_label = "django_pulse"
        constraints = [
            models.UniqueConstraint(fields=["scope", "model", "sync_id"], name="pulse_reminder_row")
        ]
        indexes = [models.Index(fields=["scope", "position"], name="pulse_reminder_position")]

    def __str__(self) -> str:
        return f"{self.model} {self.sync_id} in {self.scope} at {self.position}"
