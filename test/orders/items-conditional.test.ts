import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { call, migrate, operatorToken } from "./support/worker.ts";

beforeAll(migrate);

let token: string;
let sku: string;
beforeEach(async () => {
  token = await operatorToken();
  sku = `SKU-${crypto.randomUUID()}`;
});

const CUP = { name: "Cup", price: { amount: 500, currency: "EUR" } };

interface Answer {
  status: number;
  etag: string | null;
  body: Record<string, unknown>;
}

async function ask(method: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await call(method, `/v1/items/${sku}`, { token, body, headers });
  const text = await response.text();
  return {
    status: response.status,
    etag: response.headers.get("ETag"),
    body: text === "" ? {} : JSON.parse(text),
  } satisfies Answer;
}

const put = (body: unknown = CUP, headers?: Record<string, string>) => ask("PUT", body, headers);
const patch = (body: unknown, headers?: Record<string, string>) => ask("PATCH", body, headers);
const archive = (headers?: Record<string, string>) => ask("DELETE", undefined, headers);

async function order(): Promise<[number, string | undefined]> {
  const body = { lines: [{ sku, quantity: 1 }] };
  const response = await call("POST", "/v1/orders", { token, body });
  return [response.status, ((await response.json()) as { code?: string }).code];
}

describe("the revision of an item", () => {
  it("is the first part of its ETag, and grows with each change of its details", async () => {
    expect(await put()).toMatchObject({ status: 201, etag: '"1.0"' });
    expect(await put({ ...CUP, name: "Mug" })).toMatchObject({ status: 200, etag: '"2.0"' });
    expect(await put({ ...CUP, name: "Mug" })).toMatchObject({ status: 200, etag: '"2.0"' });
    expect(await patch({})).toMatchObject({ status: 200, etag: '"2.0"' });
    expect(await patch({ name: "Cup" })).toMatchObject({ etag: '"3.0"', body: { name: "Cup" } });
    await env.DB.prepare("UPDATE items SET level_version = 7 WHERE sku = ?").bind(sku).run();
    expect(await ask("GET")).toMatchObject({ status: 200, etag: '"3.7"' });
  });

  it("saves a reader the item that it has: 304", async () => {
    await put();
    for (const tag of ['"1.0"', 'W/"1.0"', '"9.9", "1.0"', "*"]) {
      expect(await ask("GET", undefined, { "If-None-Match": tag })).toEqual({
        status: 304,
        etag: '"1.0"',
        body: {},
      });
    }
    for (const tag of ['"1.1"', '"2.0"', "1.0"]) {
      expect((await ask("GET", undefined, { "If-None-Match": tag })).status).toBe(200);
    }
  });
});

describe("If-Match", () => {
  it("compares the revision alone", async () => {
    await put();
    for (const tag of ['"1.0"', '"1.99"', '"7.0", "1.3"', "*"]) {
      expect((await put(CUP, { "If-Match": tag })).status).toBe(200);
    }
  });

  it.each(['"2.0"', 'W/"1.0"', '"1"', '"x.0"', '""'])(
    "with %s fails: 412 with the item as it is, and nothing is written",
    async (tag) => {
      await put();
      for (const method of ["PUT", "PATCH", "DELETE"]) {
        const body = method === "PUT" ? { ...CUP, name: "Mug" } : { name: "Mug" };
        const answer = await ask(method, method === "DELETE" ? undefined : body, {
          "If-Match": tag,
        });
        expect(answer).toMatchObject({
          status: 412,
          etag: '"1.0"',
          body: { code: "precondition_failed", item: { sku, name: "Cup", status: "listed" } },
        });
      }
      expect(await ask("GET")).toMatchObject({ etag: '"1.0"', body: { name: "Cup" } });
    },
  );

  it("of an item that there is not fails: 412, and none is created", async () => {
    expect((await put(CUP, { "If-Match": "*" })).status).toBe(412);
    expect((await put(CUP, { "If-Match": '"1.0"' })).status).toBe(412);
    expect((await ask("GET")).status).toBe(404);
    expect((await patch({ name: "x" }, { "If-Match": "*" })).status).toBe(404);
  });

  it.each(["1.0", '"1.0" "2.0"', '"1.0",'])("that is malformed (%j) is 400", async (tag) => {
    expect((await put(CUP, { "If-Match": tag })).status).toBe(400);
  });

  it("lets one of two operators write who have read the same revision, 30 times", async () => {
    await put();
    for (let round = 1; round <= 30; round++) {
      const etag = (await ask("GET")).etag ?? "";
      const write = (name: string) =>
        round % 2
          ? put({ ...CUP, name }, { "If-Match": etag })
          : patch({ name }, { "If-Match": etag });
      const answers = await Promise.all([write(`a${round}`), write(`b${round}`)]);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412]);
      const won = answers.find(({ status }) => status === 200);
      expect((await ask("GET")).body["name"]).toBe(won?.body["name"]);
    }
  });
});

