// Places of the page, as they stand after # in its address.

/**
 * The place that a hash names: {view: "artist", id}, {view: "new", words: [[modality, word]],
 * near: [id]} or {view: "home"}.
 */
export function parseRoute(hash) {
  const [path, query = ""] = splitOnce(hash.replace(/^#\/?/, ""), "?");
  const [first, ...rest] = path.split("/");
  if (first === "artist" && rest.join("/") !== "") {
    const id = decoded(rest.join("/"));
    if (id !== null) return { view: "artist", id };
  }
  if (first === "new") {
    const asked = new URLSearchParams(query);
    const words = asked.getAll("word").map((pair) => splitOnce(pair, ":"));
    return { view: "new", words: words.filter((pair) => pair[1]), near: asked.getAll("near") };
  }
  return { view: "home" };
}

function splitOnce(text, at) {
  const place = text.indexOf(at);
  return place < 0 ? [text] : [text.slice(0, place), text.slice(place + at.length)];
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** The hash of an artist's place. */
export const toArtist = (id) => `#/artist/${encodeURIComponent(id)}`;

/** The hash of a new artist of these words and neighbours. */
export function toNew(words, near) {
  const query = new URLSearchParams();
  for (const [modality, word] of words) query.append("word", `${modality}:${word}`);
  for (const id of near) query.append("near", id);
  const asked = query.toString();
  return asked ? `#/new?${asked}` : "#/new";
}
