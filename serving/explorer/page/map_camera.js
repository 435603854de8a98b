// Which part of the map is seen: its middle, and how many pixels one unit of the map has.

const MOST = 60;

/** A view on the square [-1, 1] x [-1, 1] in a window of `width` x `height` pixels. */
export class Camera {
  constructor() {
    Object.assign(this, { x: 0, y: 0, zoom: 1, width: 0, height: 0 });
  }

  /** Takes in the size of the window. */
  resize(width, height) {
    Object.assign(this, { width, height });
  }

  /** Pixels of one unit of the map. */
  get scale() {
    return (this.zoom * Math.max(1, Math.min(this.width, this.height))) / 2.16;
  }

  /** The pixel of a place on the map; y grows upwards on the map. */
  toScreen(x, y) {
    return {
      x: this.width / 2 + (x - this.x) * this.scale,
      y: this.height / 2 - (y - this.y) * this.scale,
    };
  }

  /** The place on the map of a pixel. */
  toMap(x, y) {
    return {
      x: this.x + (x - this.width / 2) / this.scale,
      y: this.y - (y - this.height / 2) / this.scale,
    };
  }

  /** Moves what is seen by pixels. */
  pan(dx, dy) {
    this.x = clamp(this.x - dx / this.scale, -1.1, 1.1);
    this.y = clamp(this.y + dy / this.scale, -1.1, 1.1);
  }

  /** Zooms by a factor; what is under the pixel stays there. */
  zoomAt(factor, px, py) {
    const held = this.toMap(px, py);
    this.zoom = clamp(this.zoom * factor, 1, MOST);
    const now = this.toMap(px, py);
    this.x = clamp(this.x + held.x - now.x, -1.1, 1.1);
    this.y = clamp(this.y + held.y - now.y, -1.1, 1.1);
  }

  /** The view {x, y, zoom} that holds all of the places, with room around them. */
  around(places) {
    const xs = places.map((place) => place.x);
    const ys = places.map((place) => place.y);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [low, high] = [Math.min(...ys), Math.max(...ys)];
    const shorter = Math.max(1, Math.min(this.width, this.height));
    const across = Math.max(
      ((right - left) * shorter) / Math.max(1, this.width),
      ((high - low) * shorter) / Math.max(1, this.height),
    );
    return {
      x: (left + right) / 2,
      y: (low + high) / 2,
      zoom: clamp(1.5 / Math.max(across, 0.01), 1, 7),
    };
  }
}

export const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
