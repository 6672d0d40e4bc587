/**
 * Money: prices, discounts, taxes, cash rounding and refunds, exact to the minor unit.
 *
 * The same computation as `orders/money` on the server; both pass `tests/vectors/pricing.json`.
 * Amounts come in and go out as decimal strings; in between they are BigInt in minor units. One file
 * without imports, because the tests run it in a V8 without ES modules.
 *
 * @typedef {"half_up" | "half_even" | "half_down" | "up" | "down"} RoundingMode
 * @typedef {{type: "percent" | "amount", value: string}} Discount
 * @typedef {{name: string, percent: string, included: boolean, compound: boolean}} TaxRate
 * @typedef {{exponent: number, level: "line" | "order", mode: RoundingMode}} PricingPolicy
 *
 * A chosen modifier: its price is added to the unit price of its line, `quantity` times.
 * @typedef {{price: string, quantity: number}} ModifierInput
 *
 * A negative quantity is what the customer returns, such as empties: without discounts and modifiers.
 * Neither such lines nor deposits have a share in order discounts. `fixed_gross` is the price of a
 * label.
 * @typedef {object} LineInput
 * @property {string} quantity
 * @property {string} unit_price
 * @property {TaxRate[]} taxes
 * @property {Discount[]} [discounts]
 * @property {string | null} [fixed_gross]
 * @property {boolean} [is_deposit]
 * @property {ModifierInput[]} [modifiers]
 *
 * `taxable` is what the rate was applied to.
 * @typedef {{rate: TaxRate, taxable: string, amount: string}} PricedTax
 *
 * `line_discounts` is what each discount of the line took.
 * @typedef {object} PricedLine
 * @property {string} gross
 * @property {string[]} line_discounts
 * @property {string} order_discount
 * @property {string} discount_total
 * @property {string} net
 * @property {PricedTax[]} taxes
 * @property {string} tax_total
 * @property {string} total
 *
 * `discounts` is what each order discount took.
 * @typedef {object} PricedOrder
 * @property {PricedLine[]} lines
 * @property {string[]} discounts
 * @property {string} subtotal
 * @property {string} discount_total
 * @property {string} tax_total
 * @property {string} total
 * @property {PricedTax[]} taxes
 *
 * Amounts up to `exact_up_to` are not rounded.
 * @typedef {object} CashRule
 * @property {number} exponent
 * @property {string | null} [increment]
 * @property {RoundingMode} [mode]
 * @property {string} [exact_up_to]
 *
 * @typedef {"settles" | "part" | "not_payable_in_cash" | "exceeds_due"} CashOutcome
 * @typedef {{outcome: CashOutcome, payable: string, amount: string, rounding: string}} CashSettlement
 *
 * A price of a product in a price list. Times are local times of the store, such as
 * `2026-12-01T10:00:00`: from `valid_from` on, and before `valid_to`. Without stores the list applies
 * to all of them, without a customer group to everybody. `priority` is that of the list.
 * @typedef {object} ListPrice
 * @property {string} amount
 * @property {number} priority
 * @property {string} [min_quantity]
 * @property {string | null} [valid_from]
 * @property {string | null} [valid_to]
 * @property {string[]} [stores]
 * @property {string | null} [customer_group]
 *
 * @typedef {{n: bigint, d: bigint}} Fraction
 */

const QUANTITY_EXPONENT = 3;
const ZERO = { n: 0n, d: 1n };
const ONE = { n: 1n, d: 1n };

// --- Numbers ------------------------------------------------------------------------------------

/** @param {bigint} value */
function abs(value) {
  return value < 0n ? -value : value;
}

/** @param {bigint} a @param {bigint} b @returns {bigint} */
function gcd(a, b) {
  return b ? gcd(b, a % b) : abs(a);
}

/** @param {bigint[]} values */
function lcm(values) {
  return values.reduce((whole, value) => (whole / gcd(whole, value)) * value, 1n);
}

/** Return the quotient rounded down, of a negative numerator too. @param {bigint} n @param {bigint} d */
function floorDivide(n, d) {
  return n / d - (n % d < 0n ? 1n : 0n);
}

