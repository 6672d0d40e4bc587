/** IndexedDB behind promises. Every write asks for strict durability. */

const VERSION = 2;

/** Create what is missing, in new databases and in those of former versions. @param {IDBDatabase} database */
function createStores(database) {
  if (!database.objectStoreNames.contains("device")) database.createObjectStore("device");
  for (const name of ["products", "prices", "sales"]) {
    const isMissing = !database.objectStoreNames.contains(name);
    if (isMissing) database.createObjectStore(name, { keyPath: "id" });
  }
}

/** Open the database of the register. @param {string} [name] @returns {Promise<IDBDatabase>} */
export function openDatabase(name = "till") {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(name, VERSION);
    opening.onupgradeneeded = () => createStores(opening.result);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      // A newer version of the page in another tab waits for this connection.
      database.onversionchange = () => database.close();
      resolve(database);
    };
  });
}

/** Return the result of a request. @template T @param {IDBRequest<T>} asked @returns {Promise<T>} */
export function request(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
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
