/** What the settings of the shop mean for the engine: decimals, rounding, taxes and coins. */

/** @param {any} tenant @returns {import("./engine.js").PricingPolicy} */
export function choosePolicy(tenant) {
  return { exponent: tenant.currency_exponent, ...tenant.tax_rounding };
}

/** In Belgium amounts up to 0.05 are not rounded. @param {any} tenant @returns {import("./engine.js").CashRule} */
export function chooseCashRule(tenant) {
  const isBelgian = tenant.country === "BE" && tenant.currency === "EUR";
  return {
    exponent: tenant.currency_exponent,
    increment: tenant.cash_rounding_increment,
    mode: tenant.cash_rounding_mode,
    exact_up_to: isBelgian ? "0.05" : "0",
  };
}

/**
 * Return the tax rates of a product; a deposit without a tax class is taxed as its goods.
 *
 * @param {import("../store/catalog.js").Catalog} catalog
 * @param {any} product
 * @param {any} [goods]
 */
export function chooseRates(catalog, product, goods) {
  const id = product?.tax_class ?? goods?.tax_class;
  return catalog.taxClasses.get(id)?.rates ?? [];
}
