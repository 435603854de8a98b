// The neighbourhood as a picture: the present artist in the middle, similar ones around.

import { drawn, element, still } from "./dom.js";
import { layout } from "./graph_layout.js";
import { onPoint, pointsAt } from "./pointing.js";
import { toArtist } from "./route.js";

const LETTERS = 22;
const LINE = 40;

/** The picture in `root`; `colourOf(id)` gives the colour of an artist's group, or null. */
export class Graph {
  constructor(root, colourOf) {
    this.root = root;
    this.colourOf = colourOf;
    this.given = null;
    this.places = new Map();
    this.pen = document.createElement("canvas").getContext("2d");
    this.svg = drawn("svg", { role: "group" });
    this.empty = element("p", { class: "nothing" });
    root.append(this.svg, this.empty, legend());
    new ResizeObserver(() => this.draw(false)).observe(root);
    onPoint((id) => this.#emphasise(id));
  }

  /** Shows what /neighborhood gives, the middle first; null shows `sentence`. */
  show(given, sentence = "") {
    const held = this.root.contains(document.activeElement);
    this.given = given;
    this.empty.textContent = given === null ? sentence : "";
    this.draw(true);
    // Whoever walks in the picture by keyboard goes on from its middle.
    if (held && given !== null) this.svg.querySelector(".middle").focus();
  }

  /** Draws; `moving` lets the artists glide from where they were. */
  draw(moving) {
    const { width, height } = this.svg.getBoundingClientRect();
    if (this.given === null || width < 40 || height < 40) {
      this.svg.replaceChildren();
      return;
    }
    const { nodes, links } = this.given;
    const size = width < 500 ? 12 : 13;
    this.pen.font = `600 ${size}px ${getComputedStyle(this.root).fontFamily}`;
    const labels = nodes.map((node) => shortened(node.name));
    const boxes = nodes.map((node, i) => ({
      ...node,
      width: Math.max(28, this.pen.measureText(labels[i]).width),
    }));
    const at = layout(boxes, links, width, height, LINE);
    const place = new Map(nodes.map((node, i) => [node.id, at[i]]));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("aria-label", `Neighbourhood of ${nodes[0].name}`);
    this.svg.replaceChildren(
      drawn("g", { "aria-hidden": "true" }, ...rings(at, nodes)),
      drawn(
        "g",
        { "aria-hidden": "true", class: "links" },
        ...drawnOnce(links).map((link) => line(link, place, nodes[0].id)),
      ),
      ...nodes.map((node, i) => this.#node(node, labels[i], at[i], i === 0, links)),
    );
    if (moving) this.#glide(place);
    this.places = place;
  }

  #node(node, label, { x, y }, middle, links) {
    const known = links.some(
      (link) =>
        link.kind === "known" &&
        ((link.source === node.id && link.target === this.given.nodes[0].id) ||
          (link.target === node.id && link.source === this.given.nodes[0].id)),
    );
    const said = middle
      ? `${node.name}, in the middle`
      : `${node.name}, similarity ${node.score.toFixed(2)}${known ? ", known to be similar" : ""}`;
    const radius = middle ? 15 : 8;
    const dot = drawn("circle", { r: radius, class: "body" });
    dot.style.fill = this.colourOf(node.id) ?? "";
    // A new artist has a place in the picture but no page to walk to.
    const link = node.id === null ? {} : { href: toArtist(node.id) };
    const group = drawn(
      "a",
      {
        ...link,
        tabindex: "0",
        class: middle ? "node middle" : "node",
        "data-id": node.id ?? "",
        "aria-label": said,
        ...(middle ? { "aria-current": "true" } : pointsAt(node.id)),
      },
      drawn("title", {}, said),
      drawn("circle", { r: radius + 5, class: "halo" }),
      dot,
      drawn("text", { y: radius + 15, "text-anchor": "middle", "aria-hidden": "true" }, label),
    );
    group.style.transform = `translate(${x}px, ${y}px)`;
    return group;
  }

  #glide(place) {
    if (still() || this.places.size === 0) return;
    const centre = place.get(this.given.nodes[0].id);
    for (const node of this.svg.querySelectorAll(".node")) {
      const to = place.get(node.dataset.id) ?? centre;
      const from = this.places.get(node.dataset.id);
      const start = from ?? { x: (to.x + centre.x) / 2, y: (to.y + centre.y) / 2 };
      node.animate(
        [
          { transform: `translate(${start.x}px, ${start.y}px)`, opacity: from ? 1 : 0 },
          { transform: `translate(${to.x}px, ${to.y}px)`, opacity: 1 },
        ],
        { duration: 520, easing: "cubic-bezier(.2, .7, .2, 1)" },
      );
    }
    this.svg
      .querySelector(".links")
      .animate([{ opacity: 0 }, { opacity: 0, offset: 0.5 }, { opacity: 1 }], 700);
  }

  #emphasise(id) {
    const present = id !== null && this.places.has(id) && id !== this.given?.nodes[0].id;
    this.svg.classList.toggle("pointing", present);
    const near = new Set([id]);
    for (const path of this.svg.querySelectorAll(".link")) {
      const touches = present && (path.dataset.source === id || path.dataset.target === id);
      path.classList.toggle("lit", touches);
      if (touches) near.add(path.dataset.source).add(path.dataset.target);
    }
    for (const node of this.svg.querySelectorAll(".node")) {
      node.classList.toggle("lit", present && near.has(node.dataset.id));
    }
  }
}

function shortened(name) {
  const letters = [...name];
  return letters.length > LETTERS
    ? `${letters
        .slice(0, LETTERS - 1)
        .join("")
        .trimEnd()}…`
    : name;
}

/** One line between two artists: what is known goes before what the model says. */
export function drawnOnce(links) {
  const kept = new Map();
  for (const link of links) {
    const pair = JSON.stringify([link.source, link.target].sort());
    if (!kept.has(pair) || link.kind === "known") kept.set(pair, link);
  }
  return [...kept.values()];
}

function line({ source, target, kind }, place, middle) {
  const from = place.get(source);
  const to = place.get(target);
  return drawn("line", {
    x1: from.x,
    y1: from.y,
    x2: to.x,
    y2: to.y,
    class: `link ${kind}${source === middle || target === middle ? " of-middle" : ""}`,
    "data-source": source ?? "",
    "data-target": target,
  });
}

/** Faint rings around the middle, for the eye to compare distances. */
function rings([centre], nodes) {
  if (nodes.length < 2) return [];
  return [0.42, 0.71, 1].map((share) =>
    drawn("ellipse", {
      class: "ring",
      cx: centre.x,
      cy: centre.y,
      rx: Math.max(30, centre.x - 44) * share,
      ry: Math.max(30, centre.y - LINE * 0.6) * share,
    }),
  );
}

function legend() {
  const sample = (kind) =>
    drawn(
      "svg",
      { viewBox: "0 0 28 8", width: 28, height: 8, "aria-hidden": "true" },
      drawn("line", { x1: 1, y1: 4, x2: 27, y2: 4, class: `link ${kind}` }),
    );
  return element(
    "ul",
    { class: "legend", "aria-label": "Legend" },
    element("li", {}, sample("known"), "known to be similar"),
    element("li", {}, sample("similar"), "found by the model"),
    element("li", {}, "nearer the middle: more similar"),
  );
}
