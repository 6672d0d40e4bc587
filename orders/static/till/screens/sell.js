/** Selling: products on one side, the cart on the other. */

import { addToCart, holdCart, removeSelected, stepQuantity, undoStep } from "../actions/cart.js";
import { formatNumber } from "./format.js";
import { openCustomers } from "../actions/customer.js";
import { FAVORITES, listFavorites, toggleFavorite } from "../actions/favorites.js";
import { findOverLimit, startPaying } from "../actions/payment.js";
import { h } from "./render.js";
import { button, cameraButton, money } from "./parts.js";
import { compareAmounts } from "../money/engine.js";
import { nameProduct } from "../store/catalog.js";
import { locale, t } from "../texts/texts.js";

/** @typedef {import("../app.js").App} App */

/** @param {App} app */
export function showSell(app) {
  const priced = app.priced;
  const title = h("h1", { class: "visually-hidden", key: "title" }, t("sell"));
  return [title, showProducts(app), showCart(app, priced)];
}

/** @param {App} app */
function showProducts(app) {
  const { categories } = app.catalog;
  const isFavorites = app.category === FAVORITES && !app.query;
  const found = isFavorites ? listFavorites(app) : app.catalog.search(app.query, app.category);
  return h(
    "section",
    { class: "products", "aria-label": t("products"), key: "products" },
    h(
      "label",
      { class: "search" },
      h("span", { class: "visually-hidden" }, t("search")),
      h("input", {
        id: "search",
        type: "search",
        placeholder: `${t("search")} (F2)`,
        autocomplete: "off",
        value: app.query,
        oninput: (/** @type {any} */ event) => app.update({ query: event.target.value, category: null }),
        onkeydown: (/** @type {KeyboardEvent} */ event) => chooseFirst(app, event),
      }),
    ),
    cameraButton(app),
    h(
      "div",
      { class: "categories", role: "group", "aria-label": t("categories") },
      app.favorites.length ? showCategory(app, FAVORITES, t("favorites")) : null,
      showCategory(app, null, t("all")),
      categories.map((each) => showCategory(app, each.id, each.name)),
    ),
    found.length
      ? h("div", { class: "grid" }, found.map((product) => showProduct(app, product)))
      : h("p", { class: "hint" }, t("nothingFound")),
  );
}

/** Enter in the search adds the first product found. @param {App} app @param {KeyboardEvent} event */
function chooseFirst(app, event) {
  if (event.key === "Escape") app.update({ query: "" });
  if (event.key !== "Enter" || !app.query) return;
  // Otherwise the same key would press what a dialog focuses.
  event.preventDefault();
  const [first] = app.catalog.search(app.query);
  if (first) {
    app.update({ query: "" });
    addToCart(app, first);
  }
}

/** @param {App} app @param {string | null} id @param {string} name */
function showCategory(app, id, name) {
  const isChosen = app.category === id && !app.query;
  const onclick = () => app.update({ category: id, query: "" });
  return h("button", { key: id ?? "all", type: "button", "aria-pressed": `${isChosen}`, onclick }, name);
}

/** @param {App} app @param {any} product */
function showProduct(app, product) {
  const unit = product.sold_by === "weight" ? ` / ${product.weight_unit}` : "";
  const price = product.open_price ? t("openPrice") : money(app, app.catalog.findPrice(product, "1", app.cart.customer?.group)) + unit;
  return h(
    "button",
    { key: product.id, type: "button", class: "product", onclick: () => addToCart(app, product) },
    showImage(app.catalog.findImage(product)),
    h("span", null, nameProduct(product)),
    h("span", { class: "price" }, price),
  );
}

/** Show a thumbnail. The name is beside it; without a connection it may be missing. @param {any} image */
function showImage(image) {
  if (!image) return null;
  const onerror = (/** @type {any} */ event) => { event.target.hidden = true; };
  return h("img", { key: image.thumbnail_url, src: image.thumbnail_url, alt: "", loading: "lazy", onerror });
}

