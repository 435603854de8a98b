"""The sampler catalogue that is shipped: does it keep what its README promises?"""

import csv
import re
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from catalogues.spec import load_catalogue

FOLDER = Path(__file__).parents[2] / "catalogues" / "sampler"

CONTINENTS = {
    "Africa": (
        "Algeria; Angola; Benin; Cape Verde; DR Congo; Egypt; Ethiopia; Ghana; Mali; Morocco; "
        "Niger; Nigeria; Senegal; South Africa; Tunisia"
    ),
    "Asia": (
        "Cambodia; China; Hong Kong; India; Indonesia; Iran; Israel; Japan; Lebanon; Mongolia; "
        "Pakistan; Philippines; Singapore; South Korea; Syria; Taiwan; Thailand; Turkey"
    ),
    "Europe": (
        "Austria; Belarus; Belgium; Bosnia and Herzegovina; Bulgaria; Denmark; Estonia; "
        "Faroe Islands; Finland; France; Germany; Greece; Hungary; Iceland; Ireland; Italy; "
        "Netherlands; North Macedonia; Norway; Poland; Portugal; Romania; Russia; Serbia; "
        "Slovenia; Spain; Sweden; Switzerland; Ukraine; United Kingdom"
    ),
    "North America": (
        "Barbados; Canada; Cuba; Dominican Republic; Haiti; Jamaica; Mexico; Montserrat; Panama; "
        "Puerto Rico; Trinidad and Tobago; United States"
    ),
    "South America": "Argentina; Brazil; Chile; Colombia; Peru; Venezuela",
    "Oceania": "Australia; New Zealand",
}

GENRES = [
    "afrobeat",
    "alternative rock",
    "ambient",
    "americana",
    "bachata",
    "black metal",
    "bluegrass",
    "blues",
    "blues rock",
    "bolero",
    "bollywood",
    "bossa nova",
    "chanson",
    "city pop",
    "classic rock",
    "classical",
    "country",
    "cumbia",
    "dancehall",
    "death metal",
    "disco",
    "downtempo",
    "dream pop",
    "drum and bass",
    "dub",
    "dubstep",
    "edm",
    "emo",
    "fado",
    "flamenco",
    "folk",
    "folk rock",
    "free jazz",
    "funk",
    "gospel",
    "grunge",
    "hard bop",
    "hard rock",
    "hardcore punk",
    "heavy metal",
    "hip-hop",
    "house",
    "indie rock",
    "industrial",
    "j-pop",
    "jazz",
    "k-pop",
    "klezmer",
    "latin pop",
    "mpb",
    "neo soul",
    "new age",
    "new wave",
    "opera",
    "pop",
    "pop rock",
    "post-punk",
    "post-rock",
    "progressive rock",
    "psychedelic rock",
    "punk",
    "qawwali",
    "ranchera",
    "raï",
    "reggae",
    "reggaeton",
    "rock and roll",
    "salsa",
    "samba",
    "schlager",
    "shoegaze",
    "ska",
    "soul",
    "swing",
    "synth-pop",
    "tango",
    "techno",
    "thrash metal",
    "trance",
    "trap",
    "trip-hop",
    "zouk",
]

LETTERS = str.maketrans({"ø": "o", "ð": "d", "þ": "th", "ł": "l", "æ": "ae", "ı": "i", "đ": "d"})


def fold(name: str) -> str:
    """The name without what one may spell differently: case, accents, signs, `The` and `and`."""
    text = unicodedata.normalize("NFKD", name.lower().translate(LETTERS))
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"['’ʻ`.\"]", "", text.replace("&", " and ").replace("+", " and "))
    return "".join(re.sub(r"^the\s+", "", text).split()) or name


def rows(table: str) -> list[dict[str, str]]:
    (path,) = load_catalogue(FOLDER).files(table)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def artists() -> list[dict[str, str]]:
    return rows("artists.csv")


@pytest.fixture(scope="module")
def ids(artists) -> set[str]:
    return {row["artist_id"] for row in artists}


@pytest.fixture(scope="module")
def tags() -> list[dict[str, str]]:
    return rows("tags.csv")