/** @param {bigint} n @param {bigint} d @returns {Fraction} */
function fraction(n, d) {
  const common = gcd(n, d) * (d < 0n ? -1n : 1n);
  return { n: n / common, d: d / common };
}

/** @param {Fraction} a @param {Fraction} b */
function add(a, b) {
  return fraction(a.n * b.d + b.n * a.d, a.d * b.d);
}

/** @param {Fraction} a @param {Fraction} b */
function multiply(a, b) {
  return fraction(a.n * b.n, a.d * b.d);
}

/** Return a plain decimal number as a fraction. @param {string} noun @param {string} text */
function parse(noun, text) {
  const found = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!found) throw new RangeError(`${noun} is not a decimal number: ${text}`);
  const decimals = found[3] ?? "";
  const digits = BigInt(found[2] + decimals);
  return fraction(found[1] ? -digits : digits, 10n ** BigInt(decimals.length));
}

/** @param {string} noun @param {string} text @param {bigint} [maximum] */
function parseInRange(noun, text, maximum) {
  const value = parse(noun, text);
  if (value.n < 0n || (maximum !== undefined && value.n > maximum * value.d)) {
    throw new RangeError(`${noun} is out of range: ${text}`);
  }
  return value;
}

/** Return an amount in minor units, which may be negative. @param {string} noun @param {string} text @param {number} exponent */
function toSignedUnits(noun, text, exponent) {
  const value = parse(noun, text);
  const scaled = value.n * 10n ** BigInt(exponent);
  if (scaled % value.d) {
    throw new RangeError(`${noun} has more than ${exponent} decimals: ${text}`);
  }
  return scaled / value.d;
}

/** @param {string} noun @param {string} text @param {number} exponent */
function toUnits(noun, text, exponent) {
  parseInRange(noun, text);
  return toSignedUnits(noun, text, exponent);
}

/** @param {bigint} units @param {number} exponent */
function toText(units, exponent) {
  const digits = abs(units).toString().padStart(exponent + 1, "0");
  const whole = digits.slice(0, digits.length - exponent);
  const sign = units < 0n ? "-" : "";
  return sign + whole + (exponent ? `.${digits.slice(-exponent)}` : "");
}

/** Return whether a rest counts as one more. @type {Record<RoundingMode, (quotient: bigint, beyondHalf: bigint) => boolean>} */
const ROUNDS_UP = {
  half_up: (quotient, beyondHalf) => beyondHalf >= 0n,
  half_even: (quotient, beyondHalf) => beyondHalf + (quotient % 2n) > 0n,
  half_down: (quotient, beyondHalf) => beyondHalf > 0n,
  up: () => true,
  down: () => false,
};

/** Return the rounded quotient; up is away from zero. @param {bigint} n @param {bigint} d @param {RoundingMode} [mode] @returns {bigint} */
function divide(n, d, mode = "half_up") {
  if (n < 0n) return -divide(-n, d, mode);
  const quotient = n / d;
  const rest = n % d;
  return quotient + (rest > 0n && ROUNDS_UP[mode](quotient, 2n * rest - d) ? 1n : 0n);
}

/** @param {bigint[]} values */
function sum(values) {
  return values.reduce((whole, value) => whole + value, 0n);
}

/**
 * Round shares down and give the missing units to the largest fractions, ties to the earlier share.
 *
 * @param {bigint} whole
 * @param {bigint[]} numerators
 * @param {bigint} divisor
 */
function largestRemainder(whole, numerators, divisor) {
  const shares = numerators.map((numerator) => floorDivide(numerator, divisor));
  const rests = numerators.map((numerator, at) => numerator - shares[at] * divisor);
  const missing = Number(whole - sum(shares));
  const byRest = [...shares.keys()].sort((one, other) =>
    rests[other] > rests[one] ? 1 : rests[other] < rests[one] ? -1 : 0,
  );
  for (const at of byRest.slice(0, missing)) shares[at] += 1n;
  return shares;
}

/** Split minor units by weight. @param {bigint} amount @param {bigint[]} weights */
function apportion(amount, weights) {
  const whole = sum(weights);
  if (amount < 0n || weights.some((weight) => weight < 0n) || (amount && !whole)) {
    throw new RangeError(`cannot split ${amount} by the weights ${weights}`);
  }
  return largestRemainder(
    amount,
    weights.map((weight) => amount * weight),
    whole || 1n,
  );
}

