// Sell, refund and close a shift with the types that openapi-typescript has generated.
import createClient from "openapi-fetch";

import type { components, operations, paths } from "./till.js";

type Order = components["schemas"]["Order"];
type Sale = operations["orders.create"]["requestBody"]["content"]["application/json"];

const nobody = createClient<paths>({ baseUrl: "/" });

async function logIn() {
  const { data, error } = await nobody.POST("/api/v1/auth/token/", {
    body: { tenant: "corner", username: "lena", password: "demo-till-password" },
  });
  if (!data) throw new Error(error.code);
  const token = "access" in data ? data.access : data.access_token;
  return createClient<paths>({ baseUrl: "/", headers: { Authorization: `Bearer ${token}` } });
}

export async function main(register: string, refund: string): Promise<string> {
  const client = await logIn();
  const opened = await client.POST("/api/v1/shifts/", {
    body: { register, opening_float: "100.00" },
    params: { header: { "Idempotency-Key": "open" } },
  });
  if (!opened.data) throw new Error(opened.error.detail);

  const sale: Sale = {
    register,
    lines: [{ barcode: "9520010000018", quantity: "2" }],
    payments: [{ method: "cash", tendered: "5.00" }],
  };
  const priced = await client.POST("/api/v1/orders/calculate/", { body: sale });
  const step = priced.data?.lines[0]?.trace[0];
  if (step?.step === "gross") console.log(step.unit_price, priced.data?.cash_due);

  const sold = await client.POST("/api/v1/orders/", { body: sale });
  const order: Order | undefined = sold.data;
  if (!order) throw new Error(sold.error?.code);
  const refunds: components["schemas"]["Refund"][] = order.refunds;

  await client.POST("/api/v1/orders/{id}/refunds/", {
    params: { path: { id: order.id } },
    body: { id: refund, reason: "Bruised", register },
  });
  await client.PATCH("/api/v1/orders/{id}/", {
    params: { path: { id: order.id }, header: { "If-Match": `"${order.version}"` } },
    body: { note: "For Ann" },
  });
  // @ts-expect-error: the header If-Match is required
  await client.PATCH("/api/v1/orders/{id}/", { params: { path: { id: order.id } }, body: {} });

  const closed = await client.POST("/api/v1/shifts/{id}/close/", {
    params: { path: { id: opened.data.id } },
    body: { counted: [{ method: "cash", amount: "100.00" }] },
  });
  const next = await client.GET("/api/v1/orders/", { params: { query: { page_size: 1 } } });
  const cursor: string | null | undefined = next.data?.cursor;
  return [closed.data?.status, cursor, ...refunds.map((each) => each.total)].join(" ");
}
