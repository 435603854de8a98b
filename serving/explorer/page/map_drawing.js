// Draws the map: dots by group, the groups' names, the present artist with its similar ones, labels.

const SHAPES = ["circle", "square", "diamond", "triangle"];

/** The outline of a shape around (0, 0), into a path that is begun. */
function outline(pen, shape, x, y, radius) {
  pen.beginPath();
  if (shape === "circle") pen.arc(x, y, radius, 0, 2 * Math.PI);
  else if (shape === "square") pen.rect(x - radius * 0.88, y - radius * 0.88, radius * 1.76, radius * 1.76);
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

/** The shape of a group: with its colour, a second sign of it. */
export const shapeOf = (group) => SHAPES[group % SHAPES.length];

/** One group's dot as a picture, drawn once and stamped many times. */
function stamp(colour, shape, radius, ratio) {
  const side = Math.ceil((radius * 1.4 + 1) * 2 * ratio);
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.fillStyle = colour;
  outline(pen, shape, side / ratio / 2, side / ratio / 2, radius);
  pen.fill();
  return canvas;
}

/**
 * Draws one picture of the map.
 *
 * @param {CanvasRenderingContext2D} pen of a canvas whose unit is one CSS pixel.
 * @param {object} scene
 *   camera; points; names; groups; colours: of the groups; hidden: Set of groups;
 *   theme: {paper, ink, soft, accent}; font; ratio: device pixels of one CSS pixel;
 *   present: place {x, y, name} or null; similar: places [{x, y, name, group}]; walk: places;
 *   pointed: place or null; crosshair: whether the middle is marked.
 */
export function drawMap(pen, scene) {
  const { camera } = scene;
  pen.clearRect(0, 0, camera.width, camera.height);
  const radius = Math.min(6, (scene.points.x.length > 5000 ? 1.5 : 2.6) * Math.sqrt(camera.zoom) ** 0.9);
  drawDots(pen, scene, radius);
  const taken = [];
  if (scene.present === null && camera.zoom < 5) drawGroupNames(pen, scene, taken);
  drawWalk(pen, scene);
  drawPresent(pen, scene, radius, taken);
  drawNames(pen, scene, taken);
  if (scene.crosshair) drawCrosshair(pen, scene);
}

function drawDots(pen, { camera, points, groups, colours, hidden, ratio, present }, radius) {
  const stamps = groups.map((_, g) => stamp(colours[g], shapeOf(g), radius, ratio));
  const side = stamps[0].width / ratio;
  const { scale, width, height } = camera;
  const left = width / 2 - camera.x * scale - side / 2;
  const top = height / 2 + camera.y * scale - side / 2;
  pen.globalAlpha = present === null ? 0.85 : 0.35;
  // The most prominent come first in the columns, and are drawn last.
  for (let i = points.x.length - 1; i >= 0; i -= 1) {
    const x = left + points.x[i] * scale;
    const y = top - points.y[i] * scale;
    if (x < -side || y < -side || x > width || y > height || hidden.has(points.group[i])) continue;
    pen.drawImage(stamps[points.group[i]], x, y, side, side);
  }
  pen.globalAlpha = 1;
}

function drawGroupNames(pen, { camera, points, groups, colours, hidden, theme, font }, taken) {
  const size = Math.round(Math.min(20, Math.max(13, camera.width / 50)));
  pen.font = `700 ${size}px ${font}`;
  groups.forEach((name, g) => {
    const home = points.heartlands[g];
    if (home === null || hidden.has(g) || name === "other") return;
    const at = camera.toScreen(home.x, home.y);
    if (!claim(pen, taken, name, at.x, at.y, size, camera, true)) return;
    written(pen, name, at.x, at.y, colours[g], theme.paper, 5);
  });
}

function drawWalk(pen, { camera, walk, theme }) {
  if (walk.length < 2) return;
  pen.strokeStyle = theme.accent;
  pen.lineWidth = 1.5;
  pen.setLineDash([2, 5]);
  pen.lineCap = "round";
  pen.beginPath();
  walk.forEach((place) => {
    const at = camera.toScreen(place.x, place.y);
    pen.lineTo(at.x, at.y);
  });
  pen.stroke();
  pen.setLineDash([]);
}

function drawPresent(pen, { camera, present, similar, theme, font, colours }, radius, taken) {
  if (present === null) return;
  const middle = camera.toScreen(present.x, present.y);
  pen.lineWidth = 1;
  pen.strokeStyle = theme.soft;
  pen.globalAlpha = 0.35;
  const places = similar.map((row) => ({ ...row, ...camera.toScreen(row.x, row.y) }));
  for (const place of places) {
    pen.beginPath();
    pen.moveTo(middle.x, middle.y);
    pen.lineTo(place.x, place.y);
    pen.stroke();
  }
  pen.globalAlpha = 1;
  for (const place of places) dot(pen, place, radius + 2.5, colours[place.group] ?? theme.soft, theme.paper, shapeOf(place.group ?? 0));
  dot(pen, middle, radius + 5, theme.accent, theme.paper, "circle");
  pen.font = `700 15px ${font}`;
  label(pen, present.name, middle, radius + 18, theme.ink, theme.paper, 15, taken, camera, true);
  pen.font = `600 12px ${font}`;
  for (const place of places) {
    label(pen, place.name, place, radius + 13, theme.ink, theme.paper, 12, taken, camera, false);
  }
}

function drawNames(pen, scene, taken) {
  const { camera, points, names, hidden, theme, font, pointed } = scene;
  if (pointed !== null) {
    const at = camera.toScreen(pointed.x, pointed.y);
    pen.strokeStyle = theme.ink;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(at.x, at.y, 9, 0, 2 * Math.PI);
    pen.stroke();
  }
  const room = (camera.width * camera.height) / 16000;
  let left = Math.floor(room * Math.min(1, (camera.zoom - 1.4) / 2.5));
  if (left <= 0) return;
  pen.font = `500 12px ${font}`;
  for (let i = 0; i < names.length && left > 0; i += 1) {
    if (hidden.has(points.group[i])) continue;
    const at = camera.toScreen(points.x[i], points.y[i]);
    if (at.x < 0 || at.y < 0 || at.x > camera.width || at.y > camera.height) continue;
    if (label(pen, names[i], at, 13, theme.soft, theme.paper, 12, taken, camera, false)) left -= 1;
  }
}

function drawCrosshair(pen, { camera, theme }) {
  const [x, y] = [camera.width / 2, camera.height / 2];
  pen.strokeStyle = theme.ink;
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    pen.moveTo(x + dx * 5, y + dy * 5);
    pen.lineTo(x + dx * 15, y + dy * 15);
  }
  pen.stroke();
}

