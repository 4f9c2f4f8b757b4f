import * as v from "valibot";
import { ActorSchema } from "../src/contract/actor.ts";
import type { DeadLetter } from "../src/contract/dead-letter.ts";
import { OrderIdSchema } from "../src/contract/order-id.ts";
import { QuantitySchema, SkuSchema } from "../src/contract/sku.ts";
import type { Movement } from "../src/contract/stock-api.ts";
import { LevelSchema, ShortageSchema } from "../src/contract/stock-events.ts";
import { TraceIdSchema } from "../src/contract/trace.ts";
import type { ExportedOrderView } from "../src/orders/export/accounts.ts";
import type { FeedMessage } from "../src/orders/feed/protocol.ts";
import type { ConfigView } from "../src/orders/http/config.ts";
import { CurrencySchema } from "../src/orders/http/currency.ts";
import { GuestSchema } from "../src/orders/http/guests.ts";
import { ItemPatchSchema, ItemSchema } from "../src/orders/http/item-body.ts";
import { ReconcileSchema } from "../src/orders/http/operators.ts";
import { ExtensionSchema, OrderSchema } from "../src/orders/http/order-body.ts";
import { PaymentSchema } from "../src/orders/http/payments.ts";
import {
  frozenView,
  OrphanSchema,
  RecoverSchema,
  ThawSchema,
} from "../src/orders/http/recovery.ts";
import { ReturnSchema } from "../src/orders/http/returns.ts";
import { AdjustmentSchema, StockCountSchema } from "../src/orders/http/stock-body.ts";
import type { StockView } from "../src/orders/http/stock.ts";
import type { ItemStatus, ItemView, StockedItem } from "../src/orders/items/item.ts";
import type { Alert } from "../src/orders/operators/alerts.ts";
import type { MinuteView, Dashboard } from "../src/orders/operators/dashboard.sql.ts";
import type { Difference } from "../src/orders/operators/difference.ts";
import type { DemandView } from "../src/orders/operators/item-demand.ts";
import type { RepairedDifference } from "../src/orders/operators/repair.ts";
import type { historyView, OrderView } from "../src/orders/order/order.ts";
import type { PaymentView } from "../src/orders/order/payment.ts";
import type { ReturnView } from "../src/orders/order/return.ts";
import type { RecoverPage } from "../src/orders/recover/recover.ts";
import { BULK_SCHEMAS } from "./bulk-schemas.ts";
import { changeSchemas } from "./change-schemas.ts";
import { exportSchemas } from "./export-schemas.ts";
import { WEBHOOK_SCHEMAS } from "./webhook-schemas.ts";

/**
 * Schemas of the responses, for /openapi.json only: the Worker validates requests, not its
 * responses. `satisfies` checks each schema against the type that the handlers return. Requests use
 * the schemas that validate them.
 */

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const whole = v.pipe(v.number(), v.integer());
const time = v.pipe(v.string(), v.isoTimestamp());
const nextCursor = v.nullable(v.string());
const milliseconds = v.nullable(count);

const Money = v.object({ amount: count, currency: v.pipe(v.string(), v.regex(/^[A-Z]{3}$/)) });
const Status = v.picklist(["pending", "confirmed", "paid", "cancelled", "returned"]);
const StoredStatus = v.picklist(["pending", "confirmed", "paid", "cancelled"]);
const Reason = v.picklist([
  "out_of_stock",
  "limit_exceeded",
  "paused",
  "customer_request",
  "operator_request",
  "payment_timeout",
  "lock_timeout",
  "not_recorded",
]);

const OrderLine = v.object({
  sku: SkuSchema,
  name: v.string(),
  quantity: QuantitySchema,
  price: Money,
  returned: v.exactOptional(count),
}) satisfies v.GenericSchema<unknown, OrderView["lines"][number]>;

const Order = v.object({
  id: OrderIdSchema,
  status: Status,
  reason: v.nullable(Reason),
  shortages: v.exactOptional(v.array(ShortageSchema)),
  lines: v.array(OrderLine),
  total: Money,
  amountDue: count,
  metadata: v.exactOptional(v.record(v.string(), v.string())),
  successorOf: v.exactOptional(OrderIdSchema),
  customerId: v.string(),
  revision: v.pipe(v.number(), v.integer(), v.minValue(1)),
  placedAt: time,
  updatedAt: time,
  payBy: v.nullable(time),
}) satisfies v.GenericSchema<unknown, OrderView>;

