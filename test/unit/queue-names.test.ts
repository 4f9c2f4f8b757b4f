import { join } from "node:path";
import { expect, test } from "vitest";
import { unstable_readConfig } from "wrangler";

interface Config {
  vars: Record<string, unknown>;
  queues: {
    producers?: { binding: string; queue?: string }[];
    consumers?: { queue: string; dead_letter_queue?: string }[];
  };
}

const config = (file: string): Config =>
  unstable_readConfig({ config: join(import.meta.dirname, "../..", file) });
const orders = config("wrangler.toml");
const stock = config("wrangler.stock.toml");

/** The queue that a binding sends to. */
const producer = ({ queues }: Config, binding: string) =>
  queues.producers?.find((one) => one.binding === binding)?.queue;
const consumed = ({ queues }: Config) => queues.consumers?.map(({ queue }) => queue).toSorted();
const deadQueue = ({ queues }: Config, name: unknown) =>
  queues.consumers?.find(({ queue }) => queue === name)?.dead_letter_queue;

test("the orders Worker's vars name the queues that it sends to and consumes", () => {
  const { vars } = orders;
  expect(producer(orders, "ORDER_EVENTS")).toBe(vars.ORDER_EVENTS_QUEUE);
  expect(producer(orders, "STOCK_EVENTS")).toBe(vars.STOCK_EVENTS_QUEUE);
  expect(consumed(orders)).toEqual(
    [vars.STOCK_EVENTS_QUEUE, vars.STOCK_EVENTS_DLQ_QUEUE, vars.ORDER_EVENTS_DLQ_QUEUE]
      .map(String)
      .toSorted(),
  );
  expect(deadQueue(orders, vars.STOCK_EVENTS_QUEUE)).toBe(vars.STOCK_EVENTS_DLQ_QUEUE);
});

test("the stock Worker's var names the queue that it consumes, and both agree on all names", () => {
  expect(consumed(stock)).toEqual([stock.vars.ORDER_EVENTS_QUEUE]);
  expect(stock.vars.ORDER_EVENTS_QUEUE).toBe(orders.vars.ORDER_EVENTS_QUEUE);
  expect(deadQueue(stock, stock.vars.ORDER_EVENTS_QUEUE)).toBe(orders.vars.ORDER_EVENTS_DLQ_QUEUE);
  expect(producer(stock, "ORDER_EVENTS")).toBe(orders.vars.ORDER_EVENTS_QUEUE);
  expect(producer(stock, "STOCK_EVENTS")).toBe(orders.vars.STOCK_EVENTS_QUEUE);
  expect(producer(stock, "ORDER_EVENTS_DLQ")).toBe(orders.vars.ORDER_EVENTS_DLQ_QUEUE);
});
