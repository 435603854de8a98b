// The map of the catalogue: every artist a dot, similar ones close together.

import { announce, counted, element, still } from "./dom.js";
import { Camera } from "./map_camera.js";
import { Dots, shapeOf } from "./map_dots.js";
import { drawMap } from "./map_drawing.js";
import { listen } from "./map_gestures.js";
import { Points } from "./map_points.js";
import { groupColour, onTheme } from "./palette.js";
import { onPoint, point } from "./pointing.js";

const REACH = 14;
// By keyboard one is nearer to a place than half a stride, not on it.
const REACH_OF_KEYS = 48;
const FLIGHT = 650;
const HELP =
  "Arrow keys move it, plus and minus zoom, 0 shows all, Enter goes to the artist " +
  "in the middle. The list says the same in words.";

/** The map in `root`; `walk(id)` is called with the artist that was chosen. */
export class CatalogueMap {
  constructor(root, walk) {
    this.root = root;
    this.walk = walk;
    this.columns = null;
    this.camera = new Camera();
    this.hidden = new Set();
    this.dots = new Dots();
    this.scene = { present: null, similar: [], walk: [], pointed: null, crosshair: false };
    this.frame = 0;
    this.flight = 0;
    this.canvas = element("canvas", { tabindex: "0", role: "application", "aria-label": "Map" });
    this.tip = element("p", { class: "tip", "aria-hidden": "true", hidden: true });
    this.landing = element(
      "div",
      { class: "landing", "aria-hidden": "true", hidden: true },
      element("span", {}),
      element("span", {}),
    );
    this.state = element("p", { class: "nothing" }, "The map is being drawn …");
    this.legend = element("ul", { class: "legend", "aria-label": "Groups of the map" });
    root.append(this.canvas, this.landing, this.tip, this.state, this.#buttons(), this.legend);
    this.#listen();
  }

  /** Takes the columns of /map. */
  load(columns) {
    this.columns = columns;
    this.points = new Points(columns);
    this.index = new Map(columns.id.map((id, i) => [id, i]));
    this.canvas.setAttribute(
      "aria-label",
      `Map of ${counted(columns.id.length, "artist")}, similar ones close together. ${HELP}`,
    );
    this.state.hidden = true;
    this.#readTheme();
    this.#writeLegend();
    this.draw();
  }

  /** Says why there is no map. */
  fail(sentence) {
    this.state.textContent = sentence;
  }

  /**
   * Shows an artist with its similar ones, and flies there.
   *
   * @param {{x, y, name}|null} present with `landing: true` where it is new.
   * @param {object[]} similar rows with id, name, x, y.
   * @param {string[]} walked ids of the walk so far.
   */
  show(present, similar, walked) {
    const { scene } = this;
    scene.present = present;
    scene.similar = similar.map((row) => ({ ...row, group: this.#groupOf(row.id) }));
    scene.walked = walked;
    this.landing.hidden = !present?.landing;
    this.tip.hidden = true;
    scene.pointed = null;
    this.#fly(
      present === null ? { x: 0, y: 0, zoom: 1 } : this.camera.around([present, ...similar]),
    );
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const { camera, canvas, columns, scene } = this;
    if (columns === null || camera.width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    const size = [Math.round(camera.width * ratio), Math.round(camera.height * ratio)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawMap(pen, {
      ...scene,
      camera,
      ratio,
      dots: this.dots,
      points: this.points,
      names: columns.name,
      groups: columns.groups,
      colours: this.colours,
      hidden: this.hidden,
      theme: this.theme,
      font: this.font,
      walk: (scene.walked ?? []).map((id) => this.#placeOf(id)).filter((place) => place !== null),
    });
    if (!this.landing.hidden) {
      const at = camera.toScreen(scene.present.x, scene.present.y);
      this.landing.style.transform = `translate(${at.x}px, ${at.y}px)`;
    }
  }

  #placeOf(id) {
    const i = this.index.get(id);
    return i === undefined ? null : { x: this.points.x[i], y: this.points.y[i] };
  }

  #groupOf(id) {
    const i = this.index?.get(id);
    return i === undefined ? null : this.columns.group[i];
  }

  #fly(view) {
    cancelAnimationFrame(this.flight);
    const { camera } = this;
    const from = { x: camera.x, y: camera.y, zoom: camera.zoom };
    if (still() || camera.width === 0) {
      Object.assign(camera, view);
      this.draw();
      return;
    }
    const begun = performance.now();
    const step = (now) => {
      const share = Math.min(1, Math.max(0, (now - begun) / FLIGHT));
      const eased = 1 - (1 - share) ** 3;
      camera.zoom = from.zoom * (view.zoom / from.zoom) ** eased;
      camera.x = from.x + (view.x - from.x) * eased;
      camera.y = from.y + (view.y - from.y) * eased;
      this.#draw();
      if (share < 1) this.flight = requestAnimationFrame(step);
    };
    this.flight = requestAnimationFrame(step);
  }

  #listen() {
    const moved =
      (act) =>
      (...given) => {
        cancelAnimationFrame(this.flight);
        act(...given);
        this.tip.hidden = true;
        this.draw();
      };
    listen(this.canvas, {
      pan: moved((dx, dy) => this.camera.pan(dx, dy)),
      zoom: moved((factor, x, y) => this.camera.zoomAt(factor, x, y)),
      whole: () => this.#fly({ x: 0, y: 0, zoom: 1 }),
      hover: (x, y) => this.#hover(this.#at(x, y)),
      leave: () => this.#hover(-1),
      click: (x, y, touch) => this.#click(this.#at(x, y), touch),
      key: () => this.#sayMiddle(),
      enter: () => {
        const i = this.#middle();
        if (i >= 0) this.walk(this.columns.id[i]);
      },
    });
    this.canvas.addEventListener("focus", () => this.#cross(this.canvas.matches(":focus-visible")));
    this.canvas.addEventListener("blur", () => this.#cross(false));
    new ResizeObserver(() => {
      const { width, height } = this.canvas.getBoundingClientRect();
      const first = this.camera.width === 0;
      this.camera.resize(width, height);
      const { present, similar } = this.scene;
      if (first && present !== null)
        Object.assign(this.camera, this.camera.around([present, ...similar]));
      this.draw();
    }).observe(this.canvas);
    onTheme(() => {
      if (this.columns === null) return;
      this.#readTheme();
      this.#writeLegend();
      this.draw();
    });
    onPoint((id) => {
      this.scene.pointed = id === null || this.columns === null ? null : this.#placeOf(id);
      this.draw();
    });
  }

  #cross(shown) {
    this.scene.crosshair = shown;
    this.draw();
  }

  #at(px, py, reach = REACH) {
    if (this.columns === null) return -1;
    const { x, y } = this.camera.toMap(px, py);
    return this.points.nearest(
      x,
      y,
      reach / this.camera.scale,
      (i) => !this.hidden.has(this.columns.group[i]),
    );
  }

  #middle() {
    const { width, height } = this.camera;
    return this.#at(width / 2, height / 2, REACH_OF_KEYS);
  }

  #sayMiddle() {
    this.#cross(true);
    const i = this.#middle();
    this.#hover(i);
    announce(i < 0 ? "No artist in the middle." : this.columns.name[i]);
  }