@pytest.fixture(scope="module")
def edges() -> list[dict[str, str]]:
    return rows("edges.csv")


def test_the_description_names_the_columns_that_are_there():
    catalogue = load_catalogue(FOLDER)
    assert catalogue.name == "sampler"
    assert catalogue.artists.split is None
    assert {part.name: part.kind for part in catalogue.content} == dict.fromkeys(
        ("tags", "country", "decade"), "categories"
    )
    assert not catalogue.edges.directed
    assert list(rows("artists.csv")[0]) == [
        "artist_id",
        "name",
        "popularity",
        "country",
        "decade",
    ]
    assert list(rows("tags.csv")[0]) == ["artist_id", "tag", "weight"]
    assert list(rows("edges.csv")[0]) == ["source", "target", "weight"]


def test_there_are_enough_artists_and_none_twice(artists):
    assert len(artists) >= 800
    assert [name for name, n in Counter(row["artist_id"] for row in artists).items() if n > 1] == []
    folded = Counter(fold(row["name"]) for row in artists)
    assert [name for name, count in folded.items() if count > 1] == []


def test_fold_sees_through_spellings():
    assert fold("The Mamas & the Papas") == fold("Mamas and The Papas")
    assert fold("Sigur Rós") == fold("SIGUR ROS")
    assert fold("Yes") != fold("The The")


def test_artist_ids_are_readable(ids):
    assert [one for one in ids if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one)] == []
    assert {"bjork", "ac-dc", "the-beatles", "guns-n-roses"} <= ids


def test_popularity_and_decades_are_in_range(artists):
    assert all(1 <= int(row["popularity"]) <= 100 for row in artists)
    decades = {int(row["decade"]) for row in artists}
    assert decades == set(range(1930, 2021, 10))


def test_every_continent_is_there(artists):
    continent = {country: name for name, some in CONTINENTS.items() for country in some.split("; ")}
    countries = Counter(row["country"] for row in artists)
    assert set(countries) - set(continent) == set(), "countries of no continent; add them here"
    counts: Counter[str] = Counter()
    for country, count in countries.items():
        counts[continent[country]] += count
    assert {name for name in CONTINENTS if counts[name] < 15} == set()


def test_tags_belong_to_artists_and_are_few_enough(ids, tags):
    assert {row["artist_id"] for row in tags} == ids
    counts = Counter(row["artist_id"] for row in tags)
    assert {artist: n for artist, n in counts.items() if not 4 <= n <= 12} == {}
    assert len({(row["artist_id"], row["tag"]) for row in tags}) == len(tags)
    assert all(row["tag"] == row["tag"].strip().lower() != "" for row in tags)
    assert all(0 < float(row["weight"]) <= 100 for row in tags)


def test_there_are_enough_genres(tags):
    counts = Counter(row["tag"] for row in tags)
    assert sum(counts[genre] >= 3 for genre in GENRES) >= 30


def test_edges_join_known_artists_once(ids, edges):
    ends = {end for row in edges for end in (row["source"], row["target"])}
    assert ends - ids == set(), "edges lead to artists that are not there"
    # One order for each pair: neither loops nor the same pair the other way round.
    assert [row for row in edges if not row["source"] < row["target"]] == []
    assert len({(row["source"], row["target"]) for row in edges}) == len(edges)
    assert [row for row in edges if not 0 < float(row["weight"]) <= 1] == []


def test_every_artist_has_6_to_15_similar_ones(ids, edges):
    degrees = Counter(end for row in edges for end in (row["source"], row["target"]))
    assert {artist: degrees[artist] for artist in ids if not 6 <= degrees[artist] <= 15} == {}


def test_the_graph_is_connected(ids, edges):
    similar = defaultdict(set)
    for row in edges:
        similar[row["source"]].add(row["target"])
        similar[row["target"]].add(row["source"])
    reached, waiting = set(), [min(ids)]
    while waiting:
        artist = waiting.pop()
        if artist not in reached:
            reached.add(artist)
            waiting += similar[artist] - reached
    assert ids - reached == set()