/** The Worker's own begins with `unknown`, to see names that a record drops. */
const NewOrder = v.strictObject({
  ...OrderSchema.entries,
  metadata: v.exactOptional(v.record(v.string(), v.string())),
});

const Item = v.object({
  sku: SkuSchema,
  name: v.string(),
  price: Money,
  available: count,
  received: count,
  paused: v.boolean(),
  limitPerCustomer: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))),
  paymentWindowSeconds: v.nullable(count),
  saleStartsAt: v.nullable(time),
  saleEndsAt: v.nullable(time),
}) satisfies v.GenericSchema<unknown, ItemView>;

const ItemDetails = v.object({
  ...Item.entries,
  status: v.picklist(["draft", "listed"]),
}) satisfies v.GenericSchema<unknown, ItemView & { status: ItemStatus }>;

const Balance = v.object({ received: count, available: count, held: count, sold: count });

const OperatorItem = v.object({
  sku: SkuSchema,
  name: v.string(),
  price: Money,
  limitPerCustomer: Item.entries.limitPerCustomer,
  paymentWindowSeconds: Item.entries.paymentWindowSeconds,
  saleStartsAt: v.nullable(time),
  saleEndsAt: v.nullable(time),
  status: v.picklist(["draft", "listed", "archived"]),
  statusBefore: v.exactOptional(v.picklist(["draft", "listed"])),
  etag: v.string(),
  saleState: v.picklist(["upcoming", "open", "ended"]),
  paused: v.boolean(),
  level: Balance,
  updatedAt: time,
}) satisfies v.GenericSchema<unknown, StockedItem>;

const StockLevel = v.object({
  ...LevelSchema.entries,
  paused: v.boolean(),
  pauseChange: v.nullable(v.object({ at: time, actor: ActorSchema })),
}) satisfies v.GenericSchema<unknown, StockView>;

const Payment = v.object({
  reference: v.string(),
  orderId: v.string(),
  amount: count,
  currency: v.pipe(v.string(), v.regex(/^[A-Z]{3}$/)),
  state: v.picklist(["applied", "waiting", "unmatched", "refunded"]),
  why: v.exactOptional(v.picklist(["unknown_order", "amount", "already_paid", "ended"])),
  successorId: v.exactOptional(OrderIdSchema),
  receivedAt: time,
}) satisfies v.GenericSchema<unknown, PaymentView>;

const OrderReturn = v.object({
  id: OrderIdSchema,
  orderId: OrderIdSchema,
  lines: v.array(v.object({ sku: SkuSchema, quantity: QuantitySchema })),
  restock: v.boolean(),
  reason: v.string(),
  actor: ActorSchema,
  at: time,
  state: v.picklist(["pending", "applied"]),
}) satisfies v.GenericSchema<unknown, ReturnView>;

const StockMovement = v.object({
  seq: v.pipe(v.number(), v.integer(), v.minValue(1)),
  kind: v.picklist([
    "opening",
    "receive",
    "adjust",
    "lock",
    "release",
    "commit",
    "return",
    "write_off",
  ]),
  quantity: whole,
  orderId: v.nullable(OrderIdSchema),
  operationId: v.nullable(v.string()),
  reason: v.nullable(v.string()),
  actor: v.nullable(ActorSchema),
  at: time,
  balance: Balance,
}) satisfies v.GenericSchema<unknown, Movement>;

const Minute = v.object({
  minute: time,
  placed: count,
  confirmed: count,
  paid: count,
  cancelled: count,
  refused: count,
  refusedAtDoor: count,
  settleLatencyMs: v.object({ p50: milliseconds, p99: milliseconds }),
}) satisfies v.GenericSchema<unknown, MinuteView>;

const demandCounts = { asked: count, confirmed: count, refused: count, refusedAtDoor: count };
const DemandMinute = v.object({ minute: time, ...demandCounts });
const DemandUnits = v.object(demandCounts);
const Revenue = v.object({ ...Money.entries, units: count });
const ItemDemand = v.object({
  sku: SkuSchema,
  perMinute: v.pipe(v.array(DemandMinute), v.length(60)),
  units: DemandUnits,
  partial: v.boolean(),
  revenue: v.array(Revenue),
  unitsWithoutPrice: count,
}) satisfies v.GenericSchema<unknown, DemandView>;

