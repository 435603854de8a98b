// What is shown where there are no artists to show: one sentence each.

import { element } from "./dom.js";

/** While an answer is under way: the shapes of what will come. */
export function loading(what) {
  return element(
    "div",
    { class: "loading" },
    element("p", { class: "unseen" }, `${what} …`),
    ...Array.from({ length: 6 }, () => element("div", { class: "shape", "aria-hidden": "true" })),
  );
}

/** A sentence, and perhaps something to do about it: [label, what]. */
export function notice(sentence, ...actions) {
  return element(
    "div",
    { class: "notice" },
    element("p", {}, sentence),
    ...actions.map(([label, act]) => element("button", { type: "button", click: act }, label)),
  );
}

/** What went wrong, and a way to try again. */
export function failed(failure, again) {
  const sentence = failure.message || "Something went wrong on this page.";
  return notice(sentence, ["Try again", again]);
}
