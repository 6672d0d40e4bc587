/**
 * The last number of each register, once more outside of IndexedDB: browsers that delete that storage often
 * keep this. Then numbers of lost sales are not used again, and the server names them as missing.
 */

const PREFIX = "till-sequence-";

/** @param {string} register @param {number} sequence */
export function keepSequence(register, sequence) {
  try {
    localStorage.setItem(PREFIX + register, `${sequence}`);
  } catch {
    // Where it is forbidden or full, the number in IndexedDB is the only one.
  }
}

/** Return the last number of a register that this browser remembers, or zero. @param {string} register */
export function recallSequence(register) {
  try {
    return Number(localStorage.getItem(PREFIX + register)) || 0;
  } catch {
    return 0;
  }
}