const FrozenState = v.object({
  since: time,
  reason: v.picklist(["database_put_back", "operator"]),
  restoredTo: v.nullable(time),
  recovered: v.boolean(),
}) satisfies v.GenericSchema<unknown, ReturnType<typeof frozenView>>;

const RecoveryPage = v.object({
  applied: v.boolean(),
  orders: v.array(
    v.object({
      orderId: OrderIdSchema,
      customerId: v.string(),
      before: v.nullable(StoredStatus),
      after: StoredStatus,
    }),
  ),
  unrecoverable: v.array(
    v.object({
      sku: SkuSchema,
      orderId: v.nullable(OrderIdSchema),
      why: v.picklist(["no_record", "unknown_item"]),
    }),
  ),
  drafts: v.array(SkuSchema),
  nextCursor,
}) satisfies v.GenericSchema<
  unknown,
  Omit<RecoverPage, "next"> & { applied: boolean; nextCursor: string | null }
>;

const TurnstileWidget = v.object({ siteKey: v.string(), action: v.string() });

const OperationsAlert = v.object({
  code: v.picklist([
    "frozen",
    "item_put_back",
    "stuck",
    "cron_silent",
    "stock_away",
    "backlog",
    "turnstile_misconfigured",
    "breaches",
    "dead_letters",
    "money_unmatched",
    "webhook_off",
    "webhook_failing",
    "webhook_refusing",
  ]),
  since: v.nullable(time),
  text: v.string(),
  action: v.string(),
}) satisfies v.GenericSchema<unknown, Alert>;

const OperationsView = v.object({
  orders: v.object({
    pending: count,
    confirmed: count,
    paid: count,
    cancelled: count,
    returned: count,
  }),
  unsettled: v.object({ count, oldestAgeSeconds: count }),
  settleLatencyMs: v.object({ p50: milliseconds, p95: milliseconds, p99: milliseconds }),
  perMinute: v.pipe(v.array(Minute), v.length(60)),
  refusedAtDoor: v.pipe(
    v.array(v.object({ sku: v.string(), orders: count, units: count })),
    v.maxLength(20),
  ),
  deadLetters: count,
  breaches: count,
  frozen: v.nullable(FrozenState),
  alerts: v.array(OperationsAlert),
}) satisfies v.GenericSchema<
  unknown,
  Dashboard & { frozen: ReturnType<typeof frozenView> | null; alerts: Alert[] }
>;

const Transition = v.object({
  revision: v.pipe(v.number(), v.integer(), v.minValue(1)),
  step: v.picklist([
    "placed",
    "confirmed",
    "paid",
    "cancelled",
    "extended",
    "returned",
    "window_opened",
    "recovered",
  ]),
  status: StoredStatus,
  reason: v.nullable(Reason),
  at: time,
  actor: v.nullable(ActorSchema),
}) satisfies v.GenericSchema<unknown, ReturnType<typeof historyView>>;

const Lock = v.object({ quantity: count, state: v.picklist(["held", "sold"]) });

const StockDifference = v.object({
  kind: v.picklist(["missing_lock", "unreleased", "wrong_lock", "orphan_lock", "stuck"]),
  sku: SkuSchema,
  orderId: OrderIdSchema,
  status: v.nullable(StoredStatus),
  expected: v.nullable(Lock),
  found: v.nullable(Lock),
  awaits: v.exactOptional(v.picklist(["lock", "release", "commit"])),
  since: v.exactOptional(time),
  repaired: v.exactOptional(v.boolean()),
}) satisfies v.GenericSchema<unknown, Difference & Partial<RepairedDifference>>;

const Letter = v.object({
  id: v.string(),
  queue: v.string(),
  body: v.unknown(),
  attempts: count,
  error: v.string(),
  at: time,
}) satisfies v.GenericSchema<unknown, DeadLetter>;