// --- Discounts ----------------------------------------------------------------------------------

/** Return the positions of discounts: percents apply first, then amounts. @param {Discount[]} discounts */
function getApplicationOrder(discounts) {
  const positions = [...discounts.keys()];
  return [
    ...positions.filter((at) => discounts[at].type === "percent"),
    ...positions.filter((at) => discounts[at].type === "amount"),
  ];
}

/** @param {Discount} discount @param {bigint} left @param {number} exponent */
function computeDiscount(discount, left, exponent) {
  if (discount.type === "amount") {
    const units = toUnits("discount", discount.value, exponent);
    return units < left ? units : left;
  }
  const percent = parseInRange("discount", discount.value, 100n);
  return divide(left * percent.n, percent.d * 100n);
}

/** Return what each discount takes, in the order given. @param {Discount[]} discounts @param {bigint} left @param {number} exponent */
function computeDiscounts(discounts, left, exponent) {
  const unknown = discounts.find(({ type }) => type !== "percent" && type !== "amount");
  if (unknown) throw new RangeError(`unknown type of discount: ${unknown.type}`);
  const taken = discounts.map(() => 0n);
  for (const at of getApplicationOrder(discounts)) {
    taken[at] = computeDiscount(discounts[at], left, exponent);
    left -= taken[at];
  }
  return taken;
}

/** Return what each line has left after its share of the order discounts. @param {Discount[]} discounts @param {bigint[]} taken @param {bigint[]} left */
function allocateDiscounts(discounts, taken, left) {
  let remaining = left;
  for (const at of getApplicationOrder(discounts)) {
    const shares = apportion(taken[at], remaining);
    remaining = remaining.map((units, line) => units - shares[line]);
  }
  return remaining;
}

// --- Taxes --------------------------------------------------------------------------------------

/** Return the key of equal rates, which are summed up: 8 and 8.0000 percent are the same. @param {TaxRate} rate */
function getRateKey(rate) {
  const percent = parse("tax percent", rate.percent);
  return JSON.stringify([rate.name, `${percent.n}/${percent.d}`, rate.included, rate.compound]);
}

/**
 * Return taxes and bases as fractions of the net; a compound rate includes earlier taxes in its base.
 *
 * @param {TaxRate[]} rates
 */
function computeTaxParts(rates) {
  /** @type {Fraction[]} */
  const factors = [];
  /** @type {Fraction[]} */
  const bases = [];
  for (const rate of rates) {
    const percent = parseInRange("tax percent", rate.percent, 100n);
    bases.push(rate.compound ? factors.reduce(add, ONE) : ONE);
    factors.push(multiply(fraction(percent.n, percent.d * 100n), bases[bases.length - 1]));
  }
  const net = factors.filter((_, at) => rates[at].included).reduce(add, ONE);
  const ofNet = (/** @type {Fraction} */ part) => multiply(part, fraction(net.d, net.n));
  const [taxParts, baseParts] = [factors.map(ofNet), bases.map(ofNet)];
  const divisor = lcm([...taxParts, ...baseParts].map((part) => part.d));
  const scale = (/** @type {Fraction} */ part) => part.n * (divisor / part.d);
  return { amounts: taxParts.map(scale), bases: baseParts.map(scale), divisor };
}

/**
 * Sum each rate over the lines, round it once, and allocate it to the lines.
 *
 * @param {LineInput[]} lines
 * @param {bigint[]} nets
 * @param {RoundingMode} mode
 * @param {"amounts" | "bases"} kind
 */
