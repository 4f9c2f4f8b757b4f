import { Hono } from "hono";
import { expect, it } from "vitest";
import { atMost } from "../../src/orders/http/crowd.ts";
import { Problem, problemResponse } from "../../src/orders/http/problem.ts";

it("a crowd past the limit is 503 with Retry-After at once, and let in again when it is less", async () => {
  const going: (() => void)[] = [];
  const app = new Hono().post("/", atMost(2), async (c) => {
    await new Promise<void>((resolve) => going.push(resolve));
    return c.text("done");
  });
  app.onError((error, c) => problemResponse(c, error as Problem));
  const post = async () => app.request("/", { method: "POST" });

  const [first, second] = [post(), post()];
  const third = await post();
  expect(third.status).toBe(503);
  expect(third.headers.get("Retry-After")).toBe("2");
  expect(await third.json()).toMatchObject({ code: "unavailable" });
  expect(going.length).toBe(2);

  going[0]?.();
  expect((await first).status).toBe(200);
  const fourth = post();
  expect((await post()).status).toBe(503);
  for (const go of going) go();
  expect([(await second).status, (await fourth).status]).toEqual([200, 200]);
});

it("a call that fails makes room as well", async () => {
  const app = new Hono().get("/", atMost(1), () => {
    throw new Error("broken");
  });
  app.onError((_, c) => c.text("failed", 500));
  for (let i = 0; i < 3; i++) expect((await app.request("/")).status).toBe(500);
});
