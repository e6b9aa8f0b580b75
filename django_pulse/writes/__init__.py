"""The write path: every writer of a synced row comes through here."""

from .pushes.items import ItemResult, PushItem, StoredOutcome, Upload
from .pushes.outcomes import confirm, outcomes
from .pushes.pushing import push

__all__ = ["ItemResult", "PushItem", "StoredOutcome", "Upload", "confirm", "outcomes", "push"]
