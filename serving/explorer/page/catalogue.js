// What the page knows of the whole catalogue: the served version, and the places of all artists.

import { get } from "./api.js";
import { groupColour } from "./palette.js";

/** What /about and /map say, and the names and groups of single artists. */
export class Catalogue {
  constructor(about) {
    this.about = about;
    this.map = null;
    this.index = new Map();
    this.loading = null;
  }

  /** The columns of /map; asked once, and again after a failure. */
  loadMap() {
    this.loading ??= get("map")
      .then((map) => {
        this.map = map;
        this.index = new Map(map.id.map((id, place) => [id, place]));
        return map;
      })
      .catch((error) => {
        this.loading = null;
        throw error;
      });
    return this.loading;
  }

  /** The name of an artist, which is asked for where the map does not have it. */
  async nameOf(id, signal) {
    const place = this.index.get(id);
    return place === undefined ? (await get("artist", { id }, signal)).name : this.map.name[place];
  }

  /** The colour of an artist's group, or null while that is not known. */
  colourOf(id) {
    const place = this.index.get(id);
    return place === undefined ? null : groupColour(this.map.group[place], this.map.groups);
  }

  /** The id of an artist by chance, other than `present`. */
  async random(present) {
    const { id: ids } = await this.loadMap();
    let place = Math.floor(Math.random() * ids.length);
    if (ids[place] === present) place = (place + 1) % ids.length;
    return ids[place];
  }
}
