"""Histories of one model: what devices and the server's own code do, made up, played and told.

kit       the model's fields, values, users            history     what may happen
stage     devices, rows, the story                     playing     one history, told
checking  what must hold at the end                    laws        what merge rules promise
"""

from .history import History, histories
from .kit import Kit
from .playing import Failure, play

__all__ = ["Failure", "History", "Kit", "histories", "play"]
