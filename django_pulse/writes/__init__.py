"""The write path: every writer of a synced row comes through here."""

from .pushes.admitting import admit_of
from .pushes.items import ItemResult, PushItem, StoredOutcome, Upload
from .pushes.outcomes import confirm, outcomes
from .pushes.pushing import push

__all__ = ["ItemResult", "PushItem", "StoredOutcome", "Upload", "admit_of", "confirm", "outcomes"]
__all__ += ["push"]