  #hover(i) {
    this.tip.hidden = i < 0;
    this.canvas.classList.toggle("on-artist", i >= 0);
    point(i < 0 ? null : this.columns.id[i]);
    if (i < 0) return;
    const { columns, points, camera } = this;
    const at = camera.toScreen(points.x[i], points.y[i]);
    const group = columns.groups[columns.group[i]];
    this.tip.replaceChildren(columns.name[i], element("span", { class: "aside" }, group));
    const half = Math.min(130, camera.width / 2);
    this.tip.style.left = `${Math.min(Math.max(at.x, half), camera.width - half)}px`;
    this.tip.style.top = `${at.y}px`;
    this.tip.classList.toggle("below", at.y < 60);
  }

  // A finger has no hover: its first tap shows the name, the second goes there.
  #click(i, touch) {
    if (touch && i >= 0 && (this.tip.hidden || this.tapped !== i)) {
      this.tapped = i;
      this.#hover(i);
      return;
    }
    this.tapped = -1;
    if (i >= 0) this.walk(this.columns.id[i]);
    else this.#hover(-1);
  }

  #buttons() {
    const button = (sign, label, act) =>
      element(
        "button",
        {
          type: "button",
          "aria-label": label,
          title: label,
          click: act,
        },
        element("span", { "aria-hidden": "true" }, sign),
      );
    const zoom = (factor) => () => {
      const { camera } = this;
      const goal = Object.assign(new Camera(), camera);
      goal.zoomAt(factor, camera.width / 2, camera.height / 2);
      this.#fly({ x: goal.x, y: goal.y, zoom: goal.zoom });
    };
    return element(
      "div",
      { class: "zooms", role: "group", "aria-label": "Zoom" },
      button("+", "Zoom in", zoom(1.8)),
      button("−", "Zoom out", zoom(1 / 1.8)),
      button("⤢", "Show all", () => this.#fly({ x: 0, y: 0, zoom: 1 })),
    );
  }

  #readTheme() {
    const style = getComputedStyle(this.root);
    const value = (name) => style.getPropertyValue(name).trim();
    this.font = style.fontFamily;
    this.theme = {
      paper: value("--paper"),
      ink: value("--ink"),
      soft: value("--soft"),
      accent: value("--accent"),
    };
    this.colours = this.columns.groups.map((_, g) => groupColour(g, this.columns.groups));
  }

  #writeLegend() {
    const { groups } = this.columns;
    this.legend.replaceChildren(
      ...groups.map((name, g) => {
        const sign = element("span", {
          class: `sign ${shapeOf(g, groups)}`,
          "aria-hidden": "true",
        });
        sign.style.background = this.colours[g];
        const button = element(
          "button",
          {
            type: "button",
            "aria-pressed": String(!this.hidden.has(g)),
            click: () => {
              if (!this.hidden.delete(g)) this.hidden.add(g);
              button.setAttribute("aria-pressed", String(!this.hidden.has(g)));
              this.draw();
            },
          },
          sign,
          name,
          element("span", { class: "aside" }, this.points.counts[g].toLocaleString("en")),
        );
        return element("li", {}, button);
      }),
    );
  }
}
