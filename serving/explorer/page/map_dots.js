// All the map's dots, pixel by pixel: some ten thousand a frame, with or without a graphics card.

const SHAPES = ["circle", "square", "diamond", "triangle"];
// Radii are drawn in these steps, so that stamps of before serve while zooming.
const STEP = 0.25;

/** The shape of a group: with its colour, a second sign of it. */
export const shapeOf = (group, groups) =>
  groups[group] === "other" ? "circle" : SHAPES[(group + 1) % SHAPES.length];

/** The outline of a shape around (x, y), as the pen's path. */
export function outline(pen, shape, x, y, radius) {
  pen.beginPath();
  if (shape === "circle") pen.arc(x, y, radius, 0, 2 * Math.PI);
  else if (shape === "square")
    pen.rect(x - radius * 0.88, y - radius * 0.88, radius * 1.76, radius * 1.76);
  else if (shape === "diamond") polygon(pen, x, y, radius * 1.25, 4, 0);
  else polygon(pen, x, y + radius * 0.15, radius * 1.3, 3, -Math.PI / 2);
}

function polygon(pen, x, y, radius, corners, start) {
  for (let corner = 0; corner < corners; corner += 1) {
    const angle = start + (corner / corners) * 2 * Math.PI;
    pen.lineTo(x + Math.cos(angle) * radius, y + Math.sin(angle) * radius);
  }
  pen.closePath();
}

/** Draws the dots of a scene (see map_drawing.js), and the paper under them. */
export class Dots {
  constructor() {
    this.image = null;
    this.stamps = new Map();
  }

  draw(pen, { camera, points, groups, colours, hidden, ratio, present, theme }, radius) {
    const { width, height } = pen.canvas;
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = pen.createImageData(width, height);
    }
    const { data } = this.image;
    const [red, green, blue] = this.#stamp(theme.paper, "square", 4, 1).colour;
    const [first] = new Uint32Array(Uint8ClampedArray.of(red, green, blue, 255).buffer);
    new Uint32Array(data.buffer).fill(first);
    const strength = present === null ? 0.85 : 0.35;
    const stamps = groups.map((name, g) =>
      // The many of "other" stand back.
      this.#stamp(colours[g], shapeOf(g, groups), name === "other" ? radius * 0.75 : radius, ratio),
    );
    const scale = camera.scale * ratio;
    const left = width / 2 - camera.x * scale;
    const top = height / 2 + camera.y * scale;
    // The most prominent come first in the columns, and are drawn last.
    for (let i = points.x.length - 1; i >= 0; i -= 1) {
      if (hidden.has(points.group[i])) continue;
      const stamp = stamps[points.group[i]];
      const x = Math.round(left + points.x[i] * scale - stamp.side / 2);
      const y = Math.round(top - points.y[i] * scale - stamp.side / 2);
      if (x > -stamp.side && y > -stamp.side && x < width && y < height) {
        press(data, width, height, stamp, x, y, strength);
      }
    }
    pen.putImageData(this.image, 0, 0);
  }

  #stamp(colour, shape, radius, ratio) {
    const stepped = Math.max(1, Math.round(radius / STEP)) * STEP;
    const key = `${colour} ${shape} ${stepped} ${ratio}`;
    if (!this.stamps.has(key)) this.stamps.set(key, inked(pixels(colour, shape, stepped, ratio)));
    return this.stamps.get(key);
  }
}

/** A shape as pixels. */
function pixels(colour, shape, radius, ratio) {
  const side = Math.ceil((radius * 1.4 + 1) * 2 * ratio);
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.scale(ratio, ratio);
  pen.fillStyle = colour;
  outline(pen, shape, side / ratio / 2, side / ratio / 2, radius);
  pen.fill();
  return pen.getImageData(0, 0, side, side);
}

/** Only the pixels of a stamp that have ink: their places and how much. */
function inked({ data, width: side }) {
  const across = [];
  const down = [];
  const ink = [];
  let colour = [0, 0, 0];
  let most = 0;
  for (let place = 0; place < side * side; place += 1) {
    const alpha = data[place * 4 + 3];
    if (alpha === 0) continue;
    across.push(place % side);
    down.push(Math.floor(place / side));
    ink.push(alpha / 255);
    if (alpha > most) {
      most = alpha;
      colour = data.slice(place * 4, place * 4 + 3);
    }
  }
  return { side, across, down, ink, colour };
}

function press(
  data,
  width,
  height,
  { across, down, ink, colour: [red, green, blue] },
  x,
  y,
  strength,
) {
  for (let n = 0; n < ink.length; n += 1) {
    const column = x + across[n];
    const row = y + down[n];
    if (column < 0 || row < 0 || column >= width || row >= height) continue;
    const place = (row * width + column) * 4;
    const share = ink[n] * strength;
    data[place] += (red - data[place]) * share;
    data[place + 1] += (green - data[place + 1]) * share;
    data[place + 2] += (blue - data[place + 2]) * share;
  }
}