function dot(pen, { x, y }, radius, colour, paper, shape) {
  outline(pen, shape, x, y, radius + 2);
  pen.fillStyle = paper;
  pen.fill();
  outline(pen, shape, x, y, radius);
  pen.fillStyle = colour;
  pen.fill();
}

// Under the place; left out, false, where another label stands, unless it must be.
function label(pen, name, at, below, ink, paper, size, taken, camera, must) {
  if (!claim(pen, taken, name, at.x, at.y + below, size, camera, false) && !must) return false;
  written(pen, name, at.x, at.y + below, ink, paper, 3);
  return true;
}

/** Takes the room of a label, if it is free and in the window. */
function claim(pen, taken, name, x, y, size, camera, whole) {
  const half = pen.measureText(name).width / 2 + 4;
  const box = [x - half, y - size * 0.7, x + half, y + size * 0.7];
  if (whole ? box[0] < 0 || box[2] > camera.width : box[2] < 0 || box[0] > camera.width) return false;
  const free = taken.every((other) => (
    box[0] > other[2] || box[2] < other[0] || box[1] > other[3] || box[3] < other[1]));
  if (free) taken.push(box);
  return free;
}

function written(pen, text, x, y, ink, paper, width) {
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  pen.lineWidth = width;
  pen.strokeStyle = paper;
  pen.strokeText(text, x, y);
  pen.fillStyle = ink;
  pen.fillText(text, x, y);
}