function sumAndAllocate(lines, nets, mode, kind) {
  const result = lines.map((line) => line.taxes.map(() => 0n));
  /** @type {Map<string, {row: number, column: number, n: bigint, d: bigint}[]>} */
  const byRate = new Map();
  lines.forEach((line, row) => {
    const parts = computeTaxParts(line.taxes);
    line.taxes.forEach((rate, column) => {
      const key = getRateKey(rate);
      const exact = { row, column, n: nets[row] * parts[kind][column], d: parts.divisor };
      byRate.set(key, [...(byRate.get(key) ?? []), exact]);
    });
  });
  for (const parts of byRate.values()) {
    const common = lcm(parts.map((part) => part.d));
    const scaled = parts.map((part) => part.n * (common / part.d));
    const shares = largestRemainder(divide(sum(scaled), common, mode), scaled, common);
    parts.forEach(({ row, column }, at) => (result[row][column] = shares[at]));
  }
  return result;
}

/**
 * Return taxes and bases of every line in minor units, rounded at the level of the policy.
 *
 * @param {LineInput[]} lines
 * @param {bigint[]} nets
 * @param {PricingPolicy} policy
 */
function computeTaxes(lines, nets, { level, mode }) {
  if (level === "order") {
    const amounts = sumAndAllocate(lines, nets, mode, "amounts");
    const bases = sumAndAllocate(lines, nets, mode, "bases");
    return lines.map((_, row) => ({ amounts: amounts[row], bases: bases[row] }));
  }
  return lines.map((line, row) => {
    const parts = computeTaxParts(line.taxes);
    const round = (/** @type {bigint} */ part) => divide(nets[row] * part, parts.divisor, mode);
    return { amounts: parts.amounts.map(round), bases: parts.bases.map(round) };
  });
}

// --- Orders -------------------------------------------------------------------------------------

/** @param {PricingPolicy} policy */
function ensurePolicy({ exponent, level, mode }) {
  if (!Object.hasOwn(ROUNDS_UP, mode)) throw new RangeError(`unknown rounding mode: ${mode}`);
  if (level !== "line" && level !== "order") throw new RangeError(`unknown level: ${level}`);
  if (!Number.isInteger(exponent) || exponent < 0) {
    throw new RangeError(`a currency cannot have ${exponent} decimals`);
  }
}

/** @param {LineInput} line */
function hasOrderDiscounts(line) {
  return parse("quantity", line.quantity).n > 0n && !line.is_deposit;
}

/** Return the price of one unit with its modifiers. @param {LineInput} line */
function computeModifiedPrice(line) {
  return (line.modifiers ?? []).reduce((whole, { price, quantity }) => {
    if (!Number.isInteger(quantity) || quantity < 0) {
      throw new RangeError(`modifier quantity is out of range: ${quantity}`);
    }
    const times = { n: BigInt(quantity), d: 1n };
    return add(whole, multiply(parseInRange("modifier price", price), times));
  }, parseInRange("unit price", line.unit_price));
}

/** @param {LineInput} line @param {number} exponent */
function computeGross(line, exponent) {
  const quantity = parse("quantity", line.quantity);
  const price = computeModifiedPrice(line);
  const isFixed = line.fixed_gross !== undefined && line.fixed_gross !== null;
  if (quantity.n < 0n && (line.discounts?.length || isFixed || line.modifiers?.length)) {
    throw new RangeError("a line with a negative quantity has only quantity, price and taxes");
  }
  if (isFixed) return toUnits("fixed gross", /** @type {string} */ (line.fixed_gross), exponent);
  return divide(quantity.n * price.n * 10n ** BigInt(exponent), quantity.d * price.d);
}

/**
 * Return the priced order.
 *
 * @param {LineInput[]} lines
 * @param {Discount[]} discounts
 * @param {PricingPolicy} policy
 * @returns {PricedOrder}
 */
