// Sell, refund and close a shift with the types that openapi-typescript has generated.
import createClient from "openapi-fetch";

import type { components, operations, paths } from "./till.js";

type Order = components["schemas"]["Order"];
type Problem = components["schemas"]["Problem"];
type Sale = operations["orders.create"]["requestBody"]["content"]["application/json"];

declare const process: { argv: string[] };

/** Return the answer, or fail with the code of the problem. */
function expect<Answer>({ data, error }: { data?: Answer; error?: Problem }): Answer {
  if (data === undefined) throw new Error(`${error?.code}: ${error?.detail}`);
  return data;
}

function ensure(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(what);
}

async function logIn(baseUrl: string) {
  const nobody = createClient<paths>({ baseUrl });
  const answer = expect(
    await nobody.POST("/api/v1/auth/token/", {
      body: { tenant: "corner", username: "manager", password: "demo-manager-password" },
    }),
  );
  const token = "access" in answer ? answer.access : answer.access_token;
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
}

type Client = Awaited<ReturnType<typeof logIn>>;

async function sell(client: Client, register: string): Promise<Order> {
  const sale: Sale = {
    id: crypto.randomUUID(),
    register,
    lines: [{ barcode: "9520010000018", quantity: "2" }],
    payments: [{ method: "cash", tendered: "5.00" }],
  };
  const { lines } = sale;
  const priced = expect(await client.POST("/api/v1/orders/calculate/", { body: { lines } }));
  ensure(priced.lines[0]?.trace[0]?.step === "gross", "The trace begins with the gross amount.");
  const order = expect(await client.POST("/api/v1/orders/", { body: sale }));
  ensure(order.status === "completed" && order.total === priced.cash_due, "The order is paid.");
  return order;
}

async function refund(client: Client, order: Order): Promise<void> {
  const path = { id: order.id };
  const refunded = expect(
    await client.POST("/api/v1/orders/{id}/refunds/", {
      params: { path },
      body: { id: crypto.randomUUID(), reason: "Bruised", register: order.register },
    }),
  );
  ensure(refunded.total === order.total, "The whole order is refunded.");
  const seen = expect(await client.GET("/api/v1/orders/{id}/", { params: { path } }));
  ensure(seen.refunds[0]?.id === refunded.id, "The order names its refund.");
}

/** Change a price; the header `If-Match` is required. */
async function changePrice(client: Client): Promise<void> {
  const query = { barcode: "9520010000025" };
  const goods = expect(await client.GET("/api/v1/products/", { params: { query } }));
  const [product] = goods.results;
  if (!product) throw new Error("The demo shop has this product.");
  const path = { id: product.id };
  const params = { path, header: { "If-Match": `"${product.version}"` } };
  const body = { price: "1.99" };
  expect(await client.PATCH("/api/v1/products/{id}/", { params, body }));
  const outdated = await client.PATCH("/api/v1/products/{id}/", { params, body });
  ensure(outdated.error?.code === "version_conflict", "The version is outdated.");
  // @ts-expect-error: the header If-Match is required
  const blind = await client.PATCH("/api/v1/products/{id}/", { params: { path }, body });
  ensure(blind.response.status === 428, "A version is required.");
}

async function close(client: Client, id: string): Promise<void> {
  const params = { path: { id } };
  const report = expect(await client.GET("/api/v1/shifts/{id}/x-report/", { params }));
  ensure(report.sales.count === 1, "The X report has the sale.");
  expect(await client.POST("/api/v1/shifts/{id}/end/", { params }));
  const counted: components["schemas"]["CountedInputRequest"][] = [
    { method: "cash", amount: "100.00" },
  ];
  const closed = expect(
    await client.POST("/api/v1/shifts/{id}/close/", { params, body: { counted } }),
  );
  ensure(closed.status === "closed", "The shift is closed.");
  expect(await client.GET("/api/v1/shifts/{id}/z-report/", { params }));
}

async function main(baseUrl: string): Promise<void> {
  const client = await logIn(baseUrl);
  const registers = expect(await client.GET("/api/v1/registers/"));
  const register = registers.results[0]?.id ?? "";
  const shift = expect(
    await client.POST("/api/v1/shifts/", {
      body: { register, opening_float: "100.00" },
      params: { header: { "Idempotency-Key": "open" } },
    }),
  );
  const { after } = expect(await client.GET("/api/v1/changes/"));
  const order = await sell(client, register);
  await refund(client, order);
  await changePrice(client);
  await close(client, shift.id);
  expect(await client.GET("/api/v1/changes/", { params: { query: { after } } }));
  const page = { params: { query: { page_size: 1 } } };
  const orders = expect(await client.GET("/api/v1/orders/", page));
  const cursor: string | null = orders.cursor;
  ensure(cursor === null, "There is one order.");
  console.log("sold, refunded and closed");
}

await main(process.argv[2] ?? "");
