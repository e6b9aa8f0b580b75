"""Merge rules, by subject: `base` says what one is and which laws it keeps, `replacing`, `numbers`,
`sets`, `lists` and `trees` hold those of fields, `row` those of rows, `built_in` finds a rule by
its description.
"""

from .base import MergeRule, Pushed, Refusal, latest, ranked
from .built_in import BUILT_IN, check_name, rule_from_description
from .lists import List
from .numbers import Counter, Max, Min
from .replacing import Conflicts, First, Flag, Latest, ServerOnly, Text
from .row import DeleteWins, LastActionWins, RowRule
from .sets import AddWinsSet
from .trees import DeepMerge

__all__ = [
    "BUILT_IN",
    "AddWinsSet",
    "Conflicts",
    "Counter",
    "DeepMerge",
    "DeleteWins",
    "First",
    "Flag",
    "LastActionWins",
    "Latest",
    "List",
    "Max",
    "MergeRule",
    "Min",
    "Pushed",
    "Refusal",
    "RowRule",
    "ServerOnly",
    "Text",
    "check_name",
    "latest",
    "ranked",
    "rule_from_description",
]
