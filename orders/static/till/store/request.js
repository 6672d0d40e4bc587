/** A request of IndexedDB as a promise. */

/** Return the result of a request. @template T @param {IDBRequest<T>} asked @returns {Promise<T>} */
export function request(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}
