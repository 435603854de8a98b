// Questions to the server that this page came from, and what can go wrong with them.

import { askToken } from "./token.js";

const ROOT = "/explorer/api/";
const TOKEN = "artist_sim.token";

/** An answer that is none; `kind` is "refused", "missing", "locked" or "disconnected". */
export class Failure extends Error {
  constructor(kind, sentence) {
    super(sentence);
    this.kind = kind;
  }
}

const listeners = new Set();

/** Calls `heard(reached)` after each request, with whether the server was reached. */
export function onConnection(heard) {
  listeners.add(heard);
}

let prompt = null;

// One dialog for all the requests that were refused while it was open.
function newToken(refused) {
  if (prompt === null) {
    prompt = askToken(refused).finally(() => {
      prompt = null;
    });
  }
  return prompt;
}

async function send(url, options) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { Accept: "application/json", ...options.headers };
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(url, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    listeners.forEach((heard) => heard(false));
    throw new Failure("disconnected", "The server does not answer.");
  }
  listeners.forEach((heard) => heard(true));
  if (response.status !== 401) return response;
  // Another request may have brought a new token meanwhile.
  if (sessionStorage.getItem(TOKEN) === token) {
    const given = await newToken(token !== null);
    if (given === null) throw new Failure("locked", "This server answers only with its token.");
    sessionStorage.setItem(TOKEN, given);
  }
  options.signal?.throwIfAborted();
  return send(url, options);
}

async function answer(path, options) {
  const response = await send(ROOT + path, options);
  let body = null;
  try {
    body = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
  }
  if (response.ok && body !== null) return body;
  const sentence = typeof body?.error === "string" ? body.error : "The server failed on this.";
  throw new Failure(response.status === 404 ? "missing" : "refused", sentence);
}

/**
 * The answer of GET `name`. A list among the parameters is repeated; null is left out.
 * Throws Failure, or the AbortError of `signal`.
 */
export function get(name, parameters = {}, signal = undefined) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined) query.append(key, one);
    }
  }
  const asked = query.toString();
  return answer(asked ? `${name}?${asked}` : name, { signal });
}

/** The answer of POST `name` with a JSON body; throws as `get` does. */
export function post(name, body, signal = undefined) {
  const headers = { "Content-Type": "application/json" };
  return answer(name, { method: "POST", body: JSON.stringify(body), headers, signal });
}