describe("If-None-Match: *", () => {
  it("only creates", async () => {
    expect((await put(CUP, { "If-None-Match": "*" })).status).toBe(201);
    const again = await put({ ...CUP, name: "Mug" }, { "If-None-Match": "*" });
    expect(again).toMatchObject({ status: 412, body: { item: { name: "Cup" } } });
    expect((await put(CUP, { "If-None-Match": '"1.0"' })).status).toBe(400);
    // Neither of these creates.
    expect((await patch({ name: "Mug" }, { "If-None-Match": "*" })).status).toBe(412);
    expect((await archive({ "If-None-Match": "*" })).status).toBe(412);
  });
});

describe("PATCH", () => {
  it("changes what it names, and null removes", async () => {
    const saleStartsAt = "2026-12-01T17:59:37.000Z";
    await put({ ...CUP, limitPerCustomer: 2, saleStartsAt });
    const { body } = await patch({ price: { amount: 700 }, limitPerCustomer: null });
    expect(body).toMatchObject({
      name: "Cup",
      price: { amount: 700, currency: "EUR" },
      limitPerCustomer: null,
      saleStartsAt,
    });
  });

  it("sets and removes a payment window, and leaves it where it is not named", async () => {
    expect((await put({ ...CUP, paymentWindowSeconds: 60 })).body).toMatchObject({
      paymentWindowSeconds: 60,
    });
    expect(await patch({ name: "Mug" })).toMatchObject({
      etag: '"2.0"',
      body: { paymentWindowSeconds: 60 },
    });
    for (const paymentWindowSeconds of [0, 604_800, null]) {
      const { body } = await patch({ paymentWindowSeconds });
      expect(body).toMatchObject({ name: "Mug", paymentWindowSeconds });
    }
    expect((await ask("GET")).etag).toBe('"5.0"');
    await patch({ paymentWindowSeconds: 60 });
    expect((await put()).body).toMatchObject({ paymentWindowSeconds: null });
  });

  it("takes the type of merge patches too", async () => {
    await put();
    const headers = { "Content-Type": "application/merge-patch+json" };
    expect((await patch({ name: "Mug" }, headers)).status).toBe(200);
    expect((await put(CUP, headers)).status).toBe(415);
  });

  it.each([
    [{ name: null }, "/name"],
    [{ name: "" }, "/name"],
    [{ price: null }, "/price"],
    [{ price: { amount: -1 } }, "/price/amount"],
    [{ price: { tax: 1 } }, "/price/tax"],
    [{ stock: 4 }, "/stock"],
    [{ status: "archived" }, "/status"],
    [{ saleEndsAt: "2026-12-01T17:00:00Z" }, ""],
  ])("%j is 400 at %s, and nothing is written", async (body, path) => {
    await put({ ...CUP, saleStartsAt: "2026-12-01T18:00:00Z" });
    const answer = await patch(body);
    expect([answer.status, answer.body["errors"]]).toEqual([
      400,
      [{ path, message: expect.any(String) }],
    ]);
    expect((await ask("GET")).etag).toBe('"1.0"');
  });

  it("by many at once loses none of them", async () => {
    await put();
    const parts = [{ name: "Mug" }, { limitPerCustomer: 3 }, { price: { amount: 1 } }];
    const answers = await Promise.all(parts.map((part) => patch(part)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await ask("GET")).body).toMatchObject({
      name: "Mug",
      limitPerCustomer: 3,
      price: { amount: 1, currency: "EUR" },
    });
  });

  it("of an item that there is not is 404", async () => {
    expect((await patch({ name: "x" })).status).toBe(404);
  });
});

describe("a draft", () => {
  it("is neither shown nor orderable until it is listed", async () => {
    expect((await put({ ...CUP, status: "draft" })).body["status"]).toBe("draft");
    expect((await ask("GET")).status).toBe(404);
    expect(await order()).toEqual([422, "unknown_item"]);
    expect(await isListed()).toBe(false);
    await patch({ status: "listed" });
    expect((await ask("GET")).status).toBe(200);
    expect((await order())[0]).toBe(202);
    expect(await isListed()).toBe(true);
  });
});

describe("an archived item", () => {
  it("is neither shown nor orderable, and a PUT brings it back", async () => {
    await put();
    expect((await order())[0]).toBe(202);
    expect((await archive()).status).toBe(204);
    expect((await archive()).status).toBe(204);
    expect((await archive({ "If-Match": '"1.0"' })).status).toBe(204);
    expect((await ask("GET")).status).toBe(404);
    expect((await patch({ name: "x" })).status).toBe(404);
    expect(await order()).toEqual([422, "unknown_item"]);
    expect(await isListed()).toBe(false);
    expect(await put(CUP, { "If-None-Match": "*" })).toMatchObject({ status: 200, etag: '"3.0"' });
    expect((await order())[0]).toBe(202);
  });

  it("needs to have existed", async () => {
    expect((await archive()).status).toBe(404);
  });
});

async function isListed(): Promise<boolean> {
  for (let cursor = ""; ;) {
    const response = await call("GET", `/v1/items?limit=100${cursor}`);
    const page = (await response.json()) as { items: { sku: string }[]; nextCursor: string | null };
    if (page.items.some((item) => item.sku === sku)) return true;
    if (page.nextCursor === null) return false;
    cursor = `&cursor=${page.nextCursor}`;
  }
}