export function priceOrder(lines, discounts, policy) {
  ensurePolicy(policy);
  const { exponent } = policy;
  const text = (/** @type {bigint} */ units) => toText(units, exponent);
  const grosses = lines.map((line) => computeGross(line, exponent));
  const lineDiscounts = lines.map((line, at) =>
    computeDiscounts(line.discounts ?? [], grosses[at], exponent),
  );
  const left = grosses.map((gross, at) => gross - sum(lineDiscounts[at]));
  const shared = lines.map((line, at) => (hasOrderDiscounts(line) ? left[at] : 0n));
  const taken = computeDiscounts(discounts, sum(shared), exponent);
  const discounted = allocateDiscounts(discounts, taken, shared);
  const nets = lines.map((line, at) => (hasOrderDiscounts(line) ? discounted[at] : left[at]));
  const taxes = computeTaxes(lines, nets, policy);
  const totals = lines.map((line, at) =>
    sum([nets[at], ...taxes[at].amounts.filter((_, column) => !line.taxes[column].included)]),
  );
  return {
    lines: lines.map((line, at) => ({
      gross: text(grosses[at]),
      line_discounts: lineDiscounts[at].map(text),
      order_discount: text(left[at] - nets[at]),
      discount_total: text(grosses[at] - nets[at]),
      net: text(nets[at]),
      taxes: line.taxes.map((rate, column) => ({
        rate,
        taxable: text(taxes[at].bases[column]),
        amount: text(taxes[at].amounts[column]),
      })),
      tax_total: text(sum(taxes[at].amounts)),
      total: text(totals[at]),
    })),
    discounts: taken.map(text),
    subtotal: text(sum(grosses)),
    discount_total: text(sum(grosses) - sum(nets)),
    tax_total: text(sum(taxes.flatMap(({ amounts }) => amounts))),
    total: text(sum(totals)),
    taxes: sumTaxes(lines, taxes, exponent),
  };
}

/**
 * Return a total for each rate, in order of appearance.
 *
 * @param {LineInput[]} lines
 * @param {{amounts: bigint[], bases: bigint[]}[]} taxes
 * @param {number} exponent
 */
function sumTaxes(lines, taxes, exponent) {
  /** @type {Map<string, {rate: TaxRate, taxable: bigint, amount: bigint}>} */
  const totals = new Map();
  lines.forEach((line, row) =>
    line.taxes.forEach((rate, column) => {
      const key = getRateKey(rate);
      const total = totals.get(key) ?? { rate, taxable: 0n, amount: 0n };
      total.taxable += taxes[row].bases[column];
      total.amount += taxes[row].amounts[column];
      totals.set(key, total);
    }),
  );
  return [...totals.values()].map(({ rate, taxable, amount }) => ({
    rate,
    taxable: toText(taxable, exponent),
    amount: toText(amount, exponent),
  }));
}

/**
 * Return the quantity that costs this at the unit price, in thousandths and not zero.
 *
 * @param {string} fixedGross
 * @param {string} unitPrice
 */
export function computeLabeledQuantity(fixedGross, unitPrice) {
  const [gross, price] = [parse("fixed gross", fixedGross), parse("unit price", unitPrice)];
  if (!price.n) return "1";
  const thousandths = divide(gross.n * price.d * 1000n, gross.d * price.n);
  return toText(thousandths || 1n, QUANTITY_EXPONENT);
}

// --- Price lists --------------------------------------------------------------------------------

/**
 * @param {ListPrice} price
 * @param {Fraction} quantity
 * @param {string} store
 * @param {string} at
 * @param {string | null} group
 */
function appliesTo(price, quantity, store, at, group) {
  const minimum = parse("minimum quantity", price.min_quantity ?? "0");
  return (
    quantity.n * minimum.d >= minimum.n * quantity.d &&
    (!price.valid_from || price.valid_from <= at) &&
    (!price.valid_to || at < price.valid_to) &&
    (!price.stores?.length || price.stores.includes(store)) &&
    (!price.customer_group || price.customer_group === group)
  );
}

/**
 * Return the price that applies to a quantity of a product, in a store at its local time.
 *
 * The list with the highest priority wins, then the largest minimum quantity. Where no price applies,
 * it is the base price. Returned goods have a negative quantity and the price of as many.
 *
 * @param {string} base
 * @param {ListPrice[]} prices
 * @param {string} quantity
 * @param {string} store
 * @param {string} at
 * @param {string | null} [group] of the customer, if there is one
 */
export function choosePrice(base, prices, quantity, store, at, group = null) {
  const sold = parse("quantity", quantity);
  const applicable = prices.filter((price) =>
    appliesTo(price, { n: abs(sold.n), d: sold.d }, store, at, group),
  );
  const isBetter = (/** @type {ListPrice} */ one, /** @type {ListPrice} */ other) =>
    one.priority === other.priority
      ? compareAmounts(one.min_quantity ?? "0", other.min_quantity ?? "0") > 0
      : one.priority > other.priority;
  if (!applicable.length) return base;
  return applicable.reduce((best, price) => (isBetter(price, best) ? price : best)).amount;
}

