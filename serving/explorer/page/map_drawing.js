// Draws the map: dots, the groups' names, the present artist with its similar ones, labels.

import { outline, shapeOf } from "./map_dots.js";

/**
 * Draws one picture of the map.
 *
 * @param {CanvasRenderingContext2D} pen of a canvas whose unit is one CSS pixel.
 * @param {object} scene
 *   camera; points; names; dots: who draws them; groups; colours: of the groups;
 *   hidden: Set of groups;
 *   theme: {paper, ink, soft, accent}; font; ratio: device pixels of one CSS pixel;
 *   present: place {x, y, name} or null; similar: places [{x, y, name, group}]; walk: places;
 *   pointed: place or null; crosshair: whether the middle is marked.
 */
export function drawMap(pen, scene) {
  const { camera } = scene;
  const radius = Math.min(4.5, (scene.points.x.length > 5000 ? 1.4 : 2.6) * camera.zoom ** 0.4);
  scene.dots.draw(pen, scene, radius);
  const taken = [];
  if (scene.present === null && camera.zoom < 5) drawGroupNames(pen, scene, taken);
  drawWalk(pen, scene);
  drawPresent(pen, scene, radius, taken);
  drawNames(pen, scene, taken);
  if (scene.crosshair) drawCrosshair(pen, scene);
}

function drawGroupNames(pen, { camera, points, groups, colours, hidden, theme, font }, taken) {
  const size = Math.round(Math.min(20, Math.max(13, camera.width / 50)));
  pen.font = `700 ${size}px ${font}`;
  groups.forEach((name, g) => {
    const home = points.heartlands[g];
    if (home === null || hidden.has(g) || name === "other") return;
    const at = camera.toScreen(home.x, home.y);
    // Above its middle, so that a small group is not hidden.
    const y = at.y - size;
    if (!claim(pen, taken, name, at.x, y, size, camera, true)) return;
    written(pen, name, at.x, y, colours[g], theme.paper, 5);
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

function drawPresent(pen, scene, radius, taken) {
  const { camera, present, similar, theme, font, colours, groups } = scene;
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
  for (const place of places) {
    const colour = colours[place.group] ?? theme.soft;
    dot(pen, place, radius + 2, colour, theme.paper, shapeOf(place.group, groups));
  }
  dot(pen, middle, radius + 4, theme.accent, theme.paper, "circle");
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
  for (const [dx, dy] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ]) {
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
  if (whole ? box[0] < 0 || box[2] > camera.width : box[2] < 0 || box[0] > camera.width)
    return false;
  const free = taken.every(
    (other) => box[0] > other[2] || box[2] < other[0] || box[1] > other[3] || box[3] < other[1],
  );
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
