"""temporary"""
import struct
from typing import Any
from .errors import Malformed
__all__=["Cursor","write_varuint","write_any"]
def write_varuint(n: int) -> bytes:
    o=bytearray()
    while n>127:
        o.append(n&127|128); n>>=7
    o.append(n); return bytes(o)
def write_any(v: Any) -> bytes:
    if v is None: return b"\x7e"
    if v is True: return b"\x78"
    if v is False: return b"\x79"
    if isinstance(v,str):
        b=v.encode(); return b"\x77"+write_varuint(len(b))+b
    if isinstance(v,(int,float)):
        f=float(v)
        try:
            p=struct.pack(">f",f)
            if struct.unpack(">f",p)[0]==f: return b"\x7c"+p
        except OverflowError: pass
        return b"\x7b"+struct.pack(">d",f)
    if isinstance(v,(list,tuple)): return b"\x75"+write_varuint(len(v))+b"".join(map(write_any,v))
    if isinstance(v,dict): return b"\x76"+write_varuint(len(v))+b"".join(write_varuint(len(k.encode()))+k.encode()+write_any(x) for k,x in v.items())
    raise TypeError(v)
class Cursor:
    def __init__(self,data:bytes,pos:int=0): self.data=data; self.pos=pos
    def byte(self)->int:
        try: b=self.data[self.pos]
        except IndexError: raise Malformed("ends") from None
        self.pos+=1; return b
    def varuint(self)->int:
        n=s=0
        while True:
            b=self.byte(); n|=(b&127)<<s; s+=7
            if b<128: return n
            if s>70: raise Malformed("long varint")
    def count(self,least:int=1)->int:
        n=self.varuint()
        if n*least>len(self.data)-self.pos: raise Malformed("count")
        return n
    def take(self,n:int)->bytes:
        b=self.data[self.pos:self.pos+n]
        if len(b)<n: raise Malformed("ends")
        self.pos+=n; return b
    def text(self)->str:
        try: return self.take(self.varuint()).decode()
        except UnicodeDecodeError: raise Malformed("utf8") from None
    def end(self)->None:
        if self.pos!=len(self.data): raise Malformed("trailing")
    def any(self)->Any:
        t=self.byte()
        if t==126: return None
        if t==120: return True
        if t==121: return False
        if t==119: return self.text()
        if t==124: f=struct.unpack(">f",self.take(4))[0]
        elif t==123: f=struct.unpack(">d",self.take(8))[0]
        elif t==117: return [self.any() for _ in range(self.count())]
        elif t==118: return {self.text():self.any() for _ in range(self.count())}
        else: raise Malformed(f"tag {t}")
        return int(f) if f==int(f) and abs(f)<2**53 else f
