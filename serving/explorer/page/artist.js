// Who the present artist is.

import { counted, element } from "./dom.js";
import { toNew } from "./route.js";

const WORDS = 12;

/**
 * Name, popularity, what is known, and words as chips.
 *
 * @param {object} artist as /artist gives it.
 * @param {object} about as /about gives it.
 */
export function artistHead(artist, about) {
  // Those with much to say first.
  const modalities = Object.entries(artist.words)
    .filter(([, words]) => words.length > 0)
    .sort(([, one], [, other]) => other.length - one.length);
  return element(
    "header",
    { class: "head" },
    element("h2", { id: "title", tabindex: "-1" }, artist.name),
    element("p", { class: "facts" }, facts(artist, about).join(" · ")),
    ...modalities.map(([modality, words]) => chips(modality, words, modalities.length > 1)),
  );
}

function facts(artist, about) {
  const said = [];
  if (artist.popularity !== null && artist.popularity !== undefined) {
    const number = Math.round(artist.popularity * 10) / 10;
    said.push(`popularity ${number.toLocaleString("en")}${standing(artist.popularity, about)}`);
  }
  said.push(counted(artist.num_neighbors, "known neighbour"));
  // Words show by themselves.
  const unseen = artist.modalities.filter((name) => !(name in artist.words));
  if (unseen.length) said.push(`has ${unseen.join(", ")}`);
  if (artist.modalities.length === 0) said.push("no content");
  return said;
}

/** How popular that is among the artists, as far as the quantiles say. */
function standing(popularity, { popularity_quantiles: quantiles }) {
  if (!quantiles) return "";
  const below = quantiles.slice(1, 10).filter((quantile) => popularity >= quantile).length;
  return below >= 5 ? `, top ${100 - below * 10}%` : "";
}

function chips(modality, words, named) {
  const strongest = Math.max(...words.map(([, weight]) => weight));
  const links = words.map(([word, weight]) => {
    const link = element(
      "a",
      {
        class: "chip",
        href: toNew([[modality, word]], []),
        title: `Artists near “${word}”`,
      },
      word,
    );
    link.style.setProperty("--strength", `${Math.round((weight / strongest) * 100)}%`);
    return element("li", {}, link);
  });
  const list = element("ul", { class: "chips", "aria-label": modality }, links.slice(0, WORDS));
  if (links.length > WORDS) {
    const more = element(
      "li",
      {},
      element(
        "button",
        {
          type: "button",
          class: "chip more",
          click: () => {
            more.replaceWith(...links.slice(WORDS));
            links[WORDS].firstChild.focus();
          },
        },
        `+${links.length - WORDS}`,
        element("span", { class: "unseen" }, " more words"),
      ),
    );
    list.append(more);
  }
  return element(
    "div",
    { class: "words" },
    named ? element("span", { class: "modality", "aria-hidden": "true" }, modality) : null,
    list,
  );
}
