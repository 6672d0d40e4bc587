/** Loads the catalog and the settings of the shop, and keeps them current by the change feed. */

const PER_REQUEST = 200;
const SETTINGS = new Set(["tenant", "store", "register", "category", "tax_class", "barcode_rule", "receipt_profile"]);
const TYPES = ["product", ...SETTINGS].join();

/** @param {import("../api/client.js").Api} api @param {{register: any}} pairing */
export async function loadSettings(api, { register }) {
  const [tenant, store, categories, taxClasses, rules, profiles, people] = await Promise.all([
    api.get("tenant/"),
    api.get(`stores/${register.store}/`),
    api.getAll("categories/"),
    api.getAll("tax-classes/"),
    api.getAll("barcode-rules/"),
    api.getAll("receipt-profiles/", { current: "true" }),
    api.getAll("auth/pin/users/"),
  ]);
  const profile = profiles.find((each) => each.store === register.store) ?? null;
  return { tenant, store, categories, tax_classes: taxClasses, rules, profile, people };
}

/**
 * Load everything: the position in the feed first, so that no change is missed.
 *
 * @param {import("../api/client.js").Api} api
 * @param {{register: any}} pairing
 */
export async function loadCatalog(api, pairing) {
  const { after } = await api.get("changes/");
  const [settings, products] = await Promise.all([
    loadSettings(api, pairing),
    api.getAll("products/"),
  ]);
  return { products, settings, position: after };
}

/**
 * Return what has changed since a position: `null` if the feed no longer knows it.
 *
 * @param {import("../api/client.js").Api} api
 * @param {{register: any}} pairing
 * @param {number} position
 */
export async function loadChanges(api, pairing, position) {
  const changed = new Set();
  const removed = new Set();
  let settingsChanged = false;
  let feed = { has_more: true, after: position, results: [] };
  while (feed.has_more) {
    try {
      feed = await api.get("changes/", { after: feed.after, types: TYPES });
    } catch (error) {
      if (/** @type {any} */ (error).code === "changes_gone") return null;
      throw error;
    }
    for (const { object, deleted } of /** @type {any[]} */ (feed.results)) {
      if (object.type !== "product") settingsChanged = true;
      else if (deleted) removed.add(object.id);
      else changed.add(object.id);
    }
  }
  const ids = [...changed].filter((id) => !removed.has(id));
  const products = [];
  for (let at = 0; at < ids.length; at += PER_REQUEST) {
    const some = ids.slice(at, at + PER_REQUEST);
    products.push(...(await api.getAll("products/", { id: some.join() })));
  }
  const settings = settingsChanged ? await loadSettings(api, pairing) : null;
  return { products, removed: [...removed], settings, position: feed.after };
}