// --- Cash ---------------------------------------------------------------------------------------

/** Return the smallest coin in minor units. @param {CashRule} rule */
function getCoin(rule) {
  const { increment, exponent } = rule;
  return increment ? toUnits("cash rounding increment", increment, exponent) : 1n;
}

/** Round minor units to coins; down from `atMost` if the result is above it. @param {bigint} units @param {CashRule} rule @param {bigint} [atMost] @returns {bigint} */
function roundToCoins(units, rule, atMost) {
  if (units < 0n) return -roundToCoins(-units, rule);
  if (units <= toUnits("amount that is not rounded", rule.exact_up_to ?? "0", rule.exponent)) {
    return units;
  }
  const coin = getCoin(rule);
  const rounded = divide(units, coin, rule.mode) * coin;
  return atMost !== undefined && rounded > atMost ? (atMost / coin) * coin : rounded;
}

/**
 * Return what settles in cash, in minor units. Splitting a payment never makes an order cheaper:
 * where the rest would lose more by rounding than the whole total, it is rounded up.
 *
 * @param {bigint} left
 * @param {CashRule} rule
 * @param {bigint} total
 */
function computePayable(left, rule, total) {
  const rounded = roundToCoins(left, rule);
  if (left <= 0n) return rounded;
  const ofTotal = roundToCoins(total, rule) - total;
  const coin = getCoin(rule);
  return rounded - left < (ofTotal < 0n ? ofTotal : 0n) ? -floorDivide(-left, coin) * coin : rounded;
}

/**
 * Return what a cash amount settles when `left` of `total` is due; null pays the rest.
 *
 * Only the amount in coins or the exact rest settles an order, so that rounding is no discount. A
 * negative total is paid out, as a whole only.
 *
 * @param {string} left
 * @param {string | null} amount
 * @param {CashRule} rule
 * @param {string} total
 * @returns {CashSettlement}
 */
export function settleCash(left, amount, rule, total) {
  const { exponent } = rule;
  const due = toSignedUnits("amount left", left, exponent);
  const whole = toSignedUnits("total", total, exponent);
  /** @type {(outcome: CashOutcome, payable: bigint, booked?: bigint, rounding?: bigint) => CashSettlement} */
  const build = (outcome, payable, booked = 0n, rounding = 0n) => ({
    outcome,
    payable: toText(payable, exponent),
    amount: toText(booked, exponent),
    rounding: toText(rounding, exponent),
  });
  if (due < 0n && whole >= 0n) return build("exceeds_due", 0n);
  const payable = computePayable(due, rule, whole);
  const units = amount === null ? payable : toSignedUnits("amount", amount, exponent);
  if (units === payable || units === due) return build("settles", payable, payable, payable - due);
  if (due < 0n || units > (payable > due ? payable : due)) return build("exceeds_due", payable);
  if (units > 0n && units < payable && units % getCoin(rule) === 0n) {
    return build("part", payable, units);
  }
  return build("not_payable_in_cash", payable);
}

/** Return whether coins add up to the amount. @param {string} amount @param {CashRule} rule */
export function isInCoins(amount, rule) {
  return toUnits("amount", amount, rule.exponent) % getCoin(rule) === 0n;
}

// --- Refunds ------------------------------------------------------------------------------------

/**
 * A line as sold, and what of it was refunded before.
 *
 * @typedef {object} SoldLine
 * @property {string} quantity
 * @property {string} total
 * @property {string} refunded_quantity
 * @property {string} refunded_total
 */

/**
 * Return what the refund of a quantity pays: its part of the total, less earlier refunds, so that the
 * last unit takes the remainder.
 *
 * @param {SoldLine} line
 * @param {string} quantity
 * @param {number} exponent
 */