const Snapshot = v.object({
  type: v.literal("snapshot"),
  orders: v.array(Order),
  truncated: v.boolean(),
}) satisfies v.GenericSchema<unknown, FeedMessage>;

const Push = v.object({ type: v.literal("order"), order: Order }) satisfies v.GenericSchema<
  unknown,
  FeedMessage
>;

const exported = exportSchemas(Order, Payment, OrderReturn, OperatorItem);
exported.ExportedOrder satisfies v.GenericSchema<unknown, ExportedOrderView>;

/** Every schema of the contract except the problems, by its name in the contract. */
export const SCHEMAS = {
  NewOrder,
  Extension: ExtensionSchema,
  NewReturn: ReturnSchema,
  NewPayment: PaymentSchema,
  StripeNotice: v.objectWithRest({ type: v.string() }, v.unknown()),
  NewItem: ItemSchema,
  ItemPatch: ItemPatchSchema,
  Adjustment: AdjustmentSchema,
  StockCount: StockCountSchema,
  StockChange: v.union([AdjustmentSchema, StockCountSchema]),
  Reconcile: ReconcileSchema,
  Thaw: ThawSchema,
  Recover: RecoverSchema,
  Orphan: OrphanSchema,
  Currency: CurrencySchema,
  Money,
  Status,
  Reason,
  OrderLine,
  Shortage: ShortageSchema,
  Order,
  OrderPage: v.object({ orders: v.array(Order), nextCursor }),
  OrderSearchPage: v.object({ orders: v.array(Order), nextCursor, searchedTo: v.nullable(time) }),
  Item,
  ItemPage: v.object({ items: v.array(Item), nextCursor }),
  ItemDetails,
  StockedItem: OperatorItem,
  StockedItemPage: v.object({ items: v.array(OperatorItem), nextCursor }),
  Return: OrderReturn,
  RecordedReturn: v.object({ return: OrderReturn, order: Order }),
  Returns: v.object({ returns: v.array(OrderReturn) }),
  Payment,
  RecordedPayment: v.object({ payment: Payment }),
  NoticedPayment: v.object({ payment: v.nullable(Payment) }),
  PaymentPage: v.object({ payments: v.array(Payment), nextCursor }),
  ...changeSchemas(Order, Payment),
  ...exported,
  ...WEBHOOK_SCHEMAS,
  ...BULK_SCHEMAS,
  Level: LevelSchema,
  StockLevel,
  Balance,
  Movement: StockMovement,
  Ledger: v.object({ movements: v.array(StockMovement), nextCursor }),
  Minute,
  DemandMinute,
  DemandUnits,
  Revenue,
  Demand: ItemDemand,
  Alert: OperationsAlert,
  FrozenState,
  Freezing: v.object({ frozen: v.nullable(FrozenState) }),
  Recovery: RecoveryPage,
  SettledOrphan: v.object({ orderId: OrderIdSchema, status: v.nullable(StoredStatus) }),
  Operations: OperationsView,
  Actor: ActorSchema,
  Transition,
  History: v.object({ traceId: TraceIdSchema, transitions: v.array(Transition) }),
  Lock,
  Difference: StockDifference,
  Differences: v.object({ differences: v.array(StockDifference), nextCursor }),
  DeadLetter: Letter,
  DeadLetterPage: v.object({ deadLetters: v.array(Letter), nextCursor }),
  Replay: v.object({ id: v.string(), outcome: v.picklist(["reconciled", "resent"]) }),
  TurnstileWidget,
  Config: v.object({
    guestCheckout: v.boolean(),
    paymentWindowSeconds: count,
    turnstile: v.nullable(TurnstileWidget),
  }) satisfies v.GenericSchema<ConfigView>,
  NewGuest: GuestSchema,
  Guest: v.object({ customerId: v.string(), token: v.string() }),
  Health: v.object({ status: v.literal("ok"), version: v.string() }),
  Contract: v.objectWithRest({ openapi: v.literal("3.1.1") }, v.unknown()),
  FeedTicket: v.object({ ticket: v.string(), expiresAt: time }),
  FeedSnapshot: Snapshot,
  FeedOrder: Push,
} as const;

export type SchemaName = keyof typeof SCHEMAS;
export type Example<N extends SchemaName> = v.InferInput<(typeof SCHEMAS)[N]>;
