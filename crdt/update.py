"""temporary"""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from .entry import Dot, Entry, entries_root
from .errors import Gap, Malformed
from .lib0 import Cursor, write_any, write_varuint
__all__=["Push","State","merge_ranges","read_push","read_state","split_push","write_update"]
@dataclass(frozen=True,slots=True)
class State:
    vector: dict[int,int]; entries: dict[Dot,Entry]; last_entry: dict[int,int]
    deleted: dict[int,list[tuple[int,int]]]; text_roots: frozenset[str]; first: dict[int,int]
@dataclass(frozen=True,slots=True)
class Push:
    replica:int; first:int; next:int; entries: tuple[Entry,...]; text_fields: frozenset[str]
    deletes: dict[int,list[tuple[int,int]]]; known: bool; data: bytes
def _entry(r,c,raw):
    return Entry(Dot(r,c),raw[0],raw[1],raw[2],tuple(Dot(*d) for d in raw[3]) if len(raw)>3 else (), Dot(*raw[4]) if len(raw)>4 else None)
def read_state(data: bytes)->State:
    vec={};ents={};last={};dele={};texts=set();first={}
    if not data: return State(vec,ents,last,dele,frozenset(),first)
    c=Cursor(data)
    for _ in range(c.varuint()):
        n=c.varuint(); r=c.varuint(); clock=c.varuint(); first[r]=clock
        for _ in range(n):
            info=c.byte(); ref=info&31; root=None; origin=None
            if ref in(0,10):
                clock+=c.varuint(); continue
            if info&0x80: origin=(c.varuint(),c.varuint())
            if info&0x40: c.varuint();c.varuint()
            if not info&0xc0:
                if c.varuint()!=1: raise Malformed("parent")
                root=c.text()
                if root[0]=="t": texts.add(root[1:])
            if ref==8:
                for _ in range(c.varuint()):
                    raw=c.any(); ents[Dot(r,clock)]=_entry(r,clock,raw); last[r]=clock; clock+=1
            elif ref==1:
                ln=c.varuint()
                if root==entries_root(r) or origin==(r,last.get(r)): last[r]=clock+ln-1
                clock+=ln
            elif ref==4: clock+=len(c.text().encode("utf-16-le"))//2
            else: raise Malformed("content")
        vec[r]=clock
    for _ in range(c.varuint()):
        r=c.varuint(); dele[r]=[(c.varuint(),c.varuint()) for _ in range(c.varuint())]
    c.end()
    for r,rs in dele.items():
        for s,l in rs:
            if l<100:
                for k in range(s,s+l): ents.pop(Dot(r,k),None)
            else:
                for d in [d for d in ents if d.replica==r and s<=d.clock<s+l]: del ents[d]
    return State(vec,ents,last,dele,frozenset(texts),first)
def read_push(data:bytes,replica:int,known:State,limits=None)->Push:
    s=read_state(data)
    if list(s.vector)!=[replica]: raise Malformed("sections")
    first,nxt=s.first[replica],s.vector[replica]; have=known.vector.get(replica,0)
    isknown=nxt<=have
    if not isknown and first!=have: raise Gap(replica,have,first)
    return Push(replica,first,nxt,tuple(s.entries.values()),frozenset(s.text_roots),s.deleted,isknown,data)
def merge_ranges(ranges):
    out=[]
    for s,l in sorted(ranges):
        if out and out[-1][0]+out[-1][1]>=s: out[-1]=(out[-1][0],max(out[-1][1],s+l-out[-1][0]))
        else: out.append((s,l))
    return out
def write_update(replica,clock,origin,entries,deletes):
    p=[]
    if entries:
        root=entries_root(replica).encode()
        p+=[b"\x01\x01",write_varuint(replica),write_varuint(clock)]
        p.append(b"\x08\x01"+write_varuint(len(root))+root if origin is None else b"\x88"+write_varuint(replica)+write_varuint(origin))
        p.append(write_varuint(len(entries))); p+=map(write_any,entries)
    else: p.append(b"\x00")
    p.append(write_varuint(len(deletes)))
    for r,rs in deletes.items():
        p+=[write_varuint(r),write_varuint(len(rs))]
        for s,l in rs: p+=[write_varuint(s),write_varuint(l)]
    return b"".join(p)
def split_push(data,max_structs): return [data]
