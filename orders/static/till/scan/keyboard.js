/**
 * Scanners that act as a keyboard: characters faster than a human types, ended by Enter.
 *
 * A scan is recognized wherever the focus is. What it has typed into a field is removed from it.
 */

/** In milliseconds: wireless scanners are slower than those with a cable. */
const MAX_GAP = 80;
const MIN_LENGTH = 4;

/**
 * Call `onscan` for each scan. Returns a function that ends it.
 *
 * @param {(code: string) => void} onscan
 * @param {EventTarget} [target]
 */
export function listenForScans(onscan, target = window) {
  let code = "";
  let last = -Infinity;
  /** @type {{field: HTMLInputElement, value: string} | null} */
  let before = null;

  const start = (/** @type {KeyboardEvent} */ event) => {
    code = "";
    const field = event.target;
    const isField = field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement;
    before = isField ? { field: /** @type {any} */ (field), value: field.value } : null;
  };

  const finish = (/** @type {KeyboardEvent} */ event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (before) {
      before.field.value = before.value;
      before.field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    onscan(code);
  };

  /** @param {Event} given */
  const listen = (given) => {
    const event = /** @type {KeyboardEvent} */ (given);
    const isFast = event.timeStamp - last <= MAX_GAP;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.key === "Enter") {
      if (isFast && code.length >= MIN_LENGTH) finish(event);
      code = "";
    } else if (event.key.length === 1) {
      if (!isFast) start(event);
      // A dash within a code is no key of the register.
      else if (/[^+-]/.test(code)) event.stopImmediatePropagation();
      code += event.key;
      last = event.timeStamp;
    }
  };

  target.addEventListener("keydown", listen, { capture: true });
  return () => target.removeEventListener("keydown", listen, { capture: true });
}