export function refundQuantity(line, quantity, exponent) {
  const wanted = parse("quantity", quantity);
  const sold = parse("sold", line.quantity);
  const returned = add(parse("refunded quantity", line.refunded_quantity), wanted);
  if (wanted.n <= 0n || returned.n * sold.d > sold.n * returned.d) {
    throw new RangeError(
      `cannot take back ${quantity} more of ${line.quantity} after ${line.refunded_quantity}`,
    );
  }
  const total = toUnits("sold", line.total, exponent);
  const share = divide(total * returned.n * sold.d, returned.d * sold.n);
  const left = share - toUnits("refunded", line.refunded_total, exponent);
  return toText(left > 0n ? left : 0n, exponent);
}

/**
 * A payment of the sale, and how much of it was refunded.
 *
 * @typedef {{amount: string, refunded: string}} RefundablePayment
 */

/**
 * Allocate a refund to payments, the last one first: `amount` of the refund, `paid` in money.
 *
 * The last refund returns all that is left of the payments, with what cash rounding has added. Cash is
 * rounded to coins as one sum, and never above what its payments have left.
 *
 * @param {string} total
 * @param {RefundablePayment[]} payments
 * @param {boolean[]} inCash by payment
 * @param {CashRule} rule
 * @param {boolean} isLast
 */
export function allocateRefund(total, payments, inCash, rule, isLast) {
  const { exponent } = rule;
  const lefts = payments.map(
    ({ amount, refunded }) => toUnits("payment", amount, exponent) - toUnits("refunded", refunded, exponent),
  );
  let rest = toUnits("refund", total, exponent);
  const shares = [];
  for (let position = payments.length - 1; position >= 0; position -= 1) {
    const left = lefts[position];
    const amount = rest < left ? rest : left;
    if (!amount && !(isLast && left)) continue;
    rest -= amount;
    shares.push({ position, amount, paid: isLast ? left : amount });
  }
  const cash = shares.filter(({ position }) => inCash[position]);
  roundShares(cash, lefts, rule);
  if (rest && shares.length) shares[shares.length - 1].amount += rest;
  return shares
    .filter(({ amount, paid }) => amount || paid)
    .map(({ position, amount, paid }) => ({ position, amount: toText(amount, exponent), paid: toText(paid, exponent) }));
}

/** Round the sum of the shares to coins, none above what its payment has left. @param {{position: number, paid: bigint}[]} shares @param {bigint[]} lefts by payment @param {CashRule} rule */
function roundShares(shares, lefts, rule) {
  const whole = sum(shares.map(({ paid }) => paid));
  const limit = sum(shares.map(({ position }) => lefts[position]));
  let difference = roundToCoins(whole, rule, limit) - whole;
  for (const share of shares) {
    const room = lefts[share.position] - share.paid;
    let change = difference < room ? difference : room;
    if (change < -share.paid) change = -share.paid;
    difference -= change;
    share.paid += change;
  }
}

// --- Discount limits ----------------------------------------------------------------------------

/**
 * A line as the discount policy sees it, with prices that include its modifiers. The applicable price is
 * that of the catalog, or the typed one of a product with an open price.
 *
 * @typedef {object} MeasuredLine
 * @property {string} quantity
 * @property {string} unit_price
 * @property {string} applicable_price
 * @property {Discount[]} discounts
 * @property {boolean} is_deposit
 *
 * Percent that a person may take off; null is unlimited.
 * @typedef {{line_discount: string | null, order_discount: string | null, price_override: string | null}} DiscountLimits
 */

/** @param {Fraction} a @param {Fraction} b */
function minus(a, b) {
  return add(a, { n: -b.n, d: b.d });
}

/** @param {Fraction} a @param {Fraction} b */
function isBelow(a, b) {
  return a.n * b.d < b.n * a.d;
}

/** @param {Fraction} a @param {Fraction} b */
function percentOf(a, b) {
  return b.n ? fraction(a.n * b.d * 100n, a.d * b.n) : ZERO;
}

/** Return what discounts leave, unrounded. @param {Fraction} whole @param {Discount[]} discounts */
function applyUnrounded(whole, discounts) {
  let left = whole;
  for (const at of getApplicationOrder(discounts)) {
    const value = parse("discount", discounts[at].value);
    if (discounts[at].type === "percent") left = minus(left, multiply(left, fraction(value.n, value.d * 100n)));
    else left = isBelow(value, left) ? minus(left, value) : ZERO;
  }
  return left;
}

