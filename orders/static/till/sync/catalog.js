/** Loads the catalog and the settings of the shop, and keeps both current, by one request each. */

const TIMEOUT = 120_000;
/** Changes with what is read of a snapshot: after an update of the page everything is loaded again. */
export const READS = 1;
/** Rows of the snapshot that are kept as a whole in the settings, by the name of their table. */
const TABLES = {
  tax_class: "tax_classes",
  category: "categories",
  barcode_rule: "rules",
  modifier_list: "modifier_lists",
  price_list: "price_lists",
};

/**
 * What a snapshot says: `isAll` if it replaces everything.
 *
 * @typedef {object} Snapshot
 * @property {boolean} isAll
 * @property {number} position
 * @property {Row[]} rows
 *
 * @typedef {{type: string, data?: any, id?: string, deleted?: boolean}} Row
 */

/**
 * Return the snapshot, or what has changed since a position; all of it if the server no longer knows
 * that position.
 *
 * @param {import("../api/client.js").Api} api
 * @param {number | null} [after]
 * @returns {Promise<Snapshot>}
 */
export async function loadSnapshot(api, after = null) {
  const query = after === null ? "" : `?after=${after}`;
  let text;
  try {
    text = await api.send("GET", `catalog/snapshot/${query}`, undefined, { timeout: TIMEOUT, reads: "text" });
  } catch (error) {
    if (/** @type {any} */ (error).code !== "changes_gone") throw error;
    return loadSnapshot(api);
  }
  const lines = parseLines(text);
  const [header, rows, end] = [lines[0], lines.slice(1, -1), lines.at(-1)];
  const isComplete = Number.isInteger(header?.position) && end?.type === "end" && end.rows === rows.length;
  if (!isComplete) api.rejectAnswer();
  return { isAll: after === null || header.after === null, position: header.position, rows };
}

/** Return the rows of a text with one JSON object in each line; none if it is something else. @param {string} text @returns {any[]} */
function parseLines(text) {
  try {
    return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}

/** Return what the device needs besides the catalog: its receipt profile, who works here, groups of customers and card readers. @param {import("../api/client.js").Api} api @param {string} store @param {string} register */
export async function loadStaff(api, store, register) {
  const [profiles, people, groups, readers] = await Promise.all([
    api.getAll("receipt-profiles/", { current: "true" }),
    api.getAll("auth/pin/users/"),
    api.getAll("customer-groups/"),
    api.getAll("card-readers/", { register }),
  ]);
  return { people, groups, readers: readers.filter((each) => each.is_active), profile: profiles.find((each) => each.store === store) ?? null };
}

/** Return the settings with the rows of a snapshot. @param {any} settings @param {Snapshot} snapshot @param {string} store */
export function applySettings(settings, { rows, isAll }, store) {
  const { people = [], profile = null, groups = [], readers = [] } = settings;
  /** @type {any} */
  const next = isAll ? { people, profile, groups, readers, reads: READS } : { ...settings };
  for (const [type, table] of Object.entries(TABLES)) {
    const changes = rows.filter((row) => row.type === type);
    if (changes.length || !next[table]) next[table] = applyRows(next[table] ?? [], changes);
  }
  for (const { type, data } of rows) {
    if (type === "tenant") next.tenant = data;
    if (type === "store" && data?.id === store) next.store = data;
  }
  return next;
}

/** @param {any[]} known @param {Row[]} changes */
function applyRows(known, changes) {
  const byId = new Map(known.map((row) => [row.id, row]));
  for (const { data, id, deleted } of changes) {
    if (deleted) byId.delete(id);
    else byId.set(data.id, data);
  }
  return [...byId.values()];
}

/** Return the rows of a type that are there, and the ids of those that are not. @param {Snapshot} snapshot @param {string} type */
export function selectRows({ rows }, type) {
  const ours = rows.filter((row) => row.type === type);
  return {
    changed: ours.filter(({ deleted }) => !deleted).map(({ data }) => data),
    removed: ours.filter(({ deleted }) => deleted).map(({ id }) => /** @type {string} */ (id)),
  };
}
