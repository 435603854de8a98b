"""A catalogue with an edge inside each split and between every two, worked by hand.

t1 ─1─ t2 ─2─ t3      train
t1 ─3─ v1, t2 ─4─ x1  train with val, train with test
v1 ─5─ v2             val, hidden
x1 ─6─ x2             test, hidden
v1 ─7─ x1             val with test, used by nobody
"""

from __future__ import annotations

SPEC = """\
name: pairs
artists: {table: 'artists*.csv', id: id, name: name, popularity: fame, split: split, meta: [place]}
content:
  audio: {columns: [tempo, energy]}
  clap: {column: clap}
  genre: {categories: genre}
  tags: {table: 'tags*.csv', artist: artist, categories: tag, weight: count}
  sound: {table: 'tracks*.csv', artist: artist, columns: [low, high]}
edges: {table: 'edges*.csv', source: a, target: b, weight: w}
plays: {table: 'plays*.csv', listener: who, artist: artist, plays: n}
"""
ARTISTS = """\
id,name,fame,split,place,tempo,energy,clap,genre
t1,Tom,5,train,Rome,1,10,0.1;0.2,rock;pop
t2,Tim,,train,,3,30,0.3;0.4,rock
t3,,0,train,Oslo,,,,
v1,Val,1,val,Bonn,0,0,,soul
v2,Vic,2,val,Bern,7,70,0.5;0.6,
x1,Xan,3,test,Lima,8,80,0.7;0.8,jazz
x2,Xia,4,test,Kyiv,9,90,,rock
"""
EDGES = "a,b,w\nt1,t2,1\nt2,t3,2\nt1,v1,3\nx1,t2,4\nv1,v2,5\nx1,x2,6\nv1,x1,7\n"
TAGS = "artist,tag,count\nt1,rock,2\nt1,rock,1\nt1,pop,4\nt2,rock,1\nv1,loud,9\nx1,jazz,8\n"
TRACKS = "artist,low,high\nt1,0.1,1\nt1,0.2,2\nt1,0.3,6\nx1,5,5\n"
PLAYS = "who,artist,n\nu,t1,3\nw,t1,4\nu,x2,1\n"

FILES = {
    "catalogue.yaml": SPEC,
    "artists.csv": ARTISTS,
    "edges.csv": EDGES,
    "tags.csv": TAGS,
    "tracks.csv": TRACKS,
    "plays.csv": PLAYS,
}
