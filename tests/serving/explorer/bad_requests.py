"""What is wrong with requests of the explorer, and the sentence that each gets."""

from __future__ import annotations

BAD_QUERIES = [
    ("about", "x=1", "There is no parameter 'x'; there are none."),
    ("search", "query=a", "There is no parameter 'query'; there are q, limit."),
    ("search", "q=a&q=b", "Give the parameter 'q' once."),
    ("search", "q=" + "a" * 201, "'q' has 201 letters; at most 200 can be asked for."),
    ("search", "limit=0", "'limit' must be a whole number from 1 to 100, not 0."),
    ("search", "limit=101", "'limit' must be a whole number from 1 to 100, not 101."),
    ("search", "limit=1.5", "'limit' must be a whole number from 1 to 100, not 1.5."),
    ("search", "limit=٣", "'limit' must be a whole number from 1 to 100, not ٣."),
    ("artist", "", "Give the parameter 'id'."),
    ("artist", "id=a&k=1", "There is no parameter 'k'; there are id."),
    ("similar", "", "Give the parameter 'id'."),
    ("similar", "id=artist:0000&k=-1", "'k' must be a whole number from 1 to 100, not -1."),
    ("similar", "id=artist:0000&k=", "'k' must be a whole number from 1 to 100, not ."),
    (
        "similar",
        "id=artist:0000&min_popularity=nan",
        "'min_popularity' must be a number, not nan.",
    ),
    (
        "similar",
        "id=artist:0000&min_popularity=inf",
        "'min_popularity' must be a number, not inf.",
    ),
    (
        "similar",
        "id=artist:0000&min_popularity=1e39",
        "'min_popularity' must be a number, not 1e39.",
    ),
    (
        "similar",
        "id=artist:0000&min_popularity=much",
        "'min_popularity' must be a number, not much.",
    ),
    (
        "similar",
        "id=artist:0000&modality=audio&modality=mood",
        "The catalogue has no modality 'mood'; it has: audio, tags.",
    ),
    ("similar", "id=artist:0000&modality=", "'modality' has an empty text."),
    ("neighborhood", "id=artist:0000&exclude=", "'exclude' has an empty text."),
    (
        "neighborhood",
        "id=artist:0000" + "".join(f"&exclude={place}" for place in range(201)),
        "'exclude' names 201; at most 200 can be named.",
    ),
    ("words", "q=a", "Give the parameter 'modality'."),
    ("map", "id=a", "There is no parameter 'id'; there are none."),
]
NO_PLAYS = "'plays' must be an object with how often each listener played it, {listener: number}."
BAD_BODIES = [
    ("nothing", "JSON Parse error: the body is not JSON at character 0."),
    ("[1]", "The body must be a JSON object, {…}."),
    (
        {"contents": {}},
        "There is no 'contents' in a request; there are content, neighbors, plays, k, modality, "
        "min_popularity, exclude.",
    ),
    ({"content": []}, "'content' must be an object, {modality: …}."),
    (
        {"content": {"tag": {"dub": 1}}},
        "The model has no modality 'tag' (did you mean 'tags'?); it has: audio, tags.",
    ),
    ({"content": {"audio": [1, 2]}}, "Content 'audio' has to be a vector of 3 numbers."),
    ({"content": {"audio": {"dub": 1}}}, "Content 'audio' has to be a vector of 3 numbers."),
    ({"content": {"tags": [1]}}, "Content 'tags' has to be words with their weights."),
    (
        '{"content": {"audio": [1, NaN, 2]}}',
        "Content 'audio' must be words with weights, {word: number}, or a vector, [numbers].",
    ),
    (
        {"content": {"tags": {"dub": "much"}}},
        "Content 'tags' must be words with weights, {word: number}, or a vector, [numbers].",
    ),
    (
        {"content": {"tags": {"dub": True}}},
        "Content 'tags' must be words with weights, {word: number}, or a vector, [numbers].",
    ),
    ({"content": {"audio": [1e39, 0, 0]}}, "Content 'audio' has to have finite numbers."),
    (
        {"content": {"audio": [10**400, 0, 0]}},
        "Content 'audio' must be words with weights, {word: number}, or a vector, [numbers].",
    ),
    ({"plays": {"fan": 10**400}}, NO_PLAYS),
    ({"min_popularity": -(10**400)}, "'min_popularity' must be a number, not -1000000000"),
    ({"content": {"tags": {"": 1}}}, "'content.tags' has an empty text."),
    ({"content": {"tags": {"a" * 201: 1}}}, "'content.tags' has 201 letters; at most 200 can be"),
    (
        {"content": {"tags": {f"{place}": 1 for place in range(201)}}},
        "'content.tags' names 201; at most 200 can be named.",
    ),
    ({"neighbors": "artist:0000"}, "'neighbors' must be a list of texts."),
    ({"neighbors": [7]}, "'neighbors' must be a text."),
    ({"neighbors": ["\ud800"]}, "'neighbors' must be a text in UTF-8."),
    (
        {"neighbors": [f"{place}" for place in range(201)]},
        "'neighbors' names 201; at most 200 can be named.",
    ),
    ({"plays": ["fan"]}, NO_PLAYS),
    ({"plays": {"fan": "often"}}, NO_PLAYS),
    ({"plays": {"fan": -1}}, NO_PLAYS),
    ('{"plays": {"fan": NaN}}', NO_PLAYS),
    ({"plays": {"": 1}}, "'plays' has an empty text."),
    (
        {"plays": {f"{place}": 1 for place in range(201)}},
        "'plays' names 201; at most 200 can be named.",
    ),
    (
        {"plays": {"fan": 1}},
        "The model takes no plays: it was trained without them, or does not read what they become",
    ),
    ({"k": 0}, "'k' must be a whole number from 1 to 100, not 0."),
    ({"k": 2.0}, "'k' must be a whole number from 1 to 100, not 2.0."),
    ({"k": True}, "'k' must be a whole number from 1 to 100, not True."),
    ({"min_popularity": "1"}, "'min_popularity' must be a number, not 1."),
    ('{"min_popularity": NaN}', "'min_popularity' must be a number, not nan."),
    ({"modality": ["mood"]}, "The catalogue has no modality 'mood'; it has: audio, tags."),
    ({"exclude": {}}, "'exclude' must be a list of texts."),
]
