import type { hc, InferRequestType, InferResponseType } from "hono/client";
import type { JSONParsed } from "hono/utils/types";
import type { InferInput, InferOutput } from "valibot";
import { expect, expectTypeOf, test } from "vitest";
import type {
  Change,
  ChangePage,
  Config,
  Guest,
  GuestOptions,
  Item,
  ItemPage,
  NewOrder,
  NewPayment,
  NewReturn,
  Order,
  OrderPage,
  OrderStatus,
  Payment,
  PaymentPage,
  PaymentState,
  ProblemBody,
  ProblemCode,
  RecordedReturn,
  WebhookEvent,
  WebhookOrder,
} from "../../packages/client/src/index.ts";
import type { ChangedItem } from "../../src/orders/changes/change.ts";
import type { App } from "../../src/orders/http/app.ts";
import type { GuestSchema } from "../../src/orders/http/guests.ts";
import type { OrderSchema } from "../../src/orders/http/order-body.ts";
import type { PaymentSchema } from "../../src/orders/http/payments.ts";
import type { ProblemCode as ServerCode } from "../../src/orders/http/problem.ts";
import type { ReturnSchema } from "../../src/orders/http/returns.ts";
import type { PaymentView } from "../../src/orders/order/payment.ts";
import type { OrderData, Payload } from "../../src/orders/webhooks/payload.ts";

/**
 * The published client's own types are what the routes return and take, both ways: `tsc` fails where
 * one has a member, a code or a state that the other has not.
 */

type V1 = ReturnType<typeof hc<App>>["v1"];
type OrderOf = V1["orders"][":id"];

/** As JSON, by the types of Hono, with which it also types a route's response. */
type Sent<T> = Plain<JSONParsed<T>>;

/** All members written out, so that intersections and interfaces compare by what they have. */
type Plain<T> = T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

test("responses are typed as the routes return them", () => {
  expectTypeOf<Sent<Order>>().toEqualTypeOf<Plain<InferResponseType<OrderOf["$get"]>>>();
  expectTypeOf<Sent<Order>>().toEqualTypeOf<Plain<InferResponseType<V1["orders"]["$post"]>>>();
  expectTypeOf<Sent<Order>>().toEqualTypeOf<Plain<InferResponseType<OrderOf["cancel"]["$post"]>>>();
  expectTypeOf<Sent<Order>>().toEqualTypeOf<Plain<InferResponseType<OrderOf["pay"]["$post"]>>>();
  expectTypeOf<Sent<Order>>().toEqualTypeOf<Plain<InferResponseType<OrderOf["extend"]["$post"]>>>();
  expectTypeOf<Sent<OrderPage>>().toEqualTypeOf<Plain<InferResponseType<V1["orders"]["$get"]>>>();
  expectTypeOf<Sent<RecordedReturn>>().toEqualTypeOf<
    Plain<InferResponseType<OrderOf["returns"]["$post"]>>
  >();
  expectTypeOf<Sent<ItemPage>>().toEqualTypeOf<Plain<InferResponseType<V1["items"]["$get"]>>>();
  expectTypeOf<Sent<Item>>().toEqualTypeOf<Plain<InferResponseType<V1["items"][":sku"]["$get"]>>>();
  expectTypeOf<Sent<Config>>().toEqualTypeOf<Plain<InferResponseType<V1["config"]["$get"]>>>();
  expectTypeOf<Sent<Guest>>().toEqualTypeOf<Plain<InferResponseType<V1["guests"]["$post"]>>>();
  expectTypeOf<Sent<{ payment: Payment }>>().toEqualTypeOf<
    Plain<InferResponseType<V1["payments"]["$post"]>>
  >();
  expectTypeOf<Sent<{ payment: Payment }>>().toEqualTypeOf<
    Plain<InferResponseType<V1["payments"][":reference"]["refunded"]["$post"]>>
  >();
  expectTypeOf<Sent<PaymentPage>>().toEqualTypeOf<
    Plain<InferResponseType<V1["payments"]["$get"]>>
  >();
  expectTypeOf<Sent<ChangePage>>().toEqualTypeOf<Plain<InferResponseType<V1["changes"]["$get"]>>>();
  expectTypeOf<ChangePage["changes"][number]>().toEqualTypeOf<Change>();
});

test("events of webhooks are typed as they are sent", () => {
  expectTypeOf<WebhookEvent["type"]>().toEqualTypeOf<Payload["type"]>();
  expectTypeOf<keyof WebhookOrder>().toEqualTypeOf<keyof OrderData>();
  expectTypeOf<OrderData>().toExtend<WebhookOrder>();
  type Data<T extends string> = Extract<WebhookEvent, { type: `${T}.${string}` }>["data"];
  expectTypeOf<Partial<PaymentView>>().toExtend<Data<"payment">>();
  expectTypeOf<ChangedItem>().toExtend<Data<"item">>();
});

test("bodies and filters are typed as the routes take them", () => {
  expectTypeOf<Plain<NewOrder>>().toEqualTypeOf<Plain<InferOutput<typeof OrderSchema>>>();
  expectTypeOf<Plain<NewPayment>>().toEqualTypeOf<Plain<InferInput<typeof PaymentSchema>>>();
  expectTypeOf<Plain<NewReturn>>().toEqualTypeOf<Plain<InferInput<typeof ReturnSchema>>>();
  type OrderFilter = InferRequestType<V1["orders"]["$get"]>["query"]["status"];
  expectTypeOf<OrderStatus | undefined>().toEqualTypeOf<OrderFilter>();
  type PaymentFilter = InferRequestType<V1["payments"]["$get"]>["query"]["state"];
  expectTypeOf<PaymentState | undefined>().toEqualTypeOf<PaymentFilter>();
});

test("a guest's token of Turnstile is named as the route names it", () => {
  type Body = InferInput<typeof GuestSchema>;
  expectTypeOf<Plain<Pick<GuestOptions, keyof Body>>>().toEqualTypeOf<{
    turnstileToken?: Body["turnstileToken"] | undefined;
  }>();
});

test("error codes are the server's closed list; a newer server's code is a text", () => {
  expectTypeOf<ProblemCode>().toEqualTypeOf<ServerCode>();
  const body: ProblemBody = { code: "of_a_newer_server", status: 409, title: "", detail: "" };
  expect(body.code).toBe("of_a_newer_server");
});
