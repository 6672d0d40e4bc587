/** Rows of the catalog in blocks: writing tens of thousands of rows one by one takes too long. */

import { request } from "./request.js";

const BLOCKS = 128;

/** @typedef {{id: string}} Row */

/** Return the block of a row: the ends of ids are random. @param {string} id */
function chooseBlock(id) {
  return [...id.slice(-4)].reduce((sum, sign) => sum * 31 + sign.charCodeAt(0), 0) % BLOCKS;
}

/** @param {Row[]} rows @returns {Map<number, Row[]>} */
function divide(rows) {
  const blocks = new Map();
  for (const row of rows) {
    const at = chooseBlock(row.id);
    if (blocks.has(at)) blocks.get(at).push(row);
    else blocks.set(at, [row]);
  }
  return blocks;
}

/** @param {IDBObjectStore} store @returns {Promise<any[]>} */
export async function readRows(store) {
  return (await request(store.getAll())).flat();
}

/** Write these rows in place of all others. @param {IDBObjectStore} store @param {Row[]} rows */
export function replaceRows(store, rows) {
  store.clear();
  for (const [at, block] of divide(rows)) store.put(block, at);
}

/** Write rows that have changed, and remove others. @param {IDBObjectStore} store @param {{changed: Row[], removed: string[]}} changes */
export async function changeRows(store, { changed, removed }) {
  const gone = new Set([...removed, ...changed.map(({ id }) => id)]);
  const blocks = divide(changed);
  const numbers = [...new Set([...gone].map(chooseBlock))];
  const former = await Promise.all(numbers.map((at) => request(store.get(at))));
  for (const [position, at] of numbers.entries()) {
    const kept = (former[position] ?? []).filter((/** @type {Row} */ { id }) => !gone.has(id));
    store.put([...kept, ...(blocks.get(at) ?? [])], at);
  }
}
