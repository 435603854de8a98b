// The dialog that asks for the server's token.

import { element } from "./dom.js";

/** Asks for the token; `refused` says that one was tried. Resolves to it, or to null. */
export function askToken(refused) {
  const input = element("input", {
    id: "token",
    type: "password",
    autocomplete: "off",
    required: true,
    spellcheck: "false",
    "aria-describedby": "token-why",
  });
  const why = refused
    ? "The server did not take that token; try another."
    : "This server answers only with its token; it is kept until this tab is closed.";
  const dialog = element(
    "dialog",
    { class: "token", "aria-labelledby": "token-title" },
    element(
      "form",
      { method: "dialog" },
      element("h2", { id: "token-title" }, "Token"),
      element("p", { id: "token-why" }, why),
      element("label", { for: "token" }, "Token"),
      input,
      element(
        "div",
        { class: "choices" },
        element("button", { type: "submit", class: "chief", value: "given" }, "Go on"),
        element("button", { type: "button", click: () => dialog.close("") }, "Not now"),
      ),
    ),
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "given" ? input.value.trim() : "";
      dialog.remove();
      resolve(given === "" ? null : given);
    });
    dialog.showModal();
    input.focus();
  });
}
