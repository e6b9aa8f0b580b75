"""The core: documents that merge, without Django, without I/O, without a clock of its own.

    task = Schema("todo.task", {"title": Field("title", "str")})
    mine, yours = Document(replica=1), Document(replica=2)
    write_field(mine, task.fields["title"], MISSING, "Buy milk", now_ms=1_700_000_000_000)
    yours.apply_update(mine.encode())
    task.read(yours).values  # {"title": "Buy milk"}

`Replica` holds many documents for one device and speaks with a server; a merge rule of one's own
subclasses `MergeRule`.
"""

from .conflicts import Alive, conflicts
from .document import Document
from .editing import write_field
from .entry import Dot, Entry, Live, Write
from .errors import Gap, LocalFault, Malformed, PulseError, RemoteFault, TooLarge
from .events import (
    Changed,
    Connected,
    Event,
    Failed,
    Kept,
    KeptField,
    MergedInto,
    Parked,
    Refused,
    Removed,
    Resyncing,
    Reverted,
    SignInRenewed,
    Synced,
)
from .replica import Replica, RowView
from .rules import (
    AddWinsSet,
    Conflicts,
    Counter,
    DeepMerge,
    DeleteWins,
    First,
    Flag,
    LastActionWins,
    Latest,
    List,
    Max,
    MergeRule,
    Min,
    Pushed,
    Refusal,
    ServerOnly,
    Text,
)
from .schema import MISSING, Field, Row, Schema
from .store import MemoryStore, Store
from .vector import Order, VectorClock

__all__ = [
    "MISSING",
    "AddWinsSet",
    "Alive",
    "Changed",
    "Conflicts",
    "Connected",
    "Counter",
    "DeepMerge",
    "DeleteWins",
    "Document",
    "Dot",
    "Entry",
    "Event",
    "Failed",
    "Field",
    "First",
    "Flag",
    "Gap",
    "Kept",
    "KeptField",
    "LastActionWins",
    "Latest",
    "List",
    "Live",
    "LocalFault",
    "Malformed",
    "Max",
    "MemoryStore",
    "MergeRule",
    "MergedInto",
    "Min",
    "Order",
    "Parked",
    "PulseError",
    "Pushed",
    "Refusal",
    "Refused",
    "RemoteFault",
    "Removed",
    "Replica",
    "Resyncing",
    "Reverted",
    "Row",
    "RowView",
    "Schema",
    "ServerOnly",
    "SignInRenewed",
    "Store",
    "Synced",
    "Text",
    "TooLarge",
    "VectorClock",
    "Write",
    "conflicts",
    "write_field",
]