/** @param {Fraction} percent @param {string | null} limit */
function isWithin(percent, limit) {
  return limit === null || !isBelow(parse("limit", limit), percent);
}

/**
 * Return the approval that the discounts of an order need, with what they take off in all, or null.
 *
 * A line may be reduced by at most the largest limit of the kinds used on it. Order discounts alone may
 * take at most their limit of what line discounts left. A price above the list price has a limit of its own.
 *
 * @param {MeasuredLine[]} lines
 * @param {Discount[]} discounts
 * @param {DiscountLimits} limits
 * @param {number} exponent
 * @returns {{action: "discount" | "price_override", amount: string} | null}
 */
export function findOverLimit(lines, discounts, limits, exponent) {
  const grosses = lines.map((line) => multiply(parse("quantity", line.quantity), parse("unit price", line.unit_price)));
  const lefts = lines.map((line, at) => applyUnrounded(grosses[at], line.discounts));
  const whole = lefts.filter((_, at) => !lines[at].is_deposit).reduce(add, ZERO);
  const left = applyUnrounded(whole, discounts);
  const share = whole.n ? minus(ONE, fraction(left.n * whole.d, left.d * whole.n)) : ZERO;
  const measured = lines.map((line, at) => measureLine(line, grosses[at], lefts[at], line.is_deposit ? ZERO : share));
  const reductions = measured.map(({ reduction }) => (reduction.n > 0n ? reduction : ZERO));
  const total = reductions.reduce(add, ZERO);
  const amount = toText(divide(total.n * 10n ** BigInt(exponent), total.d), exponent);
  if (measured.some(({ raised }) => raised.n && !isWithin(raised, limits.price_override))) return { action: "price_override", amount };
  const over = measured.filter((line) => !isLineWithin(line, limits));
  if (!over.length && isWithin(percentOf(share, ONE), limits.order_discount)) return null;
  return { action: over.some(({ kinds }) => kinds.price_override) ? "price_override" : "discount", amount };
}

/** @param {MeasuredLine} line @param {Fraction} gross @param {Fraction} left @param {Fraction} share of the order discounts */
function measureLine(line, gross, left, share) {
  const price = parse("unit price", line.unit_price);
  const applicable = parse("applicable price", line.applicable_price);
  const value = multiply(parse("quantity", line.quantity), applicable);
  const reduction = minus(value, multiply(left, minus(ONE, share)));
  const isRaised = isBelow(applicable, price);
  const raised = !isRaised ? ZERO : applicable.n ? percentOf(minus(price, applicable), applicable) : fraction(100n, 1n);
  const kinds = {
    line_discount: isBelow(left, gross),
    order_discount: Boolean(share.n && left.n),
    price_override: isRaised || isBelow(price, applicable),
  };
  return { reduction, percent: percentOf(reduction, value), raised, kinds };
}

/** @param {ReturnType<typeof measureLine>} line @param {DiscountLimits} limits */
function isLineWithin({ kinds, percent }, limits) {
  const used = /** @type {(keyof typeof kinds)[]} */ (Object.keys(kinds)).filter((kind) => kinds[kind]);
  return !used.length || used.some((kind) => isWithin(percent, limits[kind]));
}

// --- Amounts for screens ------------------------------------------------------------------------

/** Return the sum of amounts, which may be negative. @param {string[]} amounts @param {number} exponent */
export function sumAmounts(amounts, exponent) {
  return toText(sum(amounts.map((amount) => toSignedUnits("amount", amount, exponent))), exponent);
}

/** Return `whole` less `part`. @param {string} whole @param {string} part @param {number} exponent */
export function subtract(whole, part, exponent) {
  const units = toSignedUnits("amount", whole, exponent) - toSignedUnits("amount", part, exponent);
  return toText(units, exponent);
}

/** Return -1, 0 or 1: whether an amount is below, equal to or above another one. @param {string} one @param {string} other */
export function compareAmounts(one, other) {
  const [a, b] = [parse("amount", one), parse("amount", other)];
  const difference = a.n * b.d - b.n * a.d;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
