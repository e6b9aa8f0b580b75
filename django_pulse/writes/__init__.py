"""The write path: every writer of a synced row comes through here."""

from .items import ItemResult, PushItem, StoredOutcome, Upload
from .outcomes import confirm, outcomes
from .pushing import push

__all__ = ["ItemResult", "PushItem", "StoredOutcome", "Upload", "confirm", "outcomes", "push"]
