/** Products that this device offers first. */

/** @typedef {import("../app.js").App} App */

/** The category of the grid that shows them. */
export const FAVORITES = "favorites";

/** Return the favorite products that are sold, in the order in which they were chosen. @param {App} app */
export function listFavorites(app) {
  const isSold = (/** @type {any} */ product) => product?.is_active && !product.has_variants;
  return app.favorites.map((id) => app.catalog.products.get(id)).filter(isSold);
}

/** Make the product of the selected line a favorite, or no longer. @param {App} app */
export async function toggleFavorite(app) {
  const product = app.cart.lines.find(({ id }) => id === app.selected)?.product;
  if (!product) return;
  const isKnown = app.favorites.includes(product);
  const favorites = isKnown ? app.favorites.filter((id) => id !== product) : [...app.favorites, product];
  const category = favorites.length || app.category !== FAVORITES ? app.category : null;
  await app.store.set({ favorites });
  app.update({ favorites, category });
}
