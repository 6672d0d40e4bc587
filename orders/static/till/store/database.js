/** IndexedDB behind promises. Every write asks for strict durability. */

import { replaceRows } from "./blocks.js";

const VERSION = 3;

/** Create what is missing, in new databases and in those of former versions. @param {IDBDatabase} database @param {IDBTransaction} transaction */
function createStores(database, transaction) {
  const isMissing = (/** @type {string} */ name) => !database.objectStoreNames.contains(name);
  if (isMissing("device")) database.createObjectStore("device");
  if (isMissing("sales")) database.createObjectStore("sales", { keyPath: "id" });
  for (const name of ["products", "prices"]) {
    if (isMissing(name)) database.createObjectStore(name);
    else if (transaction.objectStore(name).keyPath) moveRows(database, transaction.objectStore(name));
  }
}

/** Move the rows of a former version, which had one record for each, into blocks. @param {IDBDatabase} database @param {IDBObjectStore} former */
function moveRows(database, former) {
  const { name } = former;
  former.getAll().onsuccess = ({ target }) => {
    database.deleteObjectStore(name);
    replaceRows(database.createObjectStore(name), /** @type {IDBRequest} */ (target).result);
  };
}

/** Open the database of the register. @param {string} [name] @returns {Promise<IDBDatabase>} */
export function openDatabase(name = "till") {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(name, VERSION);
    opening.onupgradeneeded = () => createStores(opening.result, /** @type {IDBTransaction} */ (opening.transaction));
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      // A newer version of the page in another tab waits for this connection.
      database.onversionchange = () => database.close();
      resolve(database);
    };
  });
}

/**
 * Run `work` in one transaction and return its result after the commit. An error aborts it.
 *
 * @template T
 * @param {IDBDatabase} database
 * @param {string[]} stores
 * @param {IDBTransactionMode} mode
 * @param {(transaction: IDBTransaction) => Promise<T> | T} work
 * @returns {Promise<T>}
 */
export function transact(database, stores, mode, work) {
  return new Promise((resolve, reject) => {
    const durability = mode === "readwrite" ? "strict" : "default";
    const transaction = database.transaction(stores, mode, { durability });
    /** @type {T} */
    let result;
    transaction.oncomplete = () => resolve(result);
    transaction.onabort = () => reject(transaction.error ?? new Error("The write was aborted."));
    Promise.resolve(work(transaction)).then(
      (value) => {
        result = value;
      },
      (error) => {
        reject(error);
        try {
          transaction.abort();
        } catch {
          // It has ended already, and `error` says why.
        }
      },
    );
  });
}
