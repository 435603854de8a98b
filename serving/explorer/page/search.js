// The search for an artist by name.

import { get } from "./api.js";
import { combobox } from "./combobox.js";
import { counted, element } from "./dom.js";

/**
 * A field that finds artists as one types; an empty one offers the most popular.
 *
 * @param {object} options id, label and placeholder of the field; pick({id, name, …}).
 */
export function artistSearch({ id, label, placeholder, pick }) {
  return combobox({
    id,
    label,
    placeholder,
    pick,
    ask: async (text, signal) => (await get("search", { q: text, limit: 8 }, signal)).artists,
    show: (artist, text) => [
      element("span", { class: "found" }, marked(artist.name, text)),
      artist.popularity === null
        ? null
        : element(
            "span",
            { class: "aside" },
            element("span", { class: "unseen" }, ", popularity "),
            String(Math.round(artist.popularity * 10) / 10),
          ),
    ],
    none: (text) => `No artist is called anything like “${text}”.`,
    counted: (number) => `${counted(number, "artist")} found.`,
  });
}

// Letter by letter without accents and case, so that places in the name stay.
const folded = (text) =>
  [...text].map(
    (letter) => letter.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()[0] ?? " ",
  );

/** The name as nodes, with what was typed marked where it stands there. */
function marked(name, typed) {
  const letters = [...name];
  const wanted = folded(typed).join("");
  const place = wanted === "" ? -1 : folded(name).join("").indexOf(wanted);
  if (place < 0) return [name];
  const end = place + wanted.length;
  return [
    letters.slice(0, place).join(""),
    element("mark", {}, letters.slice(place, end).join("")),
    letters.slice(end).join(""),
  ];
}