/** @param {App} app @param {any} priced */
function showCart(app, priced) {
  const isEmpty = !app.cart.lines.length;
  return h(
    "section",
    { class: "cart", "aria-label": t("cart"), key: "cart" },
    app.cart.customer ? h("p", { class: "customer", key: "customer" }, h("strong", null, app.cart.customer.name), " ", nameGroup(app)) : null,
    isEmpty ? h("p", { class: "hint", key: "empty" }, t("emptyCart")) : null,
    h("ol", { class: "lines" }, priced.lines.map((/** @type {any} */ line) => showLine(app, line))),
    h(
      "div",
      { class: "tools", role: "group", "aria-label": t("cartTools") },
      button(t("changeLine"), () => app.update({ dialog: { kind: "line" } }), { key: "F6", disabled: !app.selected }),
      button(t("orderDiscount"), () => app.update({ dialog: { kind: "order" } }), { key: "F7", disabled: isEmpty }),
      button(t("customer"), () => openCustomers(app), { key: "F1", name: "customer" }),
      button(t("undo"), () => undoStep(app), { key: "F8", disabled: !app.history.length }),
      button(t("hold"), () => app.run(() => holdCart(app)), { key: "F3", disabled: isEmpty }),
      button(t("held", { count: app.held.length }), () => app.update({ dialog: { kind: "held" }, message: "" }), { key: "F4", disabled: !app.held.length, name: "held" }),
    ),
    h(
      "div",
      { class: "totals" },
      compareAmounts(priced.discount_total, "0")
        ? h("p", null, h("span", null, t("discounts")), h("span", null, money(app, `-${priced.discount_total}`)))
        : null,
      isEmpty || !findOverLimit(app) ? null : h("p", { class: "hint", key: "limit", role: "status" }, t(app.isOnline ? "needsApproval" : "overLimitOffline")),
      h("p", { class: "total", key: "total" }, h("span", null, t("total")), h("output", { id: "total" }, money(app, priced.total))),
    ),
    button(t("pay"), () => startPaying(app), { key: "F9", class: "primary pay", disabled: isEmpty }),
  );
}

/** @param {App} app */
function nameGroup(app) {
  const group = app.settings.groups?.find((/** @type {any} */ each) => each.id === app.cart.customer?.group);
  return group ? h("span", { class: "hint" }, group.name) : null;
}

/** @param {App} app @param {any} line */
function showLine(app, line) {
  const isDeposit = line.deposit_for !== null;
  const isSelected = app.selected === line.id;
  const unit = line.sold_by === "weight" ? ` ${line.weight_unit}` : "";
  const each = `${formatNumber(line.quantity, locale)}${unit} × ${money(app, line.unit_price)}`;
  const off = compareAmounts(line.discount_total, "0") ? ` − ${money(app, line.discount_total)}` : "";
  const content = [
    h("span", { class: "name" }, line.name),
    h("span", { class: "amount" }, money(app, line.net)),
    h("span", { class: "detail" }, each + off),
    line.modifiers.map((/** @type {any} */ each) =>
      h("span", { class: "detail", key: each.modifier }, nameModifier(app, each)),
    ),
    line.note ? h("span", { class: "detail", key: "note" }, line.note) : null,
  ];
  if (isDeposit) return h("li", { key: line.id, class: "deposit" }, h("div", { class: "line" }, content));
  return h(
    "li",
    { key: line.id },
    h(
      "button",
      {
        type: "button",
        class: "line",
        "aria-pressed": `${isSelected}`,
        onclick: () => app.update({ selected: line.id }),
        onmount: (/** @type {HTMLElement} */ element) => element.scrollIntoView({ block: "nearest" }),
      },
      content,
    ),
    isSelected ? showSteps(app, line) : null,
  );
}

/** @param {App} app @param {any} chosen */
function nameModifier(app, { name, price, quantity }) {
  const times = quantity > 1 ? `${quantity} × ` : "";
  return compareAmounts(price, "0") ? `+ ${times}${name} ${money(app, price)}` : `+ ${times}${name}`;
}

/** @param {App} app @param {any} line */
function showSteps(app, line) {
  const isPieces = line.sold_by === "unit" && !line.fixed_gross;
  return h(
    "div",
    { class: "steps", role: "group", "aria-label": line.name },
    isPieces ? button("−", () => stepQuantity(app, -1), { name: "less" }) : null,
    isPieces ? button("+", () => stepQuantity(app, 1), { name: "more" }) : null,
    button(t("remove"), () => removeSelected(app), { key: "Delete", name: "remove" }),
    button(t(app.favorites.includes(line.product) ? "noFavorite" : "favorite"), () => app.run(() => toggleFavorite(app)), { key: "*", name: "favorite" }),
  );
}
