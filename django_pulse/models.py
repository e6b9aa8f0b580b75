"""What Django and users import: `SyncModel`, and the tables it is backed by."""

from .sync_model import SyncModel
from .tables import (
    Clock,
    Device,
    Document,
    Feed,
    Outbox,
    Outcome,
    Reading,
    Receipt,
    Reminder,
    Scope,
    Told,
)

__all__ = ["Clock", "Device", "Document", "Feed", "Outbox", "Outcome", "Reading", "Receipt"]
__all__ += ["Reminder", "Scope", "SyncModel", "Told"]
