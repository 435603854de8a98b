// The list of the most similar artists, and why they are.

import { counted, element } from "./dom.js";
import { pointsAt } from "./pointing.js";
import { toArtist } from "./route.js";

const WORDS = 5;
const NAMES = 2;

/**
 * The list.
 *
 * @param {object[]} similar rows of /similar or /new.
 * @param {object} options colourOf(id): of an artist's group, or null; exclude(row): leaves it out.
 */
export function results(similar, { colourOf, exclude }) {
  const most = Math.max(...similar.map((row) => row.score), 0);
  const rows = similar.map((row) => oneOf(row, most, colourOf, exclude));
  return element("ol", { class: "results" }, rows);
}

function oneOf(row, most, colourOf, exclude) {
  const dot = element("span", { class: "dot", "aria-hidden": "true" });
  dot.style.background = colourOf(row.id) ?? "";
  const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("span", {}));
  bar.firstChild.style.width = `${Math.max(0, most > 0 ? row.score / most : 0) * 100}%`;
  return element(
    "li",
    { class: row.known ? "row known" : "row", "data-id": row.id, ...pointsAt(row.id) },
    element(
      "div",
      { class: "score" },
      element("span", { class: "unseen" }, "similarity "),
      row.score.toFixed(2),
      bar,
    ),
    element(
      "div",
      { class: "who" },
      dot,
      element("a", { href: toArtist(row.id) }, row.name),
      row.known
        ? element(
            "span",
            { class: "badge", title: "The catalogue says that the two are similar" },
            "known",
            element("span", { class: "unseen" }, " to be similar"),
          )
        : null,
      sharedWords(row.shared_words),
      reasons(row),
    ),
    element(
      "button",
      {
        type: "button",
        class: "leave-out",
        "aria-label": `Leave ${row.name} out`,
        title: "Leave out",
        click: () => exclude(row),
      },
      element("span", { "aria-hidden": "true" }, "×"),
    ),
  );
}

function sharedWords(shared) {
  // Of the modality with the most in common first.
  const modalities = Object.values(shared).sort((one, other) => other.length - one.length);
  const words = [...new Set(modalities.flat())];
  if (words.length === 0) return null;
  const more = words.length - WORDS;
  return element(
    "p",
    { class: "shared" },
    element("span", { class: "unseen" }, "Both: "),
    words.slice(0, WORDS).flatMap((word, index) => [index ? ", " : "", element("span", {}, word)]),
    more > 0 ? ` +${more}` : null,
  );
}

function reasons({ shared_neighbors: { count, artists }, nearest_modality: nearest }) {
  const said = [];
  if (count > 0) {
    const names = artists
      .slice(0, NAMES)
      .map((artist) => artist.name)
      .join(", ");
    const rest = count - Math.min(NAMES, artists.length);
    said.push(`${counted(count, "shared neighbour")}: ${names}${rest > 0 ? ` +${rest}` : ""}`);
  }
  if (nearest !== null) said.push(`nearest in ${nearest.name}, ${nearest.similarity.toFixed(2)}`);
  return said.length ? element("p", { class: "reasons" }, said.join(" · ")) : null;
}
