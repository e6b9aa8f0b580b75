"""Golden bytes: every kind of message, its header as text, and its blobs."""

from uuid import UUID

from crdt.frames import (
    Ack,
    Busy,
    Changes,
    Confirm,
    Fault,
    Hello,
    Item,
    Key,
    Leave,
    Limits,
    Listing,
    Message,
    Outcome,
    Outcomes,
    ParkedRow,
    Ping,
    Pong,
    Pull,
    Push,
    Refused,
    Renew,
    Renewed,
    Resend,
    Reverted,
    RevertedField,
    Subscribe,
    Subscribed,
    Welcome,
)

__all__ = ["GOLDEN", "ID1", "ID2", "ONE", "TWO", "UNDONE"]

ONE = UUID("00000000-0000-4000-8000-000000000001")
TWO = UUID("00000000-0000-4000-8000-000000000002")
ID1, ID2 = f'"{ONE}"', f'"{TWO}"'
UNDONE = {"title": RevertedField("naïve 😀", "invalid", "Too long.")}

GOLDEN: list[tuple[Message, str, bytes]] = [
    (
        Hello(7, "phone", "secret", (3, 4)),
        '{"type":"hello","protocol":1,"replica":7,"device":"phone","token":"secret",'
        '"outcomes":[3,4]}',
        b"",
    ),
    (
        Welcome(
            "e1", 1700000000000, "42", ({"model": "todo.task"},), {"all": 9}, Limits(8, 5, 1), 15.0
        ),
        '{"type":"welcome","protocol":1,"epoch":"e1","time":1700000000000,"user":"42",'
        '"schemas":[{"model":"todo.task"}],"scopes":{"all":9},'
        '"limits":{"frame":8,"rows":5,"structs":1},"poll":15.0}',
        b"",
    ),
    (
        Push(1, "e1", (Item("todo.task", ONE, b"ab"), Item("todo.task", TWO, b"c"))),
        '{"type":"push","id":1,"epoch":"e1","items":[["todo.task",' + ID1 + '],["todo.task",'
        "" + ID2 + ']],"sizes":[2,1]}',
        b"abc",
    ),
    (
        Ack(
            1,
            6,
            {
                0: Resend(3),
                1: Refused("forbidden", "No."),
                2: Busy(),
                3: Reverted({}, 11, 2, ParkedRow("waiting", "Not yet.", UNDONE)),
                4: Reverted(UNDONE, 12, 8),
                5: Refused("denied", "No.", {"body": RevertedField(None, "denied", "No.")}),
            },
        ),
        '{"type":"ack","push":1,"count":6,"exceptions":{"0":{"status":"resend","clock":3},'
        '"1":{"status":"refused","code":"forbidden","message":"No."},"2":{"status":"busy"},'
        '"3":{"status":"ok","reverted":{},"parked":{"code":"waiting","message":"Not yet.","fields":'
        '{"title":{"value":"naïve 😀","code":"invalid","message":"Too long."}}},'
        '"outcome":11,"clock":2},'
        '"4":{"status":"ok","reverted":{"title":{"value":"naïve 😀","code":"invalid",'
        '"message":"Too long."}},"outcome":12,"clock":8},"5":{"status":"refused","code":"denied",'
        '"message":"No.","fields":{"body":{"value":null,"code":"denied","message":"No."}}}}}',
        b"",
    ),
    (
        Outcomes((Outcome(12, "todo.task", ONE, 8, {"done": RevertedField(None, "c", "m")}),)),
        '{"type":"ack","push":null,"outcomes":[{"outcome":12,"model":"todo.task","id":' + ID1 + ","
        '"clock":8,"reverted":{"done":{"value":null,"code":"c","message":"m"}}}]}',
        b"",
    ),
    (
        Outcomes((Outcome(13, "todo.task", ONE, 8, {}, ParkedRow("merged", "Two.", {}, TWO)),)),
        '{"type":"ack","push":null,"outcomes":[{"outcome":13,"model":"todo.task","id":' + ID1 + ","
        '"clock":8,"reverted":{},"parked":{"code":"merged","message":"Two.","fields":{},"into":'
        "" + ID2 + "}}]}",
        b"",
    ),
    (Renew("another"), '{"type":"renew","token":"another"}', b""),
    (Renewed(300.0), '{"type":"renewed","expires_in":300.0}', b""),
    (Renewed(), '{"type":"renewed"}', b""),
    (Confirm((12,)), '{"type":"ack","outcomes":[12]}', b""),
    (
        Pull(2, {"all": 9}, (Key("todo.task", ONE),)),
        '{"type":"pull","id":2,"cursors":{"all":9},"documents":[["todo.task",' + ID1 + "]]}",
        b"",
    ),
    (
        Changes(
            "all",
            9,
            12,
            more=True,
            live=False,
            pull=2,
            items=(Item("todo.task", ONE, b"\x00\xff"),),
            leaves=(Key("todo.task", TWO),),
        ),
        '{"type":"changes","scope":"all","from":9,"to":12,"more":true,"live":false,"pull":2,'
        '"items":[["todo.task",' + ID1 + ']],"leaves":[["todo.task",' + ID2 + ']],"sizes":[2]}',
        b"\x00\xff",
    ),
    (
        Push(1, "e1", (Item("todo.task", ONE, b"a", 12), Item("todo.task", TWO, b"b"))),
        '{"type":"push","id":1,"epoch":"e1","items":[["todo.task",' + ID1 + '],["todo.task",'
        "" + ID2 + ']],"seen":[12,null],"sizes":[1,1]}',
        b"ab",
    ),
    (
        Pull(2, {"all": 9}, (), {"all": 30}),
        '{"type":"pull","id":2,"cursors":{"all":9},"documents":[],"listings":{"all":30}}',
        b"",
    ),
    (
        Changes("all", 0, 12, listing=Listing(20, 30)),
        '{"type":"changes","scope":"all","from":0,"to":12,"more":false,"live":false,"pull":null,'
        '"items":[],"leaves":[],"listing":[20,30],"sizes":[]}',
        b"",
    ),
    (Leave("all"), '{"type":"leave","scope":"all"}', b""),
    (Ping(5), '{"type":"ping","time":5}', b""),
    (Pong(5, {"all": 12}), '{"type":"pong","time":5,"heads":{"all":12}}', b""),
    (
        Fault("too_large", "No.", fatal=True, push=3),
        '{"type":"error","code":"too_large","message":"No.","fatal":true,"push":3}',
        b"",
    ),
]

WANTED = {"todo.task": {"project": (7, None, "é"), "done": ()}, "todo.note": {}}
JSON = '{"todo.task":{"project":[7,null,"é"],"done":[]},"todo.note":{}}'

GOLDEN += [
    (Subscribe(3, WANTED), f'{{"type":"subscribe","id":3,"models":{JSON}}}', b""),
    (Subscribed(3, {"all": 9}), '{"type":"subscribed","id":3,"heads":{"all":9}}', b""),
    (
        Hello(7, "phone", None, (), subscription=WANTED),
        '{"type":"hello","protocol":1,"replica":7,"device":"phone","token":null,"outcomes":[],'
        f'"models":{JSON}}}',
        b"",
    ),
]
