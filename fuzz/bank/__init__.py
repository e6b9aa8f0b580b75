"""The models that simulations run: a bank, whose branches have members, accounts and memos.

They exist in two releases, of which one is in use at a time; see `releases`.
"""

__all__: list[str] = []
